/* The client in a real browser, against the stand-in server: what only layout, storage, several tabs and a real
 * network can show. `node tests/browser/run.mjs [part of a name]`; needs a build and Chromium (CHROME_PATH). */
import { AxeBuilder } from '@axe-core/playwright';
import { login, openBrowser } from '../../mock/browser.mjs';
import { startMock } from '../../mock/server.mjs';

const only = process.argv[2] ?? '';
const mock = await startMock();
const browser = await openBrowser();
const garden = mock.order('room', { room: 'Garden' }).id;
const lunch = mock.order('room', { room: 'Lunch' }).id;
let passed = 0;
let failed = 0;

function check(what, ok) {
  if (!ok) throw new Error(`not so: ${what}`);
}
/* Until it is so: a loaded machine takes its time. */
async function until(what, ok, ms = 15_000) {
  for (const end = Date.now() + ms; !(await ok()); await new Promise((done) => setTimeout(done, 30)))
    if (Date.now() > end) throw new Error(`not so within ${ms} ms: ${what}`);
}
const focused = (locator) => locator.evaluate((el) => el === document.activeElement);
const isAtEnd = (page) => box(page).evaluate((el) => el.scrollHeight - el.scrollTop - el.clientHeight < 2);
const linesOf = (room) => mock.order('lines', { room });
const box = (page) => page.locator('[role=log]');
const near = (a, b) => Math.abs(a - b) <= 1;

async function test(name, options, body) {
  if (!name.includes(only)) return;
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const troubles = [];
  page.on('pageerror', (e) => troubles.push(e.message));
  page.on('console', (m) => /Content Security Policy|Trusted|violat/i.test(m.text()) && troubles.push(m.text()));
  try {
    await body(page, context);
    check(`no error in the page: ${troubles.join('; ')}`, troubles.length === 0);
    passed++;
    console.log(`ok ${name}`);
  } catch (e) {
    failed++;
    console.log(`FAILED ${name}: ${e.message.split('\n').slice(0, 4).join(' | ')}`);
  } finally {
    mock.order('knobs', { failPosts: '', down: false, refuseSockets: false, httpDelayMs: 0, muteAcks: false, holdUploads: false, failUploads: '' });
    await context.close();
  }
}

async function open(page, room = garden) {
  await login(page, mock.url);
  await page.goto(`${mock.url}/r/${room}`);
  await page.locator('[role=log][aria-busy=false]').waitFor();
  await page.waitForTimeout(50);
}

/** Top of a row with this text, from the top of the box; to be the same before and after. */
const topOf = (page, text) => page.getByText(text, { exact: true }).evaluate((el) => Math.round(el.getBoundingClientRect().top));

async function say(page, text) {
  await page.locator('#composer').fill(text);
  await page.keyboard.press('Enter');
}

await test('a line is pending at once, then stored, in its place', {}, async (page) => {
  await open(page);
  mock.order('knobs', { muteAcks: true });
  await say(page, 'First words');
  await page.getByText('First words').waitFor();
  const before = await topOf(page, 'First words');
  await page.waitForTimeout(200);
  check('it did not move', (await topOf(page, 'First words')) === before);
  check('it has no mark', (await page.getByText('Waiting to be sent').count()) === 0);
});

await test('double Enter and a doubled click cannot double', {}, async (page) => {
  await open(page);
  const before = linesOf('Garden').length;
  await page.locator('#composer').fill('Once');
  await Promise.all([page.keyboard.press('Enter'), page.keyboard.press('Enter'), page.keyboard.press('Enter')]);
  await page.locator('#composer').fill('Twice no');
  await page.getByRole('button', { name: 'Send' }).dblclick();
  await until('two lines', () => linesOf('Garden').length >= before + 2);
  await page.waitForTimeout(300);
  check('no more of them', linesOf('Garden').length === before + 2);
});

await test('offline: kept, survives a reload, goes out once', {}, async (page) => {
  await open(page, lunch);
  mock.order('knobs', { refuseSockets: true });
  mock.order('close', { code: 1012 });
  await say(page, 'While offline 1');
  await say(page, 'While offline 2');
  await page.getByText('No connection.').waitFor();
  await page.reload();
  await page.waitForTimeout(300);
  mock.order('knobs', { refuseSockets: false });
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await page.getByText('While offline 2').waitFor();
  await until('both are stored', () => linesOf('Lunch').length >= 2);
  check('both, in order, once', JSON.stringify(linesOf('Lunch').map((l) => l.text)) === JSON.stringify(['While offline 1', 'While offline 2']));
});

await test('no bar for a blip', {}, async (page) => {
  await open(page);
  mock.order('close', { code: 1012 });
  await page.waitForTimeout(900);
  check('no bar', (await page.getByText('No connection.').count()) === 0);
});

await test('two tabs: one line, shown in both, read in both', {}, async (page, context) => {
  await open(page);
  const other = await context.newPage();
  await other.goto(`${mock.url}/r/${garden}`);
  await other.locator('[role=log][aria-busy=false]').waitFor();
  const before = linesOf('Garden').length;
  await say(page, 'From the first tab');
  await other.getByText('From the first tab').waitFor();
  await say(other, 'From the second tab');
  await page.getByText('From the second tab').waitFor();
  await until('two lines', () => linesOf('Garden').length === before + 2);
  await until('each once', async () => (await page.getByText('From the first tab').count()) === 1);
});

await test('marked unread from here: on both tabs, kept over a reload, read again when entered again', {}, async (page, context) => {
  await open(page, lunch);
  const words = `keep ${Date.now()}`;
  mock.order('say', { room: 'Lunch', user: 'Mira', text: words });
  await page.getByText(words).waitFor();
  const other = await context.newPage();
  await other.goto(`${mock.url}/r/${garden}`);
  await other.locator('[role=log][aria-busy=false]').waitFor();
  const row = page.locator('[role=article]').last();
  await row.focus();
  await page.keyboard.press('u');
  const badge = other.locator('nav a', { hasText: 'Lunch' });
  await badge.getByText('1 unread').waitFor();
  await page.locator('[data-key=unread]').waitFor();
  mock.order('say', { room: 'Lunch', user: 'Mira', text: `${words} more` });
  await badge.getByText('2 unread').waitFor(); // on screen, and not read
  await other.reload();
  await badge.getByText('2 unread').waitFor();
  await until('the title and its picture say so', async () => (await other.title()).startsWith('(') && (await other.locator('link[rel=icon]').getAttribute('href')) === '/icon-dot.svg');
  await page.locator('nav a', { hasText: 'Garden' }).click();
  await page.locator('nav a', { hasText: 'Lunch' }).click();
  await other.waitForFunction(() => !document.querySelector('nav')?.textContent?.includes('2 unread'));
});

await test('the level of a room: by keyboard, on both tabs', {}, async (page, context) => {
  await open(page, garden);
  const other = await context.newPage();
  await other.goto(`${mock.url}/r/${garden}`);
  await other.locator('[role=log][aria-busy=false]').waitFor();
  await page.getByRole('button', { name: 'Room menu' }).first().focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitemradio', { name: 'Nothing' }).press('Enter');
  await page.goto(`${mock.url}/r/${lunch}`);
  await page.locator('[role=log][aria-busy=false]').waitFor();
  await other.getByRole('button', { name: 'Room menu' }).first().click();
  await until('there too', async () => (await other.getByRole('menuitemradio', { name: 'Nothing' }).getAttribute('aria-checked')) === 'true');
  await other.getByRole('menuitemradio', { name: 'Every message' }).click();
});

await test('pins: counted in the header, listed, gone to and taken away, by keyboard', {}, async (page) => {
  await open(page, garden);
  const words = `pin me ${Date.now()}`;
  mock.order('say', { room: 'Garden', user: 'Mira', text: words });
  const row = page.locator('[role=article]', { hasText: words });
  await row.focus();
  await row.getByRole('button', { name: 'Pin message' }).press('Enter');
  await row.getByText('Pinned').waitFor();
  const shown = page.getByRole('button', { name: /pinned messages\. Show/ });
  const count = Number(/^(\d+)/.exec((await shown.getAttribute('aria-label')) ?? '')?.[1]);
  check('counted', count > 0);
  await shown.press('Enter');
  const panel = page.getByRole('region', { name: 'Pinned messages' });
  await panel.getByText(words).first().waitFor();
  await panel.getByRole('button', { name: `Go to it: ${words}` }).press('Enter');
  await panel.getByRole('button', { name: `Take the pin away: ${words}` }).press('Enter');
  await page.getByRole('button', { name: new RegExp(`^${count - 1} pinned`) }).waitFor();
  const axe = await new AxeBuilder({ page }).analyze();
  check('axe: ' + axe.violations.map((v) => v.id).join(), axe.violations.every((v) => v.impact !== 'serious' && v.impact !== 'critical'));
});

await test('calling somebody: the list by keyboard, axe is content', {}, async (page) => {
  await open(page, garden);
  await page.locator('#composer').pressSequentially('hi @mi');
  await page.getByRole('option').first().waitFor();
  const axe = await new AxeBuilder({ page }).analyze();
  check('axe: ' + axe.violations.map((v) => v.id).join(), axe.violations.every((v) => v.impact !== 'serious' && v.impact !== 'critical'));
  await page.keyboard.press('Enter');
  await until('the name is in the text', async () => (await page.locator('#composer').inputValue()) === 'hi @Mira ');
});

await test('a reaction made offline waits on its line, and is stored later', {}, async (page) => {
  await open(page, lunch);
  const words = `react ${Date.now()}`;
  mock.order('say', { room: 'Lunch', user: 'Mira', text: words });
  await page.getByText(words).waitFor();
  mock.order('knobs', { refuseSockets: true });
  mock.order('close', { code: 1012 });
  const row = page.locator('[role=article]', { hasText: words });
  await row.hover();
  await row.getByRole('button', { name: 'Add a reaction' }).click();
  await page.getByRole('dialog').getByRole('button').nth(2).click();
  const waiting = row.getByRole('button', { name: /waits to be stored/ });
  await waiting.waitFor();
  mock.order('knobs', { refuseSockets: false });
  await row.getByRole('group', { name: 'Reactions' }).getByRole('button', { name: /^((?!waits).)*$/ }).waitFor({ timeout: 10_000 });
});

await test('a draft outlives a room switch and a reload', {}, async (page) => {
  await open(page);
  await page.locator('#composer').fill('Half a thou');
  await page.getByRole('link', { name: 'Lunch' }).click();
  await until('the other room has none', async () => page.url().endsWith(`/r/${lunch}`) && (await page.locator('#composer').inputValue()) === '');
  await page.reload();
  await page.getByRole('link', { name: 'Garden' }).click();
  await until('it is back', async () => (await page.locator('#composer').inputValue()) === 'Half a thou');
  await page.locator('#composer').fill('');
});

await test('history: pages in without a jump, and the document stays small', {}, async (page) => {
  await open(page);
  for (let i = 0; i < 14; i++) {
    await box(page).evaluate((el) => (el.scrollTop = Math.max(el.scrollTop - 900, 40)));
    const anchor = await box(page).evaluate((el) => {
      const top = el.getBoundingClientRect().top;
      const row = [...el.querySelectorAll('[role=article]')].find((r) => r.getBoundingClientRect().top >= top + 60);
      return { key: row.dataset.key, y: row.getBoundingClientRect().top };
    });
    await page.waitForTimeout(120);
    const y = await page.locator(`[data-key="${anchor.key}"]`).evaluate((el) => el.getBoundingClientRect().top);
    check(`no jump (${anchor.y} to ${y})`, near(anchor.y, y));
    check('at most 320 rows', (await page.locator('[data-key]').count()) <= 320);
  }
  await until('the beginning is marked', async () => {
    await box(page).evaluate((el) => (el.scrollTop = 0));
    return (await page.getByText('This is the beginning').count()) === 1;
  });
  check('still small', (await page.locator('[data-key]').count()) <= 320);
  await page.getByRole('button', { name: 'Jump to latest' }).click();
  await until('at the end', () => isAtEnd(page));
});

await test('reading above: nothing moves when lines arrive, and they are counted', {}, async (page) => {
  await open(page);
  await box(page).evaluate((el) => (el.scrollTop -= 1500));
  await page.waitForTimeout(200);
  const text = await box(page).evaluate((el) => {
    const top = el.getBoundingClientRect().top;
    return [...el.querySelectorAll('[role=article] p')].find((p) => p.getBoundingClientRect().top > top + 40).textContent;
  });
  const before = await topOf(page, text);
  mock.order('say', { room: 'Garden', user: 'Mira', text: 'New above', times: 7 });
  await page.getByRole('button', { name: '7 new messages' }).waitFor();
  check('it did not move', near(before, await topOf(page, text)));
  await page.setViewportSize({ width: 900, height: 600 });
  await page.waitForTimeout(100);
  await page.getByRole('button', { name: '7 new messages' }).click();
  await page.getByText('New above 7').waitFor();
  await until('at the end', () => isAtEnd(page));
});

await test('at the end: sticks through new lines and a smaller window', {}, async (page) => {
  await open(page);
  mock.order('say', { room: 'Garden', user: 'Mira', text: 'Sticky', times: 30 });
  await page.getByText('Sticky 30').waitFor();
  await page.setViewportSize({ width: 700, height: 420 });
  await until('at the end', () => isAtEnd(page));
});

await test('a gap and a sleep are mended without a word', {}, async (page) => {
  await open(page);
  mock.order('gap', { room: 'Garden' });
  mock.order('say', { room: 'Garden', user: 'Mira', text: 'After the gap' });
  await page.getByText('After the gap').waitFor();
  mock.order('knobs', { refuseSockets: true });
  mock.order('close', { code: 1012 });
  mock.order('say', { room: 'Garden', user: 'Mira', text: 'Slept', times: 600 });
  mock.order('knobs', { refuseSockets: false });
  await page.getByText('Slept 600').waitFor();
  check('once', (await page.getByText('Slept 600', { exact: true }).count()) === 1);
  await box(page).evaluate((el) => (el.scrollTop = 0));
  await page.getByText('Slept 540', { exact: true }).waitFor();
});

await test('search: by keyboard from the field to the line, in its context and marked', {}, async (page) => {
  await open(page, lunch);
  await page.keyboard.press('Control+Shift+F');
  const field = page.getByRole('combobox', { name: 'Search messages' });
  await field.fill('diary 250 in:gar');
  await page.getByRole('option', { name: /Garden/ }).waitFor();
  await page.keyboard.press('Enter');
  await until('completed', async () => (await field.inputValue()) === 'diary 250 in:Garden ');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: /Line 250 of/ }).waitFor();
  check('the words are marked', JSON.stringify(await page.locator('mark').allTextContents()) === '["250","diary"]');
  check('the query is in the address', new URL(page.url()).searchParams.get('q') === 'diary 250 in:Garden');
  await page.getByRole('button', { name: 'Show what is around it' }).click();
  await page.getByText('Line 251 of the garden', { exact: false }).waitFor();
  await field.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  const line = page.locator('[role=log]').getByText('Line 250 of the garden', { exact: false });
  await line.waitFor({ timeout: 15_000 });
  await until('it is in view', async () => {
    const at = await line.boundingBox();
    return at && at.y > 60 && at.y < 740;
  });
  check('with what is around it', (await page.locator('[role=log]').getByText('Line 249 of the garden', { exact: false }).count()) === 1);
  await page.goBack();
  await page.getByRole('link', { name: /Line 250 of/ }).waitFor();
});

await test('search: what is wrong is said, nothing found too, on a narrow phone', { viewport: { width: 320, height: 640 }, colorScheme: 'dark' }, async (page) => {
  await login(page, mock.url);
  await page.goto(`${mock.url}/search?q=cat+after%3Asoon`);
  await page.getByText('Write a date as').waitFor();
  check('its part is shown', (await page.getByRole('alert').textContent()).startsWith('after:soon'));
  await page.getByRole('button', { name: /take this filter away/ }).click();
  await page.getByText('Nothing was found for “cat”').waitFor();
  await page.getByRole('combobox').fill('浇水');
  await page.keyboard.press('Enter');
  await page.locator('mark').getByText('浇水').waitFor();
  await page.getByRole('combobox').fill('line');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Show older results' }).waitFor();
  const first = await page.locator('[data-hit]').count();
  await page.getByRole('button', { name: 'Show older results' }).click();
  await until('more of them', async () => (await page.locator('[data-hit]').count()) === 2 * first);
  check('nothing is wider than the screen', await page.evaluate(() => document.documentElement.scrollWidth <= 320));
  const found = await new AxeBuilder({ page }).analyze();
  check(`no serious finding: ${found.violations.map((v) => v.id).join(' ')}`, found.violations.every((v) => v.impact !== 'serious' && v.impact !== 'critical'));
});

await test('edit by ArrowUp, Escape gives up, deletion asks', {}, async (page) => {
  await open(page, lunch);
  await say(page, 'Soop is on');
  await until('its text is in the field', async () => {
    await page.keyboard.press('ArrowUp'); // it can be changed as soon as it is stored
    return (await page.locator('#composer').inputValue()) === 'Soop is on';
  });
  await page.keyboard.press('Escape');
  await until('given up, focus kept', () => page.locator('#composer').evaluate((el) => el === document.activeElement && el.value === ''));
  await page.keyboard.press('ArrowUp');
  await page.locator('#composer').fill('Soup is on');
  await page.keyboard.press('Enter');
  await page.getByText('(edited)').waitFor();
  await page.getByText('Soup is on').hover();
  await page.getByRole('button', { name: 'Delete message' }).click();
  await until('the safe answer has the focus', () => focused(page.getByRole('button', { name: 'Keep it' })));
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('Robin’s message was deleted').waitFor();
});

await test('refused: Retry and Discard by keyboard', {}, async (page) => {
  await open(page, lunch);
  mock.order('knobs', { failPosts: 'forbidden' });
  await say(page, 'Not wanted');
  const retry = page.getByRole('button', { name: 'Retry' });
  await retry.waitFor();
  mock.order('knobs', { failPosts: '' });
  await retry.focus();
  await page.keyboard.press('Enter');
  await retry.waitFor({ state: 'detached' });
  await until('stored', () => linesOf('Lunch').at(-1).text === 'Not wanted');
});

await test('create a room: dialog, errors, focus, and the room', {}, async (page) => {
  await open(page);
  const opener = page.getByRole('button', { name: 'Create a room' });
  await opener.focus();
  await page.keyboard.press('Enter');
  const name = page.getByRole('dialog').getByLabel('Name');
  await name.waitFor();
  await until('the name has the focus', () => focused(name));
  await page.keyboard.press('Enter');
  await until('the error is tied to the field', () => name.evaluate((el) => document.getElementById(el.getAttribute('aria-describedby')?.split(' ')[0])?.textContent.includes('Give the room a name')));
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab');
    check('the focus stays inside', await page.evaluate(() => document.activeElement === document.body || document.querySelector('dialog').contains(document.activeElement)));
  }
  await page.keyboard.press('Escape');
  await until('the focus is back', () => focused(opener));
  await page.keyboard.press('Enter');
  await name.fill('Browser made');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: /Browser made/ }).waitFor();
  await page.getByText('The first line is yours').waitFor();
});

await test('a link into a room leads there after the login; logout leads out', {}, async (page) => {
  await page.goto(`${mock.url}/r/${lunch}`);
  await page.getByLabel('Name').fill('robin');
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('Name or password is wrong.').waitFor();
  await page.getByLabel('Password', { exact: true }).fill('password');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/r/${lunch}`);
  await page.reload();
  await page.getByRole('heading', { level: 1, name: /Lunch/ }).waitFor();
  check('no token in storage', await page.evaluate(() => !JSON.stringify({ ...localStorage, ...sessionStorage }).includes('token')));
  await page.getByRole('button', { name: /Your menu/ }).click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL('**/login');
  await page.goto(`${mock.url}/r/${lunch}`);
  await page.waitForURL('**/login');
});

await test('removed from a room: told, and led out', {}, async (page) => {
  const reading = mock.order('room', { room: 'Reading group' }).id;
  await open(page, reading);
  mock.order('kick', { room: 'Reading group', user: 'Robin' });
  await page.getByText('You are no longer in Reading group.').waitFor();
  await page.getByRole('button', { name: 'Join this room' }).click();
  await page.getByRole('log').waitFor();
});

/* What would be on the desktop: the browser's own notifications, noted as they are made. */
async function noteAlerts(context) {
  await context.grantPermissions(['notifications']);
  await context.addInitScript(() => {
    window.alerts = [];
    const Real = window.Notification;
    window.Notification = class extends Real {
      constructor(title, options) {
        super(title, options);
        window.alerts.push(this);
      }
    };
  });
}
const alertsOf = (page) => page.evaluate(() => window.alerts.map((a) => [a.tag, a.title, a.body]));

await test('notifications: only when turned on, from one tab, with the words one wants, and a click goes to the line', {}, async (page, context) => {
  await noteAlerts(context);
  await open(page, garden);
  mock.order('say', { room: 'Lunch', user: 'Mira', text: 'before it was on' });
  await page.goto(`${mock.url}/settings`);
  const turn = page.getByRole('switch', { name: 'Notify me on this device' });
  check('off at first, and nothing was asked', (await turn.getAttribute('aria-checked')) === 'false' && (await alertsOf(page)).length === 0);
  await turn.click();
  await page.getByRole('switch', { name: 'Notify me on this device', checked: true }).waitFor();
  const axe = await new AxeBuilder({ page }).analyze();
  check('axe: ' + axe.violations.map((v) => v.id).join(), axe.violations.every((v) => v.impact !== 'serious' && v.impact !== 'critical'));
  const other = await context.newPage();
  await other.goto(`${mock.url}/r/${garden}`);
  await other.locator('[role=log][aria-busy=false]').waitFor();
  await page.waitForTimeout(6_000); // what was there when the pages loaded is no news
  await page.evaluate(() => (window.alerts.length = 0));
  mock.order('say', { room: 'Lunch', user: 'Mira', text: 'Soup at noon' });
  await until('it is shown', async () => (await alertsOf(page)).length + (await alertsOf(other)).length > 0);
  mock.order('say', { room: 'Garden', user: 'Mira', text: 'seen in the other tab' });
  await page.getByRole('switch', { name: 'Show what was said' }).click();
  await page.waitForTimeout(2_000);
  mock.order('say', { room: 'Lunch', user: 'Mira', text: 'a secret' });
  await until('the next one too', async () => (await alertsOf(page)).length + (await alertsOf(other)).length > 1);
  const all = [...(await alertsOf(page)), ...(await alertsOf(other))];
  check(JSON.stringify(all), JSON.stringify(all) === JSON.stringify([[`room-${lunch}`, 'Mira in Lunch', 'Soup at noon'], [`room-${lunch}`, 'Mira in Lunch', 'There is a new message.']]));
  await page.evaluate(() => window.alerts.at(-1).onclick());
  await page.waitForURL((u) => u.pathname.startsWith(`/rooms/${lunch}/`) || u.pathname === `/r/${lunch}`);
  await page.getByText('a secret').waitFor();
});

await test('keys: switcher, rooms up and down, help', {}, async (page) => {
  await open(page);
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox').fill('lnch');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/r/${lunch}`);
  await page.locator('#composer').waitFor();
  await page.keyboard.press('Alt+ArrowUp');
  await page.waitForURL(`**/r/${garden}`);
  await page.locator('#composer').focus();
  await page.keyboard.type('?');
  check('a question mark is a letter while typing', (await page.getByRole('dialog').count()) === 0);
  await page.locator('#composer').fill('');
  await box(page).focus();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
});

await test('phone: a drawer that Back closes, and no sideways scroll at 320 px', { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true }, async (page) => {
  await open(page);
  check('no sideways scroll', await page.evaluate(() => document.documentElement.scrollWidth <= 320));
  await page.getByRole('button', { name: /Open the room list/ }).click();
  await page.getByRole('dialog', { name: 'Rooms and account' }).waitFor();
  await page.goBack();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await until('still in the room', () => page.url().endsWith(`/r/${garden}`));
  await page.getByRole('button', { name: /Open the room list/ }).click();
  await page.getByRole('dialog').getByRole('link', { name: 'Lunch' }).click();
  await page.getByRole('heading', { level: 1, name: /Lunch/ }).waitFor();
  await until('the drawer is closed', async () => (await page.getByRole('dialog').count()) === 0);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll('button, a[href]')]
      .filter((el) => el.offsetParent && !el.closest('p') && (el.offsetHeight < 44 || el.offsetWidth < 44))
      .map((el) => `${el.textContent || el.ariaLabel} ${el.offsetWidth}x${el.offsetHeight}`),
  );
  check(`targets of 44 px: ${small.join(', ')}`, small.filter((s) => !s.startsWith('Skip')).length === 0);
});

await test('500 lines a second: typing stays quick and loses nothing', {}, async (page) => {
  await open(page);
  const feeder = setInterval(() => mock.order('say', { room: 'Garden', user: 'Mira', text: 'Flood', times: 25 }), 50);
  await page.locator('#composer').focus();
  const text = 'the quick brown fox jumps over';
  const started = Date.now();
  await page.keyboard.type(text);
  const took = Date.now() - started;
  clearInterval(feeder);
  check(`${Math.round(took / text.length)} ms a key`, took / text.length < 100);
  await until('all keys', async () => (await page.locator('#composer').inputValue()) === text);
  await page.locator('#composer').fill('');
});

await test('a moderator removes, bans and unbans by keyboard alone', {}, async (page) => {
  mock.order('role', { room: 'Lunch', user: 'Robin', role: 1 });
  mock.order('join', { room: 'Lunch', user: 'Ada Byron' });
  await open(page, lunch);
  await page.getByRole('button', { name: /members/ }).click();
  const about = page.getByRole('button', { name: 'What you can do about Ada Byron' });
  await about.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menuitem', { name: 'Ban from this room' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Ban Ada Byron?' }).waitFor();
  await until('Cancel has the focus', async () => (await page.evaluate(() => document.activeElement?.textContent)) === 'Cancel');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await about.waitFor({ state: 'detached' });
  await page.getByText('banned', { exact: false }).first().waitFor();
  await page.getByRole('button', { name: 'Lift the ban of Ada Byron' }).press('Enter');
  await page.getByRole('button', { name: 'Lift the ban of Ada Byron' }).waitFor({ state: 'detached' });
});

await test('who is taken out sees one calm sentence, and the room goes', {}, async (page) => {
  mock.order('join', { room: 'Music', user: 'Robin' });
  await open(page, mock.order('room', { room: 'Music' }).id);
  mock.order('kick', { room: 'Music', user: 'Robin', why: 'removed' });
  await page.getByText('A moderator took you out of Music.').waitFor();
  await page.getByRole('button', { name: 'Join this room' }).waitFor();
  await until('it is not in the list', async () => (await page.getByRole('link', { name: /Music/ }).count()) === 0);
});

await test('another sign-in is logged out, then all of them', {}, async (page, context) => {
  mock.order('signIn', { user: 'Robin', device: 'Web on Android', userAgent: 'x Firefox/133.0', address: '198.51.100.7', agoMs: 7_200_000 });
  await login(page, mock.url);
  const other = await context.browser().newContext();
  const second = await other.newPage();
  await login(second, mock.url);
  await second.getByRole('button', { name: /Your menu/ }).waitFor();
  await page.getByRole('button', { name: /Your menu/ }).click();
  await page.getByRole('menuitem', { name: 'Settings' }).click();
  await page.getByText('this device', { exact: true }).waitFor();
  await until('three or more sign-ins', async () => (await page.getByRole('main').getByRole('listitem').count()) >= 3);
  await page.getByRole('button', { name: /^Log out Firefox, Web on Android, used 2 hours ago/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
  await page.getByText('It is logged out.').waitFor();
  await page.getByText('198.51.100.7').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Log out everywhere else' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
  await second.waitForURL((u) => u.pathname === '/login');
  await page.getByText('You are logged out everywhere else.').waitFor();
  await page.getByRole('button', { name: 'Log out everywhere', exact: true }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL((u) => u.pathname === '/login');
  await other.close();
});

await test('a new password: errors at their fields, then done', {}, async (page) => {
  await page.goto(`${mock.url}/signup`);
  await page.getByLabel('Name').fill('Pat Password');
  await page.getByLabel('Password', { exact: true }).fill('the first one');
  await page.getByRole('button', { name: 'Make an account' }).click();
  await page.getByText('Welcome').waitFor();
  await page.goto(`${mock.url}/settings`);
  await page.getByLabel('Current password').fill('wrong');
  await page.getByLabel('New password').fill('the second one');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('That is not your current password.').waitFor();
  await page.getByLabel('Current password').fill('the first one');
  await page.keyboard.press('Enter');
  await page.getByText('Your password is changed.').waitFor();
});

await test('phone: settings and member menu at 320 px, no sideways scroll', { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true }, async (page) => {
  mock.order('role', { room: 'Garden', user: 'Robin', role: 1 });
  await login(page, mock.url);
  await page.goto(`${mock.url}/settings`);
  await page.getByText('this device', { exact: true }).waitFor();
  check('settings fit', await page.evaluate(() => document.documentElement.scrollWidth <= 320));
  const targets = await page.getByRole('main').getByRole('button', { name: /^Log out|Change/ }).evaluateAll((all) => all.map((el) => el.getBoundingClientRect().height));
  check('44 px to touch', targets.every((h) => h >= 44));
  await page.goto(`${mock.url}/r/${garden}`);
  await page.getByRole('button', { name: /members/ }).click();
  await page.getByRole('button', { name: 'What you can do about Mira' }).click();
  const panel = await page.getByRole('menu').boundingBox();
  check('the menu is on the screen', panel !== null && panel.x >= 0 && panel.x + panel.width <= 320);
  mock.order('role', { room: 'Garden', user: 'Robin', role: 0 });
});

const ADMIN_TABS = ['users', 'invites', 'rooms', 'live', 'system', 'limits', 'audit'];

async function openAdmin(page, tab) {
  await page.goto(`${mock.url}/admin/${tab}`);
  await page.getByRole('navigation', { name: 'Administration' }).waitFor();
  await page.getByText('Loading…').first().waitFor({ state: 'detached' });
}

await test('administration: somebody is disabled after a question, and the last administrator stays one', {}, async (page) => {
  mock.order('admin', { user: 'Robin', on: true });
  await login(page, mock.url);
  await page.getByRole('button', { name: /Your menu/ }).click();
  await page.getByRole('menuitem', { name: 'Administration' }).click();
  await page.getByLabel('Search by sign-in name').fill('mira');
  await page.getByRole('button', { name: 'Manage Mira' }).click();
  await page.getByRole('button', { name: 'Disable' }).click();
  check('nothing is asked for yet', (await page.getByText('disabled', { exact: true }).count()) === 0);
  await page.getByRole('dialog', { name: 'Disable Mira?' }).getByRole('button', { name: 'Disable' }).click();
  await page.getByText('Mira is signed out and cannot sign in.').waitFor();
  await page.getByRole('button', { name: 'Enable' }).click();
  await page.getByRole('dialog', { name: /again/ }).getByRole('button', { name: 'Enable' }).click();
  await page.getByText('Mira can sign in again.').waitFor();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByLabel('Search by sign-in name').fill('robin');
  await page.getByRole('button', { name: 'Manage Robin' }).click();
  await page.getByRole('button', { name: 'Take the role away' }).click();
  await page.getByRole('dialog', { name: /Take the role away/ }).getByRole('button', { name: 'Take the role away' }).click();
  await page.getByText('The server needs an administrator who can sign in').waitFor();
  await page.keyboard.press('Escape');
  await openAdmin(page, 'audit');
  await page.getByRole('cell', { name: 'enabled' }).first().waitFor();
  mock.order('admin', { user: 'Robin', on: false });
});

await test('administration: the picture moves each second, and is there in words', {}, async (page) => {
  mock.order('admin', { user: 'Robin', on: true });
  await login(page, mock.url);
  await openAdmin(page, 'system');
  const rate = page.locator('dt', { hasText: 'Events stored per second' }).locator('xpath=../dd');
  await page.waitForFunction((el) => /^[1-9]/.test(el.textContent), await rate.elementHandle(), { timeout: 30_000 });
  await until('seven actors', async () => (await page.getByRole('img', { name: /^7 actors/ }).count()) === 1);
  await until('shards in words', async () => (await page.getByRole('img', { name: 'room/0: 170 shards; room/1: 86 shards' }).count()) === 1);
  mock.order('silence', { node: 'room/1' });
  await page.getByText('silent for 14 s').waitFor();
  await until('its link is down in words', async () => (await page.getByRole('row', { name: /room\/0 – room\/1 down/ }).count()) === 1);
  mock.order('silence', { node: '' });
  await page.getByRole('button', { name: 'Hold' }).click();
  await page.getByText('Held.').waitFor();
  mock.order('admin', { user: 'Robin', on: false });
});

await test('administration: not for others, whatever address they type', {}, async (page) => {
  await login(page, mock.url);
  await page.getByRole('button', { name: /Your menu/ }).click();
  check('not in the menu', (await page.getByRole('menuitem', { name: 'Administration' }).count()) === 0);
  await page.goto(`${mock.url}/admin/users`);
  await page.getByText('This page is for administrators.').waitFor();
});

await test('phone: administration at 320 px, no sideways scroll', { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true }, async (page) => {
  mock.order('admin', { user: 'Robin', on: true });
  await login(page, mock.url);
  for (const tab of ADMIN_TABS) {
    await openAdmin(page, tab);
    await page.waitForTimeout(150);
    check(`${tab} fits`, await page.evaluate(() => document.documentElement.scrollWidth <= 320));
    const low = await page.getByRole('main').getByRole('button').evaluateAll((all) => all.filter((el) => el.getBoundingClientRect().height < 44).map((el) => el.textContent));
    check(`${tab}: 44 px to touch: ${low}`, low.length === 0);
  }
  mock.order('admin', { user: 'Robin', on: false });
});

for (const colorScheme of ['light', 'dark'])
  await test(`axe, ${colorScheme}: nothing serious in administration`, { colorScheme }, async (page) => {
    mock.order('admin', { user: 'Robin', on: true });
    await login(page, mock.url);
    for (const tab of ADMIN_TABS) {
      await openAdmin(page, tab);
      if (tab === 'invites') await page.getByRole('button', { name: 'Make an invitation' }).click();
      if (tab === 'users') await page.getByRole('button', { name: 'Manage Mira' }).click();
      if (tab === 'system') await page.getByRole('button', { name: 'Show all counters' }).click();
      await page.waitForTimeout(150);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const bad = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
      check(`${tab}: ${bad.map((v) => `${v.id} (${v.nodes.map((n) => n.html).slice(0, 2)})`).join('; ')}`, bad.length === 0);
    }
    mock.order('admin', { user: 'Robin', on: false });
  });

for (const colorScheme of ['light', 'dark'])
  await test(`axe, ${colorScheme}: nothing serious`, { colorScheme }, async (page) => {
    const scan = async (where) => {
      await page.waitForTimeout(80);
      const { violations } = await new AxeBuilder({ page }).analyze();
      const bad = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
      check(`${where}: ${bad.map((v) => `${v.id} (${v.nodes.map((n) => n.html).slice(0, 2)})`).join('; ')}`, bad.length === 0);
    };
    await page.goto(`${mock.url}/signup`);
    await page.getByRole('button', { name: 'Make an account' }).click();
    await scan('sign-up with errors');
    await login(page, mock.url);
    await page.goto(`${mock.url}/r/${garden}`);
    await page.locator('[role=log][aria-busy=false]').waitFor();
    mock.order('typing', { room: 'Garden', users: ['Mira'] });
    await scan('room');
    await page.getByRole('button', { name: /members/ }).click();
    await page.getByRole('heading', { name: 'Members' }).waitFor();
    await scan('members');
    mock.order('role', { room: 'Lunch', user: 'Robin', role: 1 });
    await page.goto(`${mock.url}/r/${lunch}`);
    await page.getByRole('button', { name: /members/ }).click();
    await page.getByRole('button', { name: 'What you can do about Mira' }).click();
    await scan('member menu');
    await page.getByRole('menuitem', { name: 'Mute' }).click();
    await scan('question about a member');
    await page.goto(`${mock.url}/settings`);
    await page.getByText('this device', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Change password' }).click();
    await scan('settings with errors');
    await page.getByRole('button', { name: /Your menu/ }).click();
    await scan('menu');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').waitFor();
    await scan('switcher');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Create a room' }).click();
    await page.getByRole('dialog').waitFor();
    await page.getByRole('button', { name: 'Create room' }).click();
    await scan('create with errors');
    await page.keyboard.press('Escape');
    await page.goto(`${mock.url}/browse`);
    await page.getByText('Photography').waitFor();
    await scan('browse');
  });

async function attach(page, name, size) {
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: 'Attach files' }).click()]);
  await chooser.setFiles([{ name, mimeType: 'application/octet-stream', buffer: Buffer.alloc(size, 7) }]);
}
const tray = (page) => page.getByRole('list', { name: 'Files of this message' }).getByRole('listitem');
const wait = async (page, what, ok) => {
  for (let i = 0; i < 100 && !(await ok()); i++) await page.waitForTimeout(100);
  check(what, await ok());
};

await test('a running upload is cancelled: nothing of it stays, and the next one goes', {}, async (page) => {
  await open(page);
  const cut = mock.order('uploads', {}).cut;
  mock.order('knobs', { holdUploads: true });
  await attach(page, 'huge.bin', 20_000_000);
  await page.getByRole('progressbar', { name: 'Uploading huge.bin' }).waitFor();
  await page.locator('#composer').fill('With a file');
  await page.getByRole('button', { name: 'Cancel huge.bin' }).click();
  await wait(page, 'the request was cut', () => mock.order('uploads', {}).cut === cut + 1);
  check('the tray is empty', (await tray(page).count()) === 0);
  mock.order('knobs', { holdUploads: false });
  await attach(page, 'small.bin', 3000);
  await tray(page).getByText(/, ready$/).waitFor();
  await page.locator('#composer').press('Enter');
  await page.getByRole('button', { name: 'Download small.bin' }).waitFor();
  check('one file', JSON.stringify(mock.order('uploads', {}).files.filter((f) => /huge|small/.test(f.name)).map((f) => [f.name, f.bytes, f.shown])) === '[["small.bin",3000,true]]');
});

await test('an upload that fails says why, keeps the line back, and goes on when asked again', {}, async (page) => {
  await open(page);
  mock.order('knobs', { failUploads: 'unavailable' });
  await attach(page, 'again.bin', 4000);
  await tray(page).getByRole('alert').waitFor();
  await page.locator('#composer').fill('Not without it');
  await page.locator('#composer').press('Enter');
  await page.getByText('Not sent: retry or remove the file that was not uploaded.').waitFor();
  mock.order('knobs', { failUploads: '' });
  await page.getByRole('button', { name: 'Retry' }).click();
  await tray(page).getByText(/, ready$/).waitFor();
  await page.locator('#composer').press('Enter');
  await page.getByRole('button', { name: 'Download again.bin' }).waitFor();
  check('it is there once', mock.order('uploads', {}).files.filter((f) => f.name === 'again.bin').length === 1);
});

await test('who was put out uploads nothing, and is told why at the file', {}, async (page) => {
  await open(page);
  mock.order('putOut', { room: 'Garden', user: 'Robin' });
  try {
    await attach(page, 'late.bin', 4000);
    await tray(page).getByRole('alert').getByText('You are not in this room').waitFor();
    check('nothing is there', mock.order('uploads', {}).files.every((f) => f.name !== 'late.bin'));
  } finally {
    mock.order('join', { room: 'Garden', user: 'Robin' });
  }
});

await browser.close();
await mock.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
