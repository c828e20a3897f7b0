/* People at browsers: contexts of their own, what their pages complained of, and what they do and see most often. */
import assert from 'node:assert/strict';
import { AxeBuilder, openBrowser, sleep } from './stack.mjs';

export const PASSWORD = 'a long enough sentence';
export { openBrowser, sleep };

/* One person: a browser context, the errors of their page, the sockets it opened. */
export async function newPerson(browser, name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const person = { name, context, page, errors: [], console: [], sockets: 0 };
  page.on('pageerror', (e) => person.errors.push(`page error: ${e.message}`));
  page.on('console', (m) => {
    if (m.type() === 'error') person.console.push(m.text());
    if (m.type() === 'error' && /Content Security|Trusted|Uncaught/.test(m.text())) person.errors.push(m.text());
  });
  page.on('websocket', () => (person.sockets += 1));
  return person;
}

export const composer = (p) => p.page.locator('#composer');
export const log = (p) => p.page.locator('[role=log]');
/* The last line that reads so: its own words, not those that it quotes. */
export const line = (p, text) =>
  log(p).locator('[role=article]').filter({ has: p.page.locator('div[dir=auto]', { hasText: text }) }).last();

export async function say(p, text) {
  await composer(p).fill(text);
  await composer(p).press('Enter');
}

export async function sees(p, text, timeout = 15_000) {
  await log(p).getByText(text, { exact: true }).first().waitFor({ timeout });
}

/* The lines of the conversation with this prefix, in their order on the screen. */
export async function lines(p, prefix) {
  const texts = await log(p).getByText(new RegExp(`^${prefix} \\d+$`)).allTextContents();
  return texts.map((t) => t.trim());
}

/* The first one there sets the server up, and is its administrator; the others sign up. */
export async function signUp(p, url) {
  const { set_up: isSetUp } = await (await fetch(`${url}/api/v1/server`)).json();
  await p.page.goto(`${url}/signup`);
  await p.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  if (isSetUp) {
    await p.page.getByLabel('Name', { exact: true }).fill(p.name);
    await p.page.getByRole('button', { name: 'Make an account' }).click();
  } else {
    await p.page.getByLabel('Name of the server').fill('Rookery');
    await p.page.getByLabel('Your name').fill(p.name);
    await p.page.getByText('Anybody', { exact: true }).click();
    await p.page.getByRole('button', { name: 'Set up' }).click();
  }
  await p.page.getByRole('button', { name: 'Create a room' }).first().waitFor();
}

export async function axe(p, where) {
  const { violations } = await new AxeBuilder({ page: p.page }).analyze();
  const bad = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  assert.deepEqual(bad.map((v) => `${where}: ${v.id} ${v.nodes[0]?.html}`), []);
}

/* Steps that build on one another: the first that fails is thrown on. `after` is called when one is over, with how many
 * have been and whether one has failed. */
export function newSteps(after) {
  const run = { passed: 0, failures: [] };
  run.step = async (claim, work) => {
    const start = Date.now();
    try {
      await work();
      run.passed += 1;
      console.log(`ok ${claim} (${Date.now() - start} ms)`);
    } catch (error) {
      run.failures.push(claim);
      console.log(`not ok ${claim}\n${error.stack}`);
      throw error;
    } finally {
      await after?.(run.passed + run.failures.length, run.failures.length > 0);
    }
  };
  return run;
}

/* Until it is so; `what` says what was waited for. */
export async function until(what, ok, ms = 15_000) {
  for (const end = Date.now() + ms; ; await sleep(50)) {
    const value = await ok();
    if (value) return value;
    assert.ok(Date.now() < end, `${what} within ${ms} ms`);
  }
}
