/* The session: one place that holds the access token, in memory only, and feeds the API and the socket. The refresh
 * token is in a cookie that no script can read. */
import { ApiError, type Http, type TokenSource } from '@/net/http';
import type { SetUp } from '@/state/commands';
import { SIGNUP_MODES } from '@/state/server';
import { signedIn, signedOut, unreachable } from '@/state/session';
import type { Store } from '@/state/store';
import { forgetSession, maySessionBe, rememberSession } from './lastSession';
import type { Tabs } from './tabs';

/** A token that ends sooner than this is not given out any more. */
const SPARE_MS = 20_000;
/** It is renewed so long before it ends. */
const RENEW_BEFORE_MS = 75_000;
const RENEW_RETRY_MS = 10_000;
/** Taken when this machine's clock makes nonsense of the server's time. */
const LIFETIME_DEFAULT_MS = 300_000;
const LIFETIME_MAX_MS = 86_400_000;

interface AuthDone {
  user: number;
  name: string;
  role: number | string;
  access_token: string;
  expires_at_ms: number;
  must_change?: boolean;
}

export interface Auth extends TokenSource {
  /** With nothing refused: a fresh one in any case. */
  renew(refused?: string): Promise<boolean>;
  /** Asks the cookie once, when the page loads, if there may be one. */
  restore(): Promise<void>;
  signup(name: string, password: string, invite: string): Promise<void>;
  setUp(form: SetUp): Promise<void>;
  login(name: string, password: string): Promise<void>;
  logout(): Promise<void>;
  /** Another password was chosen in place of the one that an administrator gave: the next token may do everything. */
  chosen(): Promise<void>;
  /** The session has ended elsewhere. */
  ended(): void;
  current(): string | null;
}

export interface AuthHooks {
  /** A token came, the first or a fresh one. */
  onToken(token: string): void;
  onEnd(): void;
}

export function deviceName(): string {
  const data = (navigator as { userAgentData?: { platform?: string; mobile?: boolean } }).userAgentData;
  return `Web on ${data?.platform || (/Android|iPhone|iPad|Mac|Windows|Linux/.exec(navigator.userAgent)?.[0] ?? 'a browser')}`;
}

export function createAuth(store: Store, http: () => Http, tabs: Tabs, hooks: AuthHooks): Auth {
  let token: string | null = null;
  let expiresAtMs = 0;
  let renewing: Promise<boolean> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function take(done: AuthDone): void {
    const { session } = store.getState();
    // Another tab has signed in as somebody else, and the cookie is theirs now: nothing of the one may reach the other.
    if (session.status === 'in' && session.me.id !== done.user) hooks.onEnd();
    const left = done.expires_at_ms - Date.now();
    const lifetime = left > SPARE_MS && left < LIFETIME_MAX_MS ? left : LIFETIME_DEFAULT_MS;
    token = done.access_token;
    expiresAtMs = Date.now() + lifetime;
    rememberSession();
    schedule(Math.max(SPARE_MS / 2, lifetime - RENEW_BEFORE_MS));
    const me = { id: done.user, name: done.name, admin: done.role === 1 || done.role === 'administrator', mustChange: done.must_change === true };
    store.setState((s) => ({ session: signedIn(s.session, me) }));
    hooks.onToken(done.access_token);
  }

  function schedule(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(() => {
      renew().catch(() => schedule(RENEW_RETRY_MS));
    }, ms);
  }

  function end(why: 'left' | 'ended'): void {
    clearTimeout(timer);
    token = null;
    forgetSession();
    hooks.onEnd();
    store.setState((s) => ({ session: signedOut(s.session, why) }));
  }

  async function refresh(): Promise<boolean> {
    try {
      take(await http().open<AuthDone>('POST', '/auth/refresh'));
      return true;
    } catch (e) {
      if (e instanceof ApiError && (e.status === 401 || e.status === 403)) {
        end('ended');
        return false;
      }
      throw e;
    }
  }

  /** However many ask, one request goes out and all get its answer. */
  function renew(refused?: string): Promise<boolean> {
    if (refused !== undefined && token !== null && refused !== token) return Promise.resolve(true);
    renewing ??= refresh().finally(() => {
      renewing = null;
    });
    return renewing;
  }

  async function enter(path: string, form: object): Promise<void> {
    take(await http().open<AuthDone>('POST', path, { body: { ...form, device: deviceName() } }));
    tabs.tell({ type: 'signed_in' });
  }

  return {
    current: () => token,
    renew,
    async token() {
      if (token !== null && expiresAtMs - Date.now() > SPARE_MS) return token;
      if (token === null && renewing === null) return null;
      await renew();
      return token;
    },
    async restore() {
      if (!maySessionBe()) {
        end('ended');
        return;
      }
      try {
        await renew();
      } catch {
        store.setState((s) => ({ session: unreachable(s.session) }));
      }
    },
    signup: (name, password, invite) => enter('/auth/signup', invite ? { name, password, invite } : { name, password }),
    login: (name, password) => enter('/auth/login', { name, password }),
    setUp: ({ name, password, serverName, signup }) =>
      enter('/setup', { name, password, server_name: serverName, signup: SIGNUP_MODES.indexOf(signup) }),
    async logout() {
      await http().open('POST', '/auth/logout');
      end('left');
      tabs.tell({ type: 'signed_out' });
    },
    async chosen() {
      expiresAtMs = 0; // this token is good for nothing any more
      await renew().catch(() => schedule(RENEW_RETRY_MS));
      tabs.tell({ type: 'signed_in' });
    },
    ended: () => end('ended'),
  };
}
