/* The web client itself, as it is in a browser, without the screen: its session, socket, state, outbox and fold, bundled
 * from web/src. Each page runs in globals of its own (timers, sockets, requests, events), so that a page can lose its
 * network, its place on the screen, or its life, and the next page of the same browser finds the cookie and the storage
 * that it left. */
import { createRequire } from 'node:module';
import { join } from 'node:path';

const ROOT = new URL('../../../', import.meta.url).pathname;
const require = createRequire(join(ROOT, 'web/package.json'));
const { WebSocket } = require('ws');
const fakeIndexedDb = require('fake-indexeddb');

const IDB = ['IDBCursor', 'IDBDatabase', 'IDBIndex', 'IDBKeyRange', 'IDBObjectStore', 'IDBRequest', 'IDBTransaction'];
const GLOBALS = ['window', 'document', 'navigator', 'location', 'localStorage', 'sessionStorage', 'fetch', 'WebSocket',
  'BroadcastChannel', 'indexedDB', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', ...IDB];
const ENTRY = `
  export { createClient } from '@/app/client';
  export { decode, encode, openEvent } from '@/proto/codec';
  export { fold } from '@/state/fold';
  export { isAtLeast, unreadOf } from '@/state/unread';
  export { newClientId } from '@/proto/ulid';
  export { ERRORS, KINDS, MESSAGES } from '@/proto/messages.gen';`;

/** The second byte of a frame is its code: these are `ack` and `nack`; the others are the client's alone. */
const ANSWERS = new Set([0x0c, 0x0d]);
const SUB_OK = 0x07;

/** The client's code, and a function that runs it in given globals. */
export async function bundleClient() {
  const { rolldown } = require('rolldown');
  const bundle = await rolldown({
    input: 'property-entry',
    cwd: join(ROOT, 'web'),
    resolve: { alias: { '@': join(ROOT, 'web/src') } },
    plugins: [{
      name: 'entry',
      resolveId: (id) => (id === 'property-entry' ? join(ROOT, 'web/src/property-entry.ts') : null),
      load: (id) => (id.endsWith('/property-entry.ts') ? { code: ENTRY, moduleType: 'ts' } : null),
    }],
    logLevel: 'warn',
  });
  const { output } = await bundle.generate({ format: 'iife', name: 'app', codeSplitting: false });
  await bundle.close();
  const run = new Function(...GLOBALS, `${output[0].code}\nreturn app;`);
  return (globals) => run(...GLOBALS.map((name) => globals[name]));
}

function storage() {
  const map = new Map();
  return {
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, String(value)),
    removeItem: (key) => void map.delete(key),
  };
}

/** What code of a dead page is stopped by, where it would reach what its browser keeps. */
class DeadPage extends Error {}

process.on('unhandledRejection', (reason) => {
  if (!(reason instanceof DeadPage)) throw reason;
});

/** One browser of one person: what outlives its pages. */
export class Browser {
  constructor(name, user, base, code, ledger) {
    Object.assign(this, { name, user, base, code, ledger });
    this.cookie = '';
    this.indexedDB = new fakeIndexedDb.IDBFactory();
    this.localStorage = storage();
    this.page = null;
    /** To `sub`, so far. */
    this.answers = 0;
  }

  open() {
    this.page = new Page(this);
    return this.page;
  }

  /** As F5, or a browser that crashed: nothing is said, and what was under way is cut. */
  reload() {
    this.page.die();
    const page = this.open();
    page.client.begin();
    return page;
  }
}

export class Page {
  constructor(browser) {
    this.browser = browser;
    this.alive = true;
    this.online = true;
    this.isSigningIn = false;
    /** Requests under way that change something. */
    this.changing = 0;
    this.timers = new Set();
    this.sockets = new Set();
    this.databases = new Set();
    this.controller = new AbortController();
    this.window = new EventTarget();
    this.document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    const app = browser.code(this.globals());
    this.app = app;
    this.client = app.createClient('');
    this.commands = this.client.commands;
  }

  get state() {
    return this.client.store.getState();
  }

  get timeline() {
    return this.state.timelines.get(this.state.active);
  }

  globals() {
    const page = this;
    const { browser, timers } = this;
    const timer = (set) => (how, ms, ...args) => {
      const handle = set(() => {
        if (set === setTimeout) timers.delete(handle);
        if (page.alive) how(...args);
      }, ms);
      timers.add(handle);
      return handle;
    };
    const clear = (handle) => {
      timers.delete(handle);
      clearTimeout(handle);
    };
    return {
      ...Object.fromEntries(IDB.map((name) => [name, fakeIndexedDb[name]])),
      window: this.window,
      document: this.document,
      navigator: { userAgent: `Linux ${browser.name}` },
      location: { href: `${browser.base}/`, reload: () => undefined },
      localStorage: browser.localStorage,
      sessionStorage: storage(),
      fetch: (path, init) => this.fetch(path, init),
      WebSocket: this.socketClass(),
      BroadcastChannel: undefined,
      indexedDB: { open: (...args) => this.openDatabase(...args) },
      setTimeout: timer(setTimeout),
      clearTimeout: clear,
      setInterval: timer(setInterval),
      clearInterval: clear,
    };
  }

  openDatabase(...args) {
    if (!this.alive) throw new DeadPage('open');
    const request = this.browser.indexedDB.open(...args);
    request.addEventListener('success', () => {
      if (this.alive) this.databases.add(request.result);
      else request.result.close();
    });
    return request;
  }

  async fetch(path, init) {
    const changes = (init.method ?? 'GET') !== 'GET';
    if (changes) this.changing += 1;
    try {
      return await this.request(path, init);
    } finally {
      if (changes) this.changing -= 1;
    }
  }

  /* A dead page hears of nothing any more; what it asked for may have been done. */
  async request(path, init) {
    const { browser } = this;
    if (!this.online) throw new TypeError('offline');
    const signal = AbortSignal.any([this.controller.signal, ...(init.signal ? [init.signal] : [])]);
    const headers = { ...init.headers, Origin: browser.base };
    if (path.startsWith('/api/v1/auth/') && browser.cookie) headers.Cookie = browser.cookie;
    const asked = browser.ledger.askedByHttp(browser.user, init.method ?? 'GET', path, init.body);
    let answer;
    try {
      answer = await fetch(browser.base + path, { ...init, headers, signal });
      const [cookie] = answer.headers.getSetCookie();
      if (cookie) browser.cookie = cookie.split(';')[0];
      if (asked) {
        const body = await answer.text();
        browser.ledger.answeredByHttp(asked, answer.status, body);
        answer = new Response(answer.status === 204 ? null : body, { status: answer.status, headers: answer.headers });
      }
    } catch (e) {
      if (!this.alive) await new Promise(() => undefined);
      throw e;
    }
    if (!this.alive) await new Promise(() => undefined);
    return answer;
  }

  socketClass() {
    const page = this;
    const { browser, sockets } = this;
    return class extends WebSocket {
      constructor(url, protocol) {
        super(page.online ? url : 'ws://127.0.0.1:9/', protocol, { origin: browser.base, perMessageDeflate: false });
        sockets.add(this);
        this.on('error', () => undefined);
        this.on('close', () => sockets.delete(this));
        this.on('message', (bytes) => {
          const frame = new Uint8Array(bytes);
          if (frame[1] === SUB_OK) browser.answers += 1;
          if (ANSWERS.has(frame[1])) browser.ledger.heard(browser.user, page.app.decode(frame));
        });
      }

      send(bytes) {
        browser.ledger.asked(browser.user, page.app.decode(bytes));
        super.send(bytes);
      }
    };
  }

  /** The connection is gone, and nobody said so. */
  cut() {
    for (const socket of this.sockets) socket.terminate();
  }

  /** Reads nothing for a while, but the connection stays. */
  stall(ms) {
    for (const socket of this.sockets) {
      socket.pause();
      setTimeout(() => socket.resume(), ms);
    }
  }

  goOffline() {
    this.online = false;
    this.window.dispatchEvent(new Event('offline'));
    this.cut();
  }

  goOnline() {
    this.online = true;
    if (this.alive) this.window.dispatchEvent(new Event('online'));
  }

  /* What it has begun to write may still be written; it begins nothing any more. */
  die() {
    this.alive = false;
    for (const database of this.databases) {
      database.transaction = () => {
        throw new DeadPage('transaction');
      };
    }
    for (const handle of this.timers) clearTimeout(handle);
    this.timers.clear();
    for (const socket of this.sockets) {
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      socket.terminate();
    }
    this.controller.abort();
  }
}
