/* How a sign-in is told to a person. */
import type { SignIn } from '@/state/commands';

const BROWSERS = [
  ['Edg/', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox/', 'Firefox'],
  ['Chrome/', 'Chrome'],
  ['Safari/', 'Safari'],
] as const;

/** "Firefox, Web on Linux"; what a script calls itself as it is. */
export function nameOf(s: SignIn): string {
  const browser = BROWSERS.find(([mark]) => s.userAgent.includes(mark))?.[1] ?? '';
  const parts = [browser, s.device || (browser ? '' : (s.userAgent.split(' ')[0] ?? ''))].filter(Boolean);
  return parts.join(', ') || 'An unnamed device';
}

const MINUTE_MS = 60_000;
const STEPS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', MINUTE_MS],
] as const;

/** An open page fetches a token every ten minutes at most, so "now" is as good as it gets. */
const NOW_MS = 15 * MINUTE_MS;

export function agoOf(atMs: number, nowMs: number): string {
  const past = Math.max(0, nowMs - atMs);
  if (past < NOW_MS) return 'in use now';
  const [unit, span] = STEPS.find(([, ms]) => past >= ms) ?? ['minute', MINUTE_MS];
  return `used ${new Intl.RelativeTimeFormat('en', { numeric: 'auto' }).format(-Math.floor(past / span), unit)}`;
}
