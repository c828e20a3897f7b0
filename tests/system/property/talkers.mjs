/* Somebody who talks through a plain socket, many requests at once: the bulk of the events. What was asked for is asked
 * again, unchanged and in its order, until it is answered for good. */
import { createRequire } from 'node:module';
import { sleep } from './random.mjs';

const require = createRequire(new URL('../../../web/package.json', import.meta.url));
const { WebSocket } = require('ws');
const ANSWER_MS = 8_000;
const RETRY_MS = 200;
const WELCOME_MS = 20_000;
const HTTP_MS = 30_000;
const SIGN_UP_MS = 180_000;
const TOKEN_MS = 240_000; // it holds for ten minutes
const RENEW_AGAIN_MS = 5_000;

/* Never throws: what had no answer has no status. */
async function enter(base, how, name, password) {
  try {
    const answer = await fetch(`${base}/api/v1/auth/${how}`,
      { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name, password }), signal: AbortSignal.timeout(HTTP_MS) });
    return { ok: answer.ok, status: answer.status, done: await answer.json() };
  } catch (e) {
    return { ok: false, status: 0, done: String(e) };
  }
}

export class Talker {
  constructor(base, user, app, ledger) {
    Object.assign(this, { base, user, app, ledger });
    this.token = '';
    this.socket = null;
    this.online = false;
    this.running = false;
    /** client id → { message, atMs } */
    this.open = new Map();
  }

  static async signUp(base, name, password, app, ledger) {
    for (const end = Date.now() + SIGN_UP_MS; ; await sleep(200)) {
      let { ok, status, done } = await enter(base, 'signup', name, password);
      // Made already, and the answer was lost.
      if (status === 409) ({ ok, status, done } = await enter(base, 'login', name, password));
      if (ok) {
        const talker = new Talker(base, done.user, app, ledger);
        Object.assign(talker, { name, password, token: done.access_token, tokenAtMs: Date.now() });
        return talker;
      }
      if (Date.now() > end) throw new Error(`signup ${name}: ${status} ${JSON.stringify(done)}`);
    }
  }

  /* A run on a slow machine outlives a token. */
  async renew() {
    if (Date.now() - this.tokenAtMs < TOKEN_MS) return;
    this.tokenAtMs = Date.now() - TOKEN_MS + RENEW_AGAIN_MS;
    const { ok, done } = await enter(this.base, 'login', this.name, this.password);
    if (ok) Object.assign(this, { token: done.access_token, tokenAtMs: Date.now() });
  }

  /** A request of the API; what is refused for now is asked again. */
  async http(path, ms = 180_000) {
    for (const end = Date.now() + ms; ; await sleep(RETRY_MS)) {
      const answer = await fetch(`${this.base}/api/v1${path}`, { headers: { Authorization: `Bearer ${this.token}` }, signal: AbortSignal.timeout(HTTP_MS) }).catch(() => null);
      if (answer?.ok) return answer;
      if (Date.now() > end || (answer && ![401, 429, 503, 504].includes(answer.status)))
        throw new Error(`GET ${path}: ${answer ? `${answer.status} ${await answer.text()}` : 'no answer'}`);
    }
  }

  start() {
    this.running = true;
    this.connect();
    this.watch = setInterval(() => {
      this.again();
      void this.renew();
    }, 500);
  }

  stop() {
    this.running = false;
    clearInterval(this.watch);
    this.socket?.terminate();
  }

  connect() {
    const socket = new WebSocket(`${this.base.replace('http', 'ws')}/ws`, 'rookery.v1.msgpack', { perMessageDeflate: false });
    this.socket = socket;
    const watch = setTimeout(() => this.online || socket.terminate(), WELCOME_MS);
    socket.on('error', () => undefined);
    socket.on('message', (bytes) => this.heard(this.app.decode(bytes)));
    socket.on('close', () => {
      clearTimeout(watch);
      this.online = false;
      if (this.running) setTimeout(() => this.running && this.connect(), RETRY_MS);
    });
  }

  heard(message) {
    switch (message?.type) {
      case 'hi':
        this.transmit({ type: 'hello', version: message.version, token: this.token, device: 'talker', subs: [] });
        break;
      case 'welcome':
        this.online = true;
        for (const open of this.open.values()) this.write(open);
        break;
      case 'ack':
        this.ledger.heard(this.user, message);
        this.open.delete(message.client_id);
        break;
      case 'nack': {
        this.ledger.heard(this.user, message);
        const open = this.open.get(message.client_id);
        if (message.final) this.open.delete(message.client_id);
        else if (open) open.atMs = Date.now() - ANSWER_MS + Math.max(message.retry_ms, RETRY_MS);
        break;
      }
      default:
    }
  }

  transmit(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(this.app.encode(message));
  }

  write(open) {
    open.atMs = Date.now();
    this.transmit(open.message);
  }

  again() {
    if (!this.online) return;
    const old = Date.now() - ANSWER_MS;
    for (const open of this.open.values()) if (open.atMs <= old) this.write(open);
  }

  ask(message) {
    const full = { ...message, client_id: this.app.newClientId() };
    const open = { message: full, atMs: 0 };
    const entry = this.ledger.asked(this.user, full);
    this.open.set(full.client_id, open);
    if (this.online) this.write(open);
    return entry;
  }

  cut() {
    this.socket?.terminate();
  }
}
