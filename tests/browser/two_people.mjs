/* Two people in two browsers, the real server, and a few kills between them. Each step's name is the promise it
 * proves; pictures go to build/screens/. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { PASSWORD, axe, composer, lines, log, newPerson, newSteps, openBrowser, say, sees, signUp, sleep } from './person.mjs';
import { startStack } from './stack.mjs';

const SCREENS = new URL('../../build/screens/', import.meta.url).pathname;
mkdirSync(SCREENS, { recursive: true });

const steps = newSteps();
const { step } = steps;

const stack = await startStack();
const browser = await openBrowser();
try {
  const anna = await newPerson(browser, 'Anna');
  const ben = await newPerson(browser, 'Ben');

  await step('no socket is opened before there is a token', async () => {
    await anna.page.goto(stack.url);
    await anna.page.getByLabel('Password', { exact: true }).waitFor();
    await sleep(500);
    assert.equal(anna.sockets, 0);
    assert.deepEqual(anna.console, []); // nor is a refresh asked for that can only be refused
    await axe(anna, 'login');
  });

  await step('signing up leads to an empty, friendly start', async () => {
    await signUp(anna, stack.url);
    await anna.page.screenshot({ path: `${SCREENS}e2e-empty.png` });
    await axe(anna, 'start');
  });

  await step('the create-room dialog traps focus, closes on Escape, gives focus back and ties its errors to fields', async () => {
    const opener = anna.page.getByRole('button', { name: 'Create a room' }).first();
    await opener.focus();
    await anna.page.keyboard.press('Enter');
    const dialog = anna.page.getByRole('dialog');
    await dialog.waitFor();
    const name = dialog.getByLabel('Name');
    assert.ok(await name.evaluate((el) => el === document.activeElement));
    for (let i = 0; i < 12; i += 1) await anna.page.keyboard.press('Tab');
    assert.ok(await dialog.evaluate((el) => el.contains(document.activeElement) || document.activeElement === document.body));
    await anna.page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    assert.ok(await opener.evaluate((el) => el === document.activeElement));
    await anna.page.keyboard.press('Enter');
    await dialog.getByRole('button', { name: 'Create room' }).click();
    const described = await name.getAttribute('aria-describedby');
    assert.ok(described);
    const texts = await Promise.all(described.split(' ').map((id) => anna.page.locator(`[id="${id}"]`).textContent()));
    assert.match(texts.join(' '), /name/i);
    assert.equal(await name.getAttribute('aria-invalid'), 'true');
    await axe(anna, 'dialog');
    await name.fill('Lighthouse');
    await anna.page.keyboard.press('Enter');
    await composer(anna).waitFor();
  });

  await step('a second person finds the room, joins, and both talk in one order', async () => {
    await signUp(ben, stack.url);
    await ben.page.getByRole('link', { name: /browse|find/i }).first().click();
    await ben.page.getByRole('button', { name: 'Join Lighthouse' }).click();
    await composer(ben).waitFor();
    await say(anna, 'Is anybody out there?');
    await sees(ben, 'Is anybody out there?');
    await say(ben, 'I can see your light.');
    await sees(anna, 'I can see your light.');
    for (let i = 1; i <= 10; i += 1) await Promise.all([say(anna, `anna ${i}`), say(ben, `ben ${i}`)]);
    await sees(anna, 'ben 10');
    await sees(ben, 'anna 10');
    const order = async (p) => (await log(p).getByText(/^(anna|ben) \d+$/).allTextContents()).map((t) => t.trim());
    await sleep(300);
    assert.deepEqual(await order(anna), await order(ben));
    assert.equal((await order(anna)).length, 20);
    await axe(anna, 'room');
  });

  await step('markup in a message is shown as text', async () => {
    await say(anna, '<img src=x onerror="document.title=1"><b>bold</b>');
    await sees(ben, '<img src=x onerror="document.title=1"><b>bold</b>');
    assert.equal(await log(ben).locator('img, b').count(), 0);
  });

  await step('a refresh keeps the session, the room and the place', async () => {
    const before = anna.page.url();
    await anna.page.reload();
    await sees(anna, 'I can see your light.');
    assert.equal(anna.page.url(), before);
    assert.equal((await lines(anna, 'ben')).length, 10);
  });

  await step('an edit and a delete reach the other person', async () => {
    await say(anna, 'a typpo');
    await sees(ben, 'a typpo');
    await sees(anna, 'a typpo');
    await sleep(300); // until it is stored: only then it can be edited
    await composer(anna).press('ArrowUp');
    await composer(anna).fill('a typo, mended');
    await composer(anna).press('Enter');
    await log(ben).getByText(/^a typo, mended/).waitFor(); // "(edited)" follows
    assert.equal(await log(ben).getByText('a typpo').count(), 0);
    await log(anna).getByText(/^a typo, mended/).hover();
    await log(anna).getByText(/^a typo, mended/).click();
    await anna.page.getByRole('button', { name: 'Delete message' }).last().click();
    await anna.page.getByRole('dialog').getByRole('button', { name: /delete/i }).click();
    await log(ben).getByText(/^a typo, mended/).waitFor({ state: 'detached' });
  });

  await step('kill -9 of the server in mid-conversation: it reconnects by itself, nothing lost or doubled', async () => {
    for (const p of [anna, ben]) await p.page.evaluate(() => (window.sameDocument = true));
    const start = Date.now();
    for (let i = 1; i <= 30; i += 1) {
      await Promise.all([say(anna, `storm-a ${i}`), say(ben, `storm-b ${i}`)]);
      if (i === 10) stack.killServer();
      if (i === 20) await composer(anna).fill('half a thought');
    }
    for (const p of [anna, ben]) {
      await sees(p, 'storm-a 30');
      await sees(p, 'storm-b 30');
    }
    console.log(`   30 + 30 lines over the kill in ${Date.now() - start} ms`);
    await sleep(500);
    const wanted = (prefix) => Array.from({ length: 30 }, (_, i) => `${prefix} ${i + 1}`);
    for (const p of [anna, ben]) {
      assert.ok(await p.page.evaluate(() => window.sameDocument), 'the page was not reloaded');
      assert.deepEqual(await lines(p, 'storm-a'), wanted('storm-a'));
      assert.deepEqual(await lines(p, 'storm-b'), wanted('storm-b'));
    }
  });

  await step('kill -9 of the database: the line waits, is said to wait, and arrives once', async () => {
    stack.killDatabase();
    await say(anna, 'through the dark 1');
    await sees(ben, 'through the dark 1', 30_000);
    await sleep(500);
    assert.equal((await lines(anna, 'through the dark')).length, 1);
    assert.equal((await lines(ben, 'through the dark')).length, 1);
  });

  await step('what was typed offline survives a reload and goes out once', async () => {
    await anna.context.setOffline(true);
    await anna.page.evaluate(() => window.dispatchEvent(new Event('offline')));
    await say(anna, 'kept on this device 1');
    await sees(anna, 'kept on this device 1');
    await anna.page.screenshot({ path: `${SCREENS}e2e-offline.png` });
    await anna.context.setOffline(false);
    await anna.page.reload();
    await sees(ben, 'kept on this device 1');
    await sees(anna, 'kept on this device 1');
    await sleep(500);
    assert.equal((await lines(ben, 'kept on this device')).length, 1);
  });

  await step('a phone shows the same room without loss, in the dark', async () => {
    const phone = await newPerson(browser, 'Ben', { viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true, hasTouch: true });
    await phone.page.goto(`${stack.url}/login`);
    await phone.page.getByLabel('Name').fill('Ben');
    await phone.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await phone.page.getByRole('button', { name: /log in|sign in/i }).click();
    await phone.page.getByRole('button', { name: /Open the room list/ }).waitFor();
    await phone.page.goto(ben.page.url());
    await sees(phone, 'storm-b 30');
    const wide = await phone.page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.ok(!wide, 'nothing sticks out sideways');
    await phone.page.screenshot({ path: `${SCREENS}e2e-phone-dark.png` });
    await axe(phone, 'phone');
    assert.deepEqual(phone.errors, []);
    await phone.context.close();
  });

  await step('logging out ends the session here and the login page comes', async () => {
    await ben.page.getByRole('button', { name: /Your menu/ }).click();
    await ben.page.getByRole('menuitem', { name: /log out/i }).click();
    await ben.page.getByRole('dialog').getByRole('button', { name: /log out/i }).click();
    await ben.page.getByLabel('Password', { exact: true }).waitFor();
    await ben.page.reload();
    await ben.page.getByLabel('Password', { exact: true }).waitFor();
  });

  await step('no page broke the content security policy or threw', async () => {
    assert.deepEqual([...anna.errors, ...ben.errors], []);
  });
} catch (error) {
  if (steps.failures.length === 0) {
    steps.failures.push('setting up');
    console.log(error.stack);
  }
  for (const [c, context] of browser.contexts().entries())
    for (const [i, page] of context.pages().entries())
      await page.screenshot({ path: `${SCREENS}e2e-failed-${c}-${i}.png` }).catch(() => {});
} finally {
  await browser.close();
  await stack.stop();
}
console.log(`${steps.passed} passed, ${steps.failures.length} failed`);
process.exit(steps.failures.length ? 1 : 0);
