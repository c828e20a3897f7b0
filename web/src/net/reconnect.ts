/* When to come back after a socket has closed: pure, so that each rule is a test. */
import { CLOSE } from '@/proto/messages.gen';

const BACKOFF_BASE_MS = 250;
const BACKOFF_MAX_MS = 30_000;
const SLOW_MS = 1_000;
const RATE_MS = 5_000;
/** A link that closed sooner than this after it opened does not get to come back at once. */
const BRIEF_MS = 1_000;
const HELLO_TIMEOUTS_MAX = 3;

/** Full jitter: anything between nothing and 0.25 s · 2ⁿ, at most 30 s. */
export function backoff(attempt: number, random: () => number): number {
  return Math.floor(random() * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** Math.min(attempt, 20)));
}

export type StopReason = 'auth' | 'banned' | 'version' | 'protocol' | 'connections';

export type Plan =
  | { then: 'retry'; afterMs: number; hinted: boolean }
  | { then: 'refresh' } // the token is what is wrong: a fresh one, and back
  | { then: 'stop'; reason: StopReason };

export interface Closed {
  code: number;
  /** How often in a row it has failed, 0 at first. */
  attempt: number;
  /** What the server asked for in `drain` or `err`, if it did. */
  hintMs: number | null;
  /** How long the socket was open. */
  openMs: number;
  helloTimeouts: number;
  random: () => number;
}

export function afterClose(c: Closed): Plan {
  const retry = (afterMs: number, hinted = false): Plan => ({ then: 'retry', afterMs, hinted });
  const backed = () => retry(backoff(c.attempt, c.random));
  const atOnce = () => (c.openMs < BRIEF_MS ? backed() : retry(0));
  switch (c.code) {
    case 1001:
    case 1012:
    case CLOSE.DRAIN:
      return c.hintMs === null ? backed() : retry(c.hintMs, true);
    case CLOSE.SLOW:
      return retry(SLOW_MS);
    case CLOSE.NO_PONG:
    case CLOSE.RESYNC:
      return atOnce();
    case CLOSE.RATE:
      return retry(c.hintMs ?? RATE_MS, true);
    case CLOSE.TOKEN_EXPIRED:
    case CLOSE.AUTH:
      return { then: 'refresh' };
    case CLOSE.BANNED:
      return { then: 'stop', reason: 'banned' };
    case CLOSE.HELLO_TIMEOUT:
      return c.helloTimeouts + 1 >= HELLO_TIMEOUTS_MAX ? { then: 'stop', reason: 'protocol' } : backed();
    case CLOSE.VERSION:
      return { then: 'stop', reason: 'version' };
    case CLOSE.TOO_MANY:
      return { then: 'stop', reason: 'connections' };
    default:
      return c.code >= 4400 && c.code < 4500 ? { then: 'stop', reason: 'protocol' } : backed();
  }
}
