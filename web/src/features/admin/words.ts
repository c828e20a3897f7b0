/* How numbers and moments are told to an administrator. */

const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const number = new Intl.NumberFormat();
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

export const dayOf = (atMs: number) => day.format(atMs);
export const momentOf = (atMs: number) => moment.format(atMs);
export const countOf = (n: number) => number.format(n);
export const plural = (n: number, one: string, many: string) => `${number.format(n)} ${n === 1 ? one : many}`;

const STEPS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** "2 hours ago"; within a minute "just now". */
export function agoOf(atMs: number, nowMs: number): string {
  const past = Math.max(0, nowMs - atMs);
  const step = STEPS.find(([, ms]) => past >= ms);
  return step ? relative.format(-Math.floor(past / step[1]), step[0]) : 'just now';
}

/** "3 d 4 h", "5 min", "12 s". */
export function spanOf(ms: number): string {
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** Three digits are enough: "0", "0.4", "12", "1,340". */
export function rateOf(perS: number | undefined): string {
  if (perS === undefined) return '…';
  return perS < 10 && perS > 0 ? perS.toFixed(1) : number.format(Math.round(perS));
}

export function bytesOf(n: number): string {
  return n < 1024 ? `${n} B` : n < 1024 * 1024 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1024 / 1024).toFixed(1)} MiB`;
}

/** What stands in the audit log, as a sentence without its people. */
const ACTIONS: Record<string, string> = {
  user_added: 'made an account',
  user_imported: 'was imported',
  user_role: 'changed the role of',
  user_disabled: 'disabled',
  user_enabled: 'enabled',
  user_signed_out: 'signed out',
  signed_in: 'signed in',
  signed_out: 'signed out',
  token_made: 'got a token from the operator',
  password_changed: 'changed their password',
  too_many_sessions: 'had too many sign-ins; the oldest was ended',
  refresh_reuse: 'sent a used token; the sign-in was ended',
  sign_in_failures: 'Too many failed sign-ins',
  room_remove: 'removed from a room',
  room_ban: 'banned from a room',
  room_unban: 'lifted the ban of',
  room_role: 'changed the role in a room of',
  room_mute: 'muted in a room',
  room_unmute: 'lifted the mute of',
  room_archive: 'archived a room',
  room_unarchive: 'opened an archived room again',
  room_taken: 'entered an empty room and owns it',
  room_lost_events: 'A room lost events',
  password_reset: 'gave a new password to',
  invite_made: 'made an invitation',
  invite_revoked: 'took an invitation back',
  server_set_up: 'set this server up',
  server_set: 'changed the settings of this server',
  shards_taken: 'took shards',
  node_dead: 'was declared dead',
};

export const ACTION_NAMES = Object.keys(ACTIONS);

const ROLES = ['', 'edge', 'room', 'persist', 'accounts'];

/** An actor's number in messages as it is written; null: it is none. */
export function nodeOf(id: number): string | null {
  const role = ROLES[Math.floor(id / 0x10000)];
  return role ? `${role}/${id % 0x10000}` : null;
}

export function actionOf(action: string): string {
  return ACTIONS[action] ?? action.replaceAll('_', ' ');
}
