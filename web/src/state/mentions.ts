/* Whom a text calls: `@` and the name of somebody this page knows of. Pure. The server leaves out who is no member. */
import { LIMITS } from '@/proto/messages.gen';
import type { Users } from './users';

export interface Call {
  at: number;
  end: number;
  user: number;
}

const isWord = (c: string | undefined) => c !== undefined && /[\p{L}\p{N}_]/u.test(c);

const isOfName = (c: string | undefined) => c !== undefined && c !== '@' && c !== '\n';

export type Names = ReadonlyMap<string, number>;

/** People are called by either name; where one is shown as another signs in, the one who signs in is meant. */
export function namesOf(users: Users): Names {
  const all = [...users];
  return new Map([
    ...all.map(([id, u]) => [u.name.toLowerCase(), id] as const),
    ...all.map(([id, u]) => [u.handle.toLowerCase(), id] as const),
  ]);
}

/** Each `@` with the longest known name behind it. Linear: a name has at most so many characters. */
export function callsIn(text: string, names: Names): Call[] {
  const calls: Call[] = [];
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    if (isWord(text[at - 1])) continue; // an address of mail
    let longest = 0; // as far as characters of names go, so that no text is looked at more than once or twice
    while (longest < 2 * LIMITS.DISPLAY_CHARS_MAX && isOfName(text[at + 1 + longest])) longest++;
    for (let len = longest; len > 0; len--) {
      const end = at + 1 + len;
      if (isWord(text[end]) && isWord(text[end - 1])) continue;
      const user = names.get(text.slice(at + 1, end).toLowerCase());
      if (user === undefined) continue;
      calls.push({ at, end, user });
      break;
    }
  }
  return calls;
}

/** What is being written behind an `@` at the caret; null: nobody is being called. */
export function mentionQuery(text: string, caret: number): { at: number; query: string } | null {
  const from = Math.max(0, caret - LIMITS.NAME_CHARS_MAX - 1);
  const at = text.slice(from, caret).lastIndexOf('@') + from;
  if (at < from || isWord(text[at - 1])) return null;
  const query = text.slice(at + 1, caret);
  // A name has words, but a sentence behind a name that was taken is none.
  if (query.includes('\n') || query.startsWith(' ') || query.split(' ').length > 3) return null;
  return { at, query };
}

/** The users to send beside a text, each once. */
export function mentionsIn(text: string, names: Names, me: number): number[] {
  const users = new Set(callsIn(text, names).map((c) => c.user));
  users.delete(me);
  return [...users].slice(0, LIMITS.MENTIONS_MAX);
}
