/* Desktop notifications: what is worth one, and what it says. Pure; app/alerts.ts shows them. */
import type { Line } from './fold';
import { shownUnread, type Room } from './rooms';

/** Of this device. `asked`: the browser's question is open; `blocked`: it was answered with no, now or earlier. */
export type AlertState = 'off' | 'asked' | 'on' | 'blocked' | 'unsupported';

export interface Alerts {
  state: AlertState;
  /** May they hold what was said? */
  showText: boolean;
}

export const initialAlerts: Alerts = { state: 'off', showText: true };

export type Reason = 'call' | 'line';

/** Why the change of a room is worth a notification: a line calls this person, or is new where they want to hear of all. */
export function reasonFor(before: Room | undefined, now: Room): Reason | null {
  if (!before || now.notify === 'nothing') return null;
  if (now.mentions > before.mentions) return 'call';
  return now.notify === 'all' && now.msgNo > before.msgNo && shownUnread(now) > shownUnread(before) ? 'line' : null;
}

/** Nothing of it waits to be read any more, here or on another device. */
export function isSettled(room: Room | undefined): boolean {
  return !room || (room.mentions === 0 && shownUnread(room) === 0);
}

/** The newest unread line of somebody else: the one it is about. */
export function lineFor(lines: readonly Line[], room: Room, me: number, reason: Reason): Line | undefined {
  return lines.findLast(
    (l) => l.user !== me && l.text !== null && l.msgNo > room.readMsgNo && (reason === 'line' || l.mentions.includes(me)),
  );
}

export interface Words {
  title: string;
  body: string;
}

const TEXT_CHARS_MAX = 200;

export function wordsFor(room: Room, line: Line, author: string, reason: Reason, showText: boolean): Words {
  const title = room.visibility === 'direct' && room.people.length <= 2 ? author : `${author} in ${room.name}`;
  if (!showText) return { title, body: reason === 'call' ? 'You are mentioned.' : 'There is a new message.' };
  const said = line.text || (line.files.length === 1 ? `File: ${line.files[0]?.name ?? ''}` : `${line.files.length} files`);
  const chars = [...said];
  return { title, body: chars.length > TEXT_CHARS_MAX ? `${chars.slice(0, TEXT_CHARS_MAX).join('')}…` : said };
}

/** One for all that came while there was no connection. */
export function summaryFor(rooms: readonly Room[]): Words {
  const names = rooms.slice(0, 2).map((r) => r.name);
  const more = rooms.length - names.length;
  return {
    title: 'New messages',
    body: `In ${names.join(more > 0 ? ', ' : ' and ')}${more > 0 ? ` and ${more} more` : ''}.`,
  };
}
