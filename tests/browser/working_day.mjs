/* A working day of three people against the real server: Ada and Ben at their desks, Chen with a phone in the dark.
 * After each step stands what each of them sees.
 *
 *   working_day.mjs [--shots DIR]    with a picture of every screen after each step */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PASSWORD, axe, composer, line, log, newPerson, newSteps, openBrowser, say, sees, signUp, sleep, until } from './person.mjs';
import { startStack } from './stack.mjs';

const { values } = parseArgs({ options: { shots: { type: 'string' } } });
if (values.shots) mkdirSync(values.shots, { recursive: true });

let everybody = [];
let dora;
const steps = newSteps(async (count, hasFailed) => {
  const folder = values.shots ?? (hasFailed ? new URL('../../build/screens/', import.meta.url).pathname : undefined);
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  for (const p of everybody)
    await p.page.screenshot({ path: join(folder, `day-${String(count).padStart(2, '0')}-${p.name}.png`) }).catch(() => undefined);
});
const { step } = steps;

const isPhone = (p) => p.page.viewportSize().width < 768;
const button = (p, name) => p.page.getByRole('button', { name });
const openDrawer = async (p) => {
  if (!isPhone(p)) return;
  const drawer = p.page.getByRole('dialog', { name: 'Rooms and account' });
  await drawer.or(button(p, /Open the room list/)).first().waitFor(); // a reload keeps an open one open
  if ((await drawer.count()) === 0) await button(p, /Open the room list/).first().click();
  await drawer.waitFor();
};
const roomLink = (p, room) => p.page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: new RegExp(`\\b${room}\\b`) });
/* To a room by its place in the list. */
async function enter(p, room) {
  await openDrawer(p);
  await roomLink(p, room).click();
  await p.page.getByRole('heading', { level: 1, name: new RegExp(`\\b${room}$`) }).waitFor();
  await composer(p).waitFor();
}
async function browse(p) {
  await openDrawer(p);
  await p.page.getByRole('link', { name: 'Browse public rooms' }).click();
  await p.page.getByLabel('Search by name').waitFor();
}
async function joinRoom(p, room) {
  await browse(p);
  await button(p, `Join ${room}`).click();
  await composer(p).waitFor();
}
async function createRoom(p, room, topic, visibility) {
  await openDrawer(p);
  await button(p, 'Create a room').first().click();
  const dialog = p.page.getByRole('dialog', { name: 'Create a room' });
  await dialog.getByLabel('Name').fill(room);
  await dialog.getByLabel(/Topic/).fill(topic);
  if (visibility === 'private') await dialog.getByText('Private', { exact: true }).click();
  await dialog.getByRole('button', { name: 'Create room' }).click();
  await p.page.getByRole('heading', { level: 1, name: new RegExp(`\\b${room}$`) }).waitFor();
}
/* The actions of a line, by pointer or by touch. */
async function act(p, text, action) {
  const row = line(p, text);
  await row.scrollIntoViewIfNeeded();
  if (isPhone(p)) await row.getByText(text).first().tap();
  else await row.hover();
  await row.getByRole('button', { name: action }).click();
}
const choose = async (p, menu, item) => {
  await button(p, menu).click();
  await p.page.getByRole('menuitem', { name: item }).or(p.page.getByRole('menuitemradio', { name: item })).first().click();
};
const showMembers = async (p) => {
  if ((await p.page.getByRole('heading', { name: 'Members' }).count()) === 0) await button(p, /members?, .*Show them|members?\. Show them/).click();
  await p.page.getByRole('heading', { name: 'Members' }).waitFor();
};
const hideMembers = async (p) => {
  if (isPhone(p)) await p.page.keyboard.press('Escape');
  else await button(p, /Hide them/).click();
};
/* What a person reads in the conversation, without what is only for the eye. */
const conversation = async (p) => (await log(p).locator('[dir=auto]').allTextContents()).map((t) => t.trim()).filter(Boolean);
const seeAll = async (text, ...people) => {
  for (const p of people) await sees(p, text);
};

const stack = await startStack();
const browser = await openBrowser();
const day = Date.now();
try {
  const ada = await newPerson(browser, 'Ada');
  const ben = await newPerson(browser, 'Ben');
  const chen = await newPerson(browser, 'Chen', { viewport: { width: 390, height: 844 }, colorScheme: 'dark', isMobile: true, hasTouch: true });

  await step('Ada sets the empty server up, and makes a public and a private room', async () => {
    await signUp(ada, stack.url);
    everybody = [ada];
    await createRoom(ada, 'Kitchen', 'What we eat and when', 'public');
    await createRoom(ada, 'Cellar', 'What nobody is to know', 'private');
    await say(ada, 'The wine is behind the door.');
    await sees(ada, 'The wine is behind the door.');
  });

  await step('Ben and Chen sign up, find the public room only, and join it', async () => {
    for (const p of [ben, chen]) {
      await signUp(p, stack.url);
      await browse(p);
      await button(p, 'Join Kitchen').waitFor();
      assert.equal(await p.page.getByText('Cellar').count(), 0, 'a private room is not listed');
      await button(p, 'Join Kitchen').click();
      await composer(p).waitFor();
    }
    everybody = [ada, ben, chen];
    await enter(ada, 'Kitchen');
    await until('Ada sees three members', () => button(ada, /^3 members/).count());
  });

  await step('all three say good morning and see it in one order', async () => {
    await say(ada, 'Good morning! Who brings bread?');
    await seeAll('Good morning! Who brings bread?', ada, ben, chen);
    await say(ben, 'I do. **Rye**, as always.');
    for (const p of [ada, ben, chen]) await line(p, 'as always.').locator('strong', { hasText: 'Rye' }).waitFor();
    await say(chen, '早上好 🦜');
    await seeAll('早上好 🦜', ada, ben, chen);
    const [a, b, c] = await Promise.all([ada, ben, chen].map(conversation));
    assert.deepEqual(b, a);
    assert.deepEqual(c, a);
  });

  await step('Ben answers a line, Chen reacts to it, Ada pins it', async () => {
    await act(ben, 'Who brings bread?', 'Reply');
    await say(ben, 'Ask me again tomorrow.');
    for (const p of [ada, chen]) await line(p, 'Ask me again tomorrow.').getByRole('button', { name: /Answers Ada: Good morning! Who brings bread\?/ }).waitFor();
    await act(chen, 'Ask me again tomorrow.', 'Add a reaction');
    await chen.page.getByRole('group', { name: 'Emoji' }).getByRole('button').first().click();
    for (const p of [ada, ben]) await line(p, 'Ask me again tomorrow.').getByRole('button', { name: /: Chen$/ }).waitFor();
    await act(ada, 'Who brings bread?', 'Pin message');
    for (const p of [ben, chen]) await line(p, 'Who brings bread?').getByText('Pinned').waitFor();
  });

  await step('Ada calls Ben while he is elsewhere: his list says so, and his visit takes it away', async () => {
    await browse(ben);
    await say(ada, '@Ben please bring two.');
    await say(ada, 'And some cheese.');
    await roomLink(ben, 'Kitchen').getByText('mention').waitFor();
    await until('two are unread', async () => /2\s*unread/.test(await roomLink(ben, 'Kitchen').textContent()));
    await enter(ben, 'Kitchen');
    await line(ben, 'please bring two.').waitFor();
    await browse(ben);
    await until('nothing is unread', async () => !/unread|mention/.test(await roomLink(ben, 'Kitchen').textContent()));
    await enter(ben, 'Kitchen');
  });

  await step('Chen marks a line as unread on the phone, and finds it after the divider when coming back', async () => {
    await act(chen, 'please bring two.', 'Mark unread from here');
    await browse(chen);
    await openDrawer(chen);
    await until('two are unread', async () => /2\s*unread/.test(await roomLink(chen, 'Kitchen').textContent()));
    await chen.page.reload();
    await openDrawer(chen);
    await until('two still are', async () => /2\s*unread/.test(await roomLink(chen, 'Kitchen').textContent()));
    await roomLink(chen, 'Kitchen').click();
    await line(chen, 'please bring two.').waitFor();
    await log(chen).getByText('New', { exact: true }).waitFor();
    await browse(chen);
    await openDrawer(chen);
    await until('nothing is unread', async () => !/unread/.test(await roomLink(chen, 'Kitchen').textContent()));
    await roomLink(chen, 'Kitchen').click();
    await composer(chen).waitFor();
  });

  await step('Ben wants to hear of mentions only: lines leave his list quiet, a call does not', async () => {
    await choose(ben, 'Room menu', 'Mentions only');
    await ben.page.keyboard.press('Escape');
    await browse(ben);
    await say(ada, 'Nothing that concerns Ben.');
    await sees(chen, 'Nothing that concerns Ben.');
    await sleep(1000);
    assert.doesNotMatch(await roomLink(ben, 'Kitchen').textContent(), /unread/);
    await say(ada, '@Ben but this does.');
    await roomLink(ben, 'Kitchen').getByText('mention').waitFor();
    await enter(ben, 'Kitchen');
    await choose(ben, 'Room menu', 'Every message');
    await ben.page.keyboard.press('Escape');
  });

  await step('an edit and a deletion are seen by all', async () => {
    await say(ben, 'I am at teh baker.');
    await seeAll('I am at teh baker.', ada, ben, chen);
    await until('it is stored and can be changed', async () => {
      await composer(ben).press('ArrowUp');
      return (await composer(ben).inputValue()) === 'I am at teh baker.';
    });
    await composer(ben).fill('I am at the baker.');
    await composer(ben).press('Enter');
    for (const p of [ada, chen]) await line(p, 'I am at the baker.').getByText('(edited)').waitFor();
    await say(chen, 'My PIN is 1234');
    await seeAll('My PIN is 1234', ada, ben);
    await act(chen, 'My PIN is 1234', 'Delete message');
    await chen.page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
    for (const p of [ada, ben, chen]) {
      await log(p).getByText('Chen’s message was deleted').waitFor();
      assert.equal(await log(p).getByText('1234').count(), 0);
    }
  });

  await step('Ada sends a picture: Ben looks at it, and Chen takes it to the phone byte for byte', async () => {
    const picture = await ada.page.screenshot();
    const [chooser] = await Promise.all([ada.page.waitForEvent('filechooser'), button(ada, 'Attach files').click()]);
    await chooser.setFiles([{ name: 'our kitchen.png', buffer: picture, mimeType: 'image/png' }]);
    await ada.page.getByRole('list', { name: 'Files of this message' }).getByText(/, ready$/).waitFor();
    await say(ada, 'This is how it looks.');
    await seeAll('This is how it looks.', ada, ben, chen);
    await line(ben, 'This is how it looks.').getByRole('button', { name: 'Open our kitchen.png' }).click();
    const seen = ben.page.getByRole('dialog').getByRole('img', { name: 'our kitchen.png' });
    await until('it is drawn', () => seen.evaluate((img) => img.complete && img.naturalWidth));
    assert.equal(await seen.evaluate((img) => img.naturalWidth), picture.readUInt32BE(16));
    await axe(ben, 'a picture');
    await ben.page.keyboard.press('Escape');
    await line(chen, 'This is how it looks.').getByRole('button', { name: 'Open our kitchen.png' }).tap();
    const dialog = chen.page.getByRole('dialog');
    const [download] = await Promise.all([chen.page.waitForEvent('download'), dialog.getByRole('button', { name: 'Download' }).tap()]);
    assert.equal(download.suggestedFilename(), 'our kitchen.png');
    assert.ok(readFileSync(await download.path()).equals(picture));
    await axe(chen, 'a picture on the phone');
    await dialog.getByRole('button', { name: 'Close' }).last().tap();
    await dialog.waitFor({ state: 'detached' });
  });

  await step('words of all kinds are found, and lead to their line', async () => {
    await say(ada, 'Die Donaudampfschifffahrt legt um neun ab.');
    await say(chen, '東京でラーメンを食べました');
    await seeAll('東京でラーメンを食べました', ada, ben);
    await ben.page.keyboard.press('Control+Shift+F');
    const field = ben.page.getByRole('combobox', { name: 'Search messages' });
    for (const [query, found, marked] of [['schifffahrt', 'Die Donaudampfschifffahrt legt um neun ab.', /schifffahrt/i], ['ラーメン', '東京でラーメンを食べました', /ラーメン/]]) {
      await until(`${query} is found`, async () => {
        await field.fill(query);
        await field.press('Enter');
        await sleep(200);
        return ben.page.locator('[data-hit]').filter({ hasText: found }).count();
      });
      assert.match(await ben.page.locator('[data-hit] mark').first().textContent(), marked);
    }
    await field.fill('1234');
    await field.press('Enter');
    await ben.page.getByText(/Nothing was found/).waitFor();
    await field.fill('ラーメン');
    await field.press('Enter');
    await ben.page.locator('[data-hit]').first().click();
    await sees(ben, '東京でラーメンを食べました');
  });

  await step('Ada mutes Ben: he is told, reads on, and speaks again when she lets him', async () => {
    await showMembers(ada);
    await choose(ada, 'What you can do about Ben', 'Mute');
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Mute' }).click();
    await say(ben, 'Not a word of mine');
    await button(ben, 'Discard').click();
    assert.equal(await log(ada).getByText('Not a word of mine').count(), 0);
    await say(ada, 'Ben, you were loud.');
    await sees(ben, 'Ben, you were loud.');
    await choose(ada, 'What you can do about Ben', 'Let speak again');
    await until('Ben is heard again', async () => {
      await say(ben, 'I whisper now.');
      await sleep(500);
      return log(ada).getByText('I whisper now.').count();
    });
  });

  await step('Ada takes Chen out and bans Ben: both are told once, and each comes back when allowed', async () => {
    await choose(ada, 'What you can do about Chen', 'Remove from this room');
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await chen.page.getByText('A moderator took you out of Kitchen.').waitFor();
    await choose(ada, 'What you can do about Ben', 'Ban from this room');
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Ban' }).click();
    await ben.page.getByText(/banned from Kitchen|You may not enter/).first().waitFor();
    await browse(ben);
    await sleep(300);
    assert.equal(await button(ben, 'Join Kitchen').count(), 0, 'the room is not listed for who is banned');
    await joinRoom(chen, 'Kitchen');
    await sees(chen, 'Good morning! Who brings bread?');
    await button(ada, 'Lift the ban of Ben').click();
    await until('the room is listed again', async () => {
      await ben.page.reload();
      await ben.page.getByLabel('Search by name').waitFor();
      await sleep(300);
      return button(ben, 'Join Kitchen').count();
    });
    await joinRoom(ben, 'Kitchen');
    await sees(ben, 'Ben, you were loud.');
    await hideMembers(ada);
  });

  await step('Chen writes in a tunnel: the lines wait on the phone, and go out once when it is over', async () => {
    await chen.context.setOffline(true);
    await chen.page.evaluate(() => window.dispatchEvent(new Event('offline')));
    await say(chen, 'tunnel 1');
    await say(chen, 'tunnel 2');
    await line(chen, 'tunnel 2').getByText('Waiting to be sent').waitFor();
    await say(ada, 'Where is Chen?');
    await say(ben, 'On the train.');
    assert.equal(await log(chen).getByText('Where is Chen?').count(), 0);
    await chen.page.getByText('No connection.').waitFor();
    await axe(chen, 'offline');
    await chen.context.setOffline(false);
    await chen.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await seeAll('tunnel 2', ada, ben);
    await sees(chen, 'On the train.');
    for (const p of [ada, ben, chen]) {
      const order = (await conversation(p)).filter((t) => /^tunnel|Chen\?$|train\.$/.test(t));
      assert.deepEqual(order, ['Where is Chen?', 'On the train.', 'tunnel 1', 'tunnel 2']);
    }
  });

  await step('the server is killed while all three talk: nothing is lost, doubled or reloaded', async () => {
    for (const p of everybody) await p.page.evaluate(() => (window.sameDocument = true));
    for (let i = 1; i <= 12; i += 1) {
      await Promise.all(everybody.map((p) => say(p, `${p.name} ${i}`)));
      if (i === 4) stack.killServer();
    }
    for (const p of everybody) for (const q of everybody) await sees(p, `${q.name} 12`, 30_000);
    await sleep(300);
    for (const p of everybody) {
      assert.ok(await p.page.evaluate(() => window.sameDocument), 'the page was not reloaded');
      for (const q of everybody) {
        const said = (await conversation(p)).filter((t) => new RegExp(`^${q.name} \\d+$`).test(t));
        assert.deepEqual(said, Array.from({ length: 12 }, (_, i) => `${q.name} ${i + 1}`));
      }
    }
  });

  await step('the database is killed: a line waits, says so, and arrives', async () => {
    stack.killDatabase();
    await say(ben, 'Does it still work?');
    for (const p of everybody) await sees(p, 'Does it still work?', 30_000);
    assert.equal((await conversation(ada)).filter((t) => t === 'Does it still work?').length, 1);
  });

  await step('every tab is reloaded and shows the same as before', async () => {
    const before = await Promise.all(everybody.map(conversation));
    for (const p of everybody) await p.page.reload();
    for (const p of everybody) await sees(p, 'Does it still work?');
    await sleep(500);
    const after = await Promise.all(everybody.map(conversation));
    for (const [i, texts] of after.entries()) assert.deepEqual(texts.slice(-30), before[i].slice(-30));
    assert.deepEqual(after[1].slice(-30), after[0].slice(-30));
    assert.deepEqual(after[2].slice(-30), after[0].slice(-30));
  });

  await step('Ben writes to Chen alone: Chen finds it in the list and answers, and Ada has no part in it', async () => {
    await button(ben, 'New message').click();
    const dialog = ben.page.getByRole('dialog', { name: 'New message' });
    await dialog.getByRole('combobox').fill('Chen');
    await dialog.getByRole('option', { name: 'Chen' }).click();
    await dialog.locator('button[type=submit]').click();
    await ben.page.getByRole('heading', { level: 1, name: /\bChen$/ }).waitFor();
    await say(ben, 'Between us: cake at four.');
    await openDrawer(chen);
    await until('one is unread', async () => /1\s*unread/.test(await roomLink(chen, 'Ben').textContent()));
    await roomLink(chen, 'Ben').click();
    await sees(chen, 'Between us: cake at four.');
    await say(chen, 'I am in.');
    await sees(ben, 'I am in.');
    assert.equal(await ada.page.getByText('cake at four').count(), 0);
    assert.equal(await roomLink(ada, 'Ben').count() + (await roomLink(ada, 'Chen').count()), 0);
  });

  await step('a line is private to its room all day', async () => {
    for (const p of [ben, chen]) assert.ok(!(await p.page.content()).includes('behind the door'));
    await ada.page.keyboard.press('Escape');
    await enter(ada, 'Cellar');
    await sees(ada, 'The wine is behind the door.');
  });

  await step('Ada looks at people, rooms, actors and the audit log; Ben is told that this is not for him', async () => {
    await choose(ada, /Your menu/, 'Administration');
    const tab = (name) => ada.page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name }).click();
    for (const p of everybody) await button(ada, `Manage ${p.name}`).waitFor();
    await tab('Rooms');
    for (const room of ['Kitchen', 'Cellar']) await ada.page.getByRole('main').getByRole('listitem').filter({ hasText: room }).first().waitFor();
    await tab('System');
    await ada.page.getByRole('img', { name: /actors and .* links between them/ }).waitFor();
    const stored = ada.page.locator('dt', { hasText: 'Events stored per second' }).locator('xpath=../dd');
    await until('rates are shown', async () => /^[\d.]/.test(await stored.textContent()));
    await tab('Live');
    for (const p of everybody) await button(ada, new RegExp(`^Sign ${p.name} out`)).first().waitFor();
    await tab('Audit log');
    await ada.page.getByRole('cell', { name: /ban/i }).first().waitFor();
    await ben.page.goto(`${stack.url}/admin/users`);
    await ben.page.getByText('This page is for administrators.').waitFor();
  });

  await step('Ben takes another name: it stands at his lines for all within seconds, and at no line when he gives it up', async () => {
    const named = async (name) => {
      await ben.page.goto(`${stack.url}/settings`);
      await ben.page.getByLabel('Display name').fill(name);
      await button(ben, 'Save name').click();
      await ben.page.getByText('Saved.', { exact: false }).waitFor();
    };
    for (const p of [ada, chen]) {
      await p.page.goto(stack.url);
      await enter(p, 'Kitchen');
      await sees(p, 'Does it still work?');
    }
    for (const [name, shown] of [['Benedict the Baker', 'Benedict the Baker'], ['', 'Ben']]) {
      await named(name);
      for (const p of [ada, chen]) await log(p).getByRole('button', { name: shown, exact: true }).first().waitFor({ timeout: 3000 });
    }
    assert.equal(await log(ada).getByText('Benedict').count(), 0);
  });

  await step('Ada lets in who is invited: Dora comes by a link, one without finds no way, and the link is used up', async () => {
    const tab = (name) => ada.page.getByRole('navigation', { name: 'Administration' }).getByRole('link', { name }).click();
    await choose(ada, /Your menu/, 'Administration');
    await tab('Sign-up');
    await ada.page.getByText('By invitation', { exact: true }).click();
    await button(ada, 'Save').click();
    await ada.page.getByText('Saved.', { exact: true }).waitFor();
    await button(ada, 'Make an invitation').click();
    const link = await ada.page.getByText(/\/join\/[a-z0-9]{20}$/).first().textContent();
    const fill = async (p, at) => {
      await p.page.goto(new URL(at, stack.url).href);
      await p.page.getByLabel('Name', { exact: true }).fill(p.name);
      await p.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await button(p, /Make an account|Accept/).click();
    };
    dora = await newPerson(browser, 'Dora');
    await fill(dora, '/signup');
    await dora.page.getByText('Enter the code of your invitation.').waitFor();
    await fill(dora, new URL(link).pathname);
    await button(dora, 'Create a room').first().waitFor();
    const emil = await newPerson(browser, 'Emil');
    await fill(emil, new URL(link).pathname);
    await emil.page.locator('[aria-invalid=true]').waitFor();
    assert.equal(await button(emil, 'Create a room').count(), 0);
    await emil.context.close();
  });

  await step('Dora has forgotten her password: Ada gives her one for once, and she chooses her own before anything else', async () => {
    await ada.page.goto(`${stack.url}/people`);
    await ada.page.getByRole('button', { name: /Dora/ }).click();
    await button(ada, 'Reset password…').click();
    await button(ada, 'Reset password').click();
    const given = await ada.page.getByRole('dialog').locator('code').textContent();
    await dora.page.getByRole('button', { name: 'Log in' }).waitFor();
    await dora.page.getByLabel('Name', { exact: true }).fill('Dora');
    await dora.page.getByLabel('Password', { exact: true }).fill(given);
    await button(dora, 'Log in').click();
    await dora.page.getByLabel('The password you were given').fill(given);
    await dora.page.getByLabel('New password').fill('nobody knows this one');
    await dora.page.locator('button[type=submit]').click();
    await button(dora, 'Create a room').first().waitFor();
    await button(ada, 'Done').click();
    await ada.page.getByRole('button', { name: /Dora/ }).click();
    await ada.page.getByRole('dialog').getByRole('button', { name: 'Message' }).click();
    await say(ada, 'Welcome, Dora.');
    await dora.page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: /Ada/ }).click();
    await sees(dora, 'Welcome, Dora.');
    everybody.push(dora);
  });

  await step('no page broke the content security policy, threw, or has a serious fault of access', async () => {
    for (const p of everybody) await axe(p, p.name);
    assert.deepEqual(everybody.flatMap((p) => p.errors), []);
  });
} catch (error) {
  if (steps.failures.length === 0) {
    steps.failures.push('setting up');
    console.log(error.stack);
  }
} finally {
  await browser.close();
  await stack.stop();
}
console.log(`${steps.passed} passed, ${steps.failures.length} failed; the day took ${Math.round((Date.now() - day) / 1000)} s`);
process.exit(steps.failures.length ? 1 : 0);
