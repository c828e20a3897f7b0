/* What people complain about in other chats' clients, as promises kept here (tests/COMPLAINTS.md): a real browser and a
 * real server.
 *
 *   complaints.mjs [NAME]    all of them, or the one of this name */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { PASSWORD, composer, line, log, newPerson, openBrowser, say, sees, signUp, sleep, until } from './person.mjs';
import { startStack } from './stack.mjs';

const SCREENS = new URL('../../build/screens/', import.meta.url).pathname;
const only = process.argv[2];
let passed = 0;
const failures = [];
async function test(name, body) {
  if (only !== undefined && only !== name) return;
  const start = Date.now();
  try {
    await body();
    assert.deepEqual([...ada.errors, ...ben.errors], []);
    passed += 1;
    console.log(`ok ${name} (${Date.now() - start} ms)`);
  } catch (error) {
    failures.push(name);
    console.log(`not ok ${name}\n${error.stack}`);
    mkdirSync(SCREENS, { recursive: true });
    await ben.page.screenshot({ path: `${SCREENS}complaints-failed-${failures.length}.png` }).catch(() => undefined);
  }
}

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
let ids = 0;
const clientId = () => `0${(++ids).toString(32).toUpperCase().padStart(9, '0').replace(/./g, (c) => ALPHABET[parseInt(c, 32)])}${String(Date.now()).padStart(16, '0')}`.slice(0, 26);

const stack = await startStack({ ROOKERY_FILE_MIB: '1', ROOKERY_REQUESTS_PER_S: '10000', ROOKERY_REQUESTS_BURST: '10000' });
const browser = await openBrowser();
const ada = await newPerson(browser, 'Ada', { reducedMotion: 'reduce' });
const ben = await newPerson(browser, 'Ben', { reducedMotion: 'reduce' });

/* What Ada says without a browser: fast, and while a browser is looked at. */
async function api(method, path, body) {
  const answer = await fetch(`${stack.url}/api/v1${path}`, { method, body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${api.token}`, ...(body ? { 'content-type': 'application/json' } : {}) } });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}
const told = (room, text) => api('POST', `/rooms/${room}/messages`, { client_id: clientId(), text });
async function roomWith(name, count) {
  const { room } = await api('POST', '/rooms', { client_id: clientId(), name });
  for (let i = 0; i < count; i += 1) await told(room, `${name} line ${i} of many, and some words to fill it`);
  await ben.page.goto(`${stack.url}/browse`);
  await ben.page.getByRole('button', { name: `Join ${name}` }).click();
  await composer(ben).waitFor();
  if (count > 0) await sees(ben, `${name} line ${count - 1} of many, and some words to fill it`);
  await ben.page.locator('[role=log][aria-busy=false]').waitFor();
  return room;
}
const topOf = (p, text) => line(p, text).evaluate((el) => Math.round(el.getBoundingClientRect().top));
const badge = async (page, room) => /(\d+)\s*unread/.exec(await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: new RegExp(`\\b${room}\\b`) }).textContent())?.[1] ?? '';

for (const p of [ada, ben]) await signUp(p, stack.url);
const login = await fetch(`${stack.url}/api/v1/auth/login`, { method: 'POST', headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ name: 'Ada', password: PASSWORD }) });
api.token = (await login.json()).access_token;

/* ---- 1 ---- */

await test('a_tab_that_was_frozen_while_the_server_was_killed_shows_everything_once_when_it_thaws', async () => {
  const room = await roomWith('Sleep', 3);
  await ben.page.evaluate(() => (window.sameDocument = true));
  const cdp = await ben.context.newCDPSession(ben.page);
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' });
  await told(room, 'said while it was frozen');
  stack.killServer();
  await sleep(300);
  await stack.untilReady(30_000);
  for (let i = 1; i <= 3; i += 1) await told(room, `after the kill ${i}`);
  await cdp.send('Page.setWebLifecycleState', { state: 'active' });
  await sees(ben, 'after the kill 3', 20_000);
  assert.ok(await ben.page.evaluate(() => window.sameDocument), 'it was not reloaded');
  const texts = (await log(ben).locator('div[dir=auto]').allTextContents()).slice(-4);
  assert.deepEqual(texts, ['said while it was frozen', 'after the kill 1', 'after the kill 2', 'after the kill 3']);
});

/* ---- 5 ---- */

await test('a_badge_goes_in_every_tab_and_device_when_one_of_them_reads', async () => {
  const room = await roomWith('Badges', 1);
  const phone = await newPerson(browser, 'Ben', { reducedMotion: 'reduce' });
  await phone.page.goto(`${stack.url}/login`);
  await phone.page.getByLabel('Name').fill('Ben');
  await phone.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await phone.page.getByRole('button', { name: /log in|sign in/i }).click();
  await phone.page.getByRole('navigation', { name: 'Rooms' }).waitFor();
  await phone.page.goto(`${stack.url}/browse`);
  await ben.page.goto(`${stack.url}/browse`);
  const tab = await ben.context.newPage();
  await tab.goto(`${stack.url}/browse`);
  for (let i = 0; i < 3; i += 1) await told(room, `unread ${i}`);
  for (const page of [ben.page, tab, phone.page]) await until('three are unread', async () => (await badge(page, 'Badges')) === '3');
  await tab.goto(`${stack.url}/r/${room}`);
  await tab.getByText('unread 2', { exact: true }).waitFor();
  const start = Date.now();
  for (const page of [ben.page, phone.page]) await until('none is', async () => (await badge(page, 'Badges')) === '');
  assert.ok(Date.now() - start < 3000, `${Date.now() - start} ms`);
  for (const page of [ben.page, phone.page]) await page.reload();
  await sleep(500);
  for (const page of [ben.page, phone.page]) await until('none is after a reload', async () => (await badge(page, 'Badges')) === '');
  await tab.close();
  await phone.context.close();
});

await test('lines_deleted_before_one_came_back_are_not_in_the_badge', async () => {
  const room = await roomWith('Erased', 1);
  await ben.page.goto(`${stack.url}/browse`);
  await until('nothing is unread', async () => (await badge(ben.page, 'Erased')) === '');
  await ben.context.setOffline(true);
  await ben.page.evaluate(() => window.dispatchEvent(new Event('offline')));
  const seqs = [];
  for (let i = 0; i < 4; i += 1) seqs.push((await told(room, `to be deleted ${i}`)).seq);
  for (const seq of seqs.slice(1)) await api('DELETE', `/rooms/${room}/messages/${seq}?client_id=${clientId()}`);
  await ben.context.setOffline(false);
  await ben.page.evaluate(() => window.dispatchEvent(new Event('online')));
  await until('one is unread', async () => (await badge(ben.page, 'Erased')) === '1', 20_000);
  await api('DELETE', `/rooms/${room}/messages/${seqs[0]}?client_id=${clientId()}`); // while one looks
  await until('none is', async () => (await badge(ben.page, 'Erased')) === '');
  // After a reload too, from the first moment: what the badge said is noted by the page itself.
  await ben.page.addInitScript(() => {
    window.badges = [];
    new MutationObserver(() => {
      const link = [...document.querySelectorAll('nav a')].find((a) => a.textContent.includes('Erased'));
      const said = link?.textContent.split('Erased')[1];
      if (link && window.badges.at(-1) !== said) window.badges.push(said);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  await ben.page.reload();
  await until('the room is listed', async () => (await ben.page.evaluate(() => window.badges)).length > 0);
  await told(room, 'not deleted');
  await until('one is unread', async () => (await badge(ben.page, 'Erased')) === '1');
  assert.deepEqual(await ben.page.evaluate(() => window.badges), ['', '1 unread']);
});

/* ---- 11 ---- */

await test('the_conversation_is_a_log_that_announces_what_comes_and_neither_history_nor_own_lines_twice', async () => {
  const room = await roomWith('Aloud', 120);
  await told(room, 'an echo');
  await sees(ben, 'an echo');
  const box = log(ben);
  assert.equal(await box.getAttribute('aria-relevant'), 'additions');
  await until('it is polite at the end', async () => (await box.getAttribute('aria-live')) === 'polite');
  /* Every row that is added while the log may be read aloud. */
  await box.evaluate((el) => {
    window.announced = [];
    new MutationObserver((records) => {
      const silent = el.getAttribute('aria-live') === 'off' || el.getAttribute('aria-busy') === 'true';
      for (const { addedNodes } of records)
        for (const node of addedNodes) if (!silent && node.nodeType === 1 && node.textContent.trim()) window.announced.push(node.textContent);
    }).observe(el, { childList: true, subtree: true });
  });
  await told(room, 'read me aloud');
  await sees(ben, 'read me aloud');
  await say(ben, 'my own words');
  await sees(ben, 'my own words');
  await sleep(500);
  const times = async (text) => (await ben.page.evaluate(() => window.announced)).filter((t) => t.includes(text)).length;
  assert.equal(await times('read me aloud'), 1);
  assert.equal(await times('my own words'), 1, 'once, though it is pending first and stored later');
  await ben.page.evaluate(() => (window.announced = []));
  for (let i = 0; i < 40 && (await ben.page.getByText('This is the beginning').count()) === 0; i += 1) {
    await box.evaluate((el) => (el.scrollTop = 0));
    await sleep(100);
  }
  await ben.page.getByText('This is the beginning').waitFor();
  assert.equal(await times('Aloud line'), 0, 'what comes in above is not news');
});

await test('all_that_can_be_done_with_a_line_is_done_without_a_pointer', async () => {
  const room = await roomWith('Keys', 0);
  await told(room, 'what the keys are about');
  await sees(ben, 'what the keys are about');
  await ben.page.mouse.move(0, 0);
  const reach = async (action) => {
    await composer(ben).press('Escape');
    await log(ben).focus();
    for (let i = 0; i < 5; i += 1) {
      await ben.page.keyboard.press('ArrowUp');
      if (await ben.page.evaluate(() => document.activeElement?.querySelector('div[dir=auto]')?.textContent === 'what the keys are about')) break;
    }
    for (let i = 0; i < 12; i += 1) {
      await ben.page.keyboard.press('Tab');
      if ((await ben.page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent)) === action) return;
    }
    assert.fail(`${action} is not reached by Tab`);
  };
  await reach('Reply');
  await ben.page.keyboard.press('Enter');
  await ben.page.keyboard.type('an answer without a mouse');
  await ben.page.keyboard.press('Enter');
  await line(ben, 'an answer without a mouse').getByRole('button', { name: /Answers Ada/ }).waitFor();
  await until('it is stored and can be changed', async () => {
    await composer(ben).press('ArrowUp');
    return (await composer(ben).inputValue()) === 'an answer without a mouse';
  });
  await ben.page.keyboard.press('End');
  await ben.page.keyboard.type(', mended');
  await ben.page.keyboard.press('Enter');
  await line(ben, 'an answer without a mouse, mended').waitFor();
  await reach('Add a reaction');
  await ben.page.keyboard.press('Enter');
  await ben.page.getByRole('dialog').waitFor();
  await ben.page.keyboard.type('heart');
  await ben.page.keyboard.press('Enter');
  await line(ben, 'what the keys are about').getByRole('group', { name: 'Reactions' }).waitFor();
  await reach('Pin message');
  await ben.page.keyboard.press('Enter');
  await line(ben, 'what the keys are about').getByText('Pinned').waitFor();
});

/* ---- 12 ---- */

await test('what_is_read_above_stays_in_its_place_while_lines_around_it_come_change_and_go', async () => {
  const room = await roomWith('Still', 60);
  const page = await api('GET', `/rooms/${room}/messages?limit=60`);
  const seqs = page.frames.filter((f) => f.type === 'event').map((f) => f.seq);
  await log(ben).evaluate((el) => (el.scrollTop -= 900));
  await until('the reader is known to be above', async () => (await log(ben).getAttribute('aria-live')) === 'off');
  const index = await log(ben).evaluate((el) => {
    const top = el.getBoundingClientRect().top;
    const row = [...el.querySelectorAll('[role=article]')].find((r) => r.getBoundingClientRect().top > top + 10 && /line \d+ of/.test(r.textContent));
    return Number(/line (\d+) of/.exec(row.textContent)[1]);
  });
  const anchor = `Still line ${index} of`;
  const before = await topOf(ben, anchor);
  const at = `/rooms/${room}/messages`;
  const steps = {
    'new lines': async () => { for (let i = 0; i < 5; i += 1) await told(room, `new ${i}`); },
    'a line above grows': () => api('PATCH', `${at}/${seqs[index - 2]}`, { client_id: clientId(), text: 'now it is long. '.repeat(60) }),
    'a line above is deleted': () => api('DELETE', `${at}/${seqs[index - 4]}?client_id=${clientId()}`),
    'a line above gets a reaction': () => api('PUT', `${at}/${seqs[index - 3]}/reactions/${encodeURIComponent('👍')}?client_id=${clientId()}`),
  };
  for (const [what, change] of Object.entries(steps)) {
    await change();
    await sleep(400);
    const now = await topOf(ben, anchor);
    assert.ok(Math.abs(now - before) <= 1, `${what}: from ${before} to ${now}`);
  }
  await ben.page.getByRole('button', { name: '5 new messages' }).waitFor();
});

/* ---- 17 ---- */

const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
/* An image that says to be so large: its place is taken before it is there, and whether it can be drawn or not. */
function pictureOf(width, height) {
  const bytes = Buffer.from(PIXEL);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}
async function pick(p, open, ...files) {
  const [chooser] = await Promise.all([p.page.waitForEvent('filechooser'), open()]);
  await chooser.setFiles(files.map(([name, buffer]) => ({ name, buffer, mimeType: name.endsWith('.png') ? 'image/png' : 'application/octet-stream' })));
}
ben.page.on('filechooser', () => undefined); // from here on: a key is faster than its first listener
const tray = (p) => p.page.getByRole('list', { name: 'Files of this message' }).getByRole('listitem');

await test('a_file_that_is_too_large_is_refused_in_words_before_a_byte_is_sent', async () => {
  await roomWith('Too large', 1);
  const asked = [];
  const note = (r) => /\/files/.test(r.url()) && asked.push(r.method());
  ben.page.on('request', note);
  await pick(ben, () => ben.page.getByRole('button', { name: 'Attach files' }).click(), ['huge.zip', Buffer.alloc(1024 * 1024 + 1)]);
  const words = 'This server takes files up to 1 MiB; huge.zip has a few bytes more.';
  await ben.page.getByRole('alert').getByText(words).waitFor();
  assert.deepEqual(asked, []);
  assert.equal(await tray(ben).count(), 0);
  await pick(ben, () => ben.page.getByRole('button', { name: 'Attach files' }).click(), ['fits.zip', Buffer.alloc(1024 * 1024)]);
  await tray(ben).getByText('1 MiB, ready').waitFor();
  assert.deepEqual(asked, ['POST']);
  ben.page.off('request', note);
});

await test('files_are_attached_retried_removed_and_sent_without_a_pointer', async () => {
  const room = await roomWith('By keyboard', 1);
  const keys = ben.page.keyboard;
  await composer(ben).focus();
  await keys.type('See these');
  await keys.press('Shift+Tab');
  assert.equal(await ben.page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Attach files');
  const fails = '**/files?**';
  await ben.page.route(fails, (route) => route.abort('connectionreset'));
  await pick(ben, () => keys.press('Enter'), ['plan.bin', Buffer.alloc(5000, 1)], ['never.bin', Buffer.alloc(10, 2)]);
  await until('both failed', async () => (await ben.page.getByRole('button', { name: 'Retry' }).count()) === 2);
  await composer(ben).press('Enter');
  await ben.page.getByText('Not sent: retry or remove the file that was not uploaded.').waitFor();
  assert.equal(await composer(ben).inputValue(), 'See these');
  await ben.page.unroute(fails);
  await ben.page.getByRole('button', { name: 'Remove never.bin' }).focus();
  await keys.press('Enter');
  await ben.page.getByRole('button', { name: 'Retry' }).focus();
  await keys.press('Enter');
  await tray(ben).getByText('4.9 KiB, ready').waitFor();
  await composer(ben).press('Enter');
  await line(ben, 'See these').getByRole('button', { name: 'Download plan.bin' }).focus();
  const [download] = await Promise.all([ben.page.waitForEvent('download'), keys.press('Enter')]);
  assert.deepEqual(readFileSync(await download.path()), Buffer.alloc(5000, 1));
  const page = await api('GET', `/rooms/${room}/messages?before=101&limit=10`);
  const { seq, body } = page.frames.find((f) => f.kind === 'shared' || f.body?.files);
  const at = `${stack.url}/api/v1/rooms/${room}/files/${body.files[0].file}`;
  const get = () => fetch(at, { headers: { authorization: `Bearer ${api.token}` } });
  assert.equal((await get()).status, 200);
  await api('DELETE', `/rooms/${room}/messages/${seq}?client_id=${clientId()}`);
  assert.equal((await get()).status, 404);
});

await test('an_image_takes_its_place_before_it_is_there_and_nothing_jumps_when_it_comes', async () => {
  await roomWith('Pictures', 1);
  let letGo;
  const held = new Promise((done) => (letGo = done));
  await ben.page.route(/\/files\/\d+$/, async (route) => {
    await held;
    await route.continue();
  });
  await pick(ben, () => ben.page.getByRole('button', { name: 'Attach files' }).click(), ['nest.png', pictureOf(800, 600)]);
  await tray(ben).getByText(/, ready$/).waitFor();
  await composer(ben).fill('A picture');
  await composer(ben).press('Enter');
  const picture = ben.page.getByRole('button', { name: 'Open nest.png' });
  await until('it is stored', async () => (await picture.count()) === 1);
  await sleep(500);
  const before = [await picture.boundingBox(), await topOf(ben, 'A picture')];
  assert.ok(before[0].height >= 300 && before[0].width >= 400, JSON.stringify(before[0]));
  letGo();
  await picture.locator('image').waitFor({ state: 'attached' });
  await sleep(300);
  assert.deepEqual([await picture.boundingBox(), await topOf(ben, 'A picture')], before);
  await ben.page.unroute(/\/files\/\d+$/);
});

await browser.close();
await stack.stop();
if (only !== undefined && passed + failures.length === 0) failures.push(`there is no test ${only}`);
console.log(`${passed} passed, ${failures.length} failed${failures.length ? `: ${failures.join(', ')}` : ''}`);
process.exit(failures.length ? 1 : 0);
