/* Pictures of every screen, light and dark, on three widths, into mock/out/. */
import { mkdirSync } from 'node:fs';
import { startMock } from './server.mjs';
import { login, openBrowser } from './browser.mjs';

const OUT = new URL('./out/', import.meta.url).pathname;
mkdirSync(OUT, { recursive: true });
const only = process.argv[2];
const SIZES = { wide: { width: 1280, height: 800 }, phone: { width: 390, height: 844 }, small: { width: 320, height: 640 } };

const mock = await startMock();
const browser = await openBrowser();
try {
  for (const scheme of ['light', 'dark']) {
    for (const [name, viewport] of Object.entries(SIZES)) {
      if (only && !`${name}-${scheme}`.includes(only)) continue;
      const touch = name !== 'wide';
      const context = await browser.newContext({ viewport, colorScheme: scheme, hasTouch: touch, isMobile: touch, deviceScaleFactor: 1 });
      const page = await context.newPage();
      page.on('console', (m) => m.type() === 'error' && console.log(`[${name}-${scheme}]`, m.text()));
      page.on('pageerror', (e) => console.log(`[${name}-${scheme}] page error`, e.message));
      let n = 0;
      const shot = async (what) => {
        await page.waitForTimeout(260);
        await page.screenshot({ path: `${OUT}${name}-${scheme}-${String(++n).padStart(2, '0')}-${what}.png` });
      };
      await page.goto(`${mock.url}/login`);
      await page.getByLabel('Name').waitFor();
      await shot('login');
      await page.goto(`${mock.url}/signup`);
      await page.getByLabel('Name').fill('Robin!');
      await page.getByLabel('Password', { exact: true }).fill('short');
      await page.getByRole('button', { name: 'Make an account' }).click();
      await shot('signup-errors');
      await login(page, mock.url);
      const garden = mock.order('room', { room: 'Garden' }).id;
      await page.goto(`${mock.url}/r/${garden}`);
      await page.getByText('Wonderful.').waitFor();
      mock.order('typing', { room: 'Garden', users: ['Ada Byron', 'Mira'] });
      await shot('room');
      if (touch) {
        await page.getByRole('button', { name: /Open the room list/ }).click();
        await shot('drawer');
        await page.keyboard.press('Escape');
        await page.waitForTimeout(100);
      }
      await page.getByRole('button', { name: /members/ }).click();
      await shot('members');
      await page.getByRole('button', { name: 'Close the member list' }).click();
      await page.getByText('And the compost').click();
      await shot('message-actions');
      await page.getByRole('button', { name: 'Edit message' }).click();
      await shot('editing');
      await page.keyboard.press('Escape');
      await page.getByText('And the compost').click();
      await page.getByRole('button', { name: 'Delete message' }).click();
      await shot('delete');
      await page.keyboard.press('Escape');
      await page.locator('[role=log]').evaluate((el) => (el.scrollTop = el.scrollHeight - 2400));
      await page.waitForTimeout(200);
      mock.order('say', { room: 'Garden', user: 'Mira', text: 'News while you read above', times: 3 });
      await shot('new-messages');
      await page.getByRole('button', { name: /new messages/ }).click();
      mock.order('knobs', { failPosts: 'too_large' });
      await page.locator('#composer').fill('This one will be refused.');
      await page.keyboard.press('Enter');
      await page.getByText('Not sent.').first().waitFor();
      mock.order('knobs', { failPosts: '', down: true });
      mock.order('close', { code: 1001 });
      await page.locator('#composer').fill('Said while the line was down.');
      await page.keyboard.press('Enter');
      await page.waitForTimeout(2400);
      await shot('offline');
      mock.order('knobs', { down: false });
      await page.getByRole('button', { name: /Try now|Connecting/ }).click();
      await page.getByText('No connection.').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Discard' }).first().click();
      await page.locator('#composer').fill('é'.repeat(2100));
      await page.keyboard.press('Enter');
      await shot('too-long');
      await page.locator('#composer').fill('');
      await page.keyboard.press('Control+k');
      await page.getByRole('combobox').fill('re');
      await shot('switcher');
      await page.keyboard.press('Escape');
      await page.locator('[role=log]').focus();
      await page.keyboard.press('?');
      await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
      await shot('help');
      await page.keyboard.press('Escape');
      mock.order('role', { room: 'Garden', user: 'Robin', role: 2 });
      await page.goto(`${mock.url}/r/${garden}`);
      await page.getByRole('button', { name: /members/ }).click();
      await page.getByRole('button', { name: 'What you can do about Mira' }).click();
      await shot('member-menu');
      await page.getByRole('menuitem', { name: 'Ban from this room' }).click();
      await shot('member-ban');
      await page.getByRole('button', { name: 'Cancel' }).click();
      mock.order('role', { room: 'Garden', user: 'Robin', role: 0 });
      mock.order('signIn', { user: 'Robin', device: 'Web on Android', userAgent: 'x Firefox/133.0', address: '2001:db8:1234:5678:9abc:def0:1234:5678', agoMs: 7_200_000 });
      await page.goto(`${mock.url}/settings`);
      await page.getByText('this device', { exact: true }).waitFor();
      await shot('settings');
      await page.getByRole('button', { name: 'Change password' }).click();
      await page.getByRole('button', { name: 'Change password' }).scrollIntoViewIfNeeded();
      await shot('settings-errors');
      await page.goto(`${mock.url}/browse`);
      await page.getByText('Photography').waitFor();
      await shot('browse');
      await page.getByLabel('Search by name').fill('zzz');
      await page.getByText('No public room').waitFor();
      await shot('browse-none');
      await page.getByRole('button', { name: 'Create a room' }).last().click();
      await page.getByRole('button', { name: 'Create room' }).click();
      await shot('create-errors');
      await page.keyboard.press('Escape');
      const longId = mock.order('room', { room: 'A room with quite a long name, as people will make them' }).id;
      await page.goto(`${mock.url}/r/${longId}`);
      await page.getByText('aaaa').waitFor();
      await shot('long-names');
      await context.close();

      const fresh = await browser.newContext({ viewport, colorScheme: scheme, hasTouch: touch, isMobile: touch });
      const first = await fresh.newPage();
      await first.goto(`${mock.url}/signup`);
      await first.getByLabel('Name').fill(`New ${name} ${scheme}`);
      await first.getByLabel('Password', { exact: true }).fill('a long enough one');
      await first.getByRole('button', { name: 'Make an account' }).click();
      await first.getByText('Welcome').waitFor();
      await first.waitForTimeout(300);
      await first.screenshot({ path: `${OUT}${name}-${scheme}-${++n}-first-run.png` });
      await fresh.close();
    }
  }
} finally {
  await browser.close();
  await mock.stop();
}
