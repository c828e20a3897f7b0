/* How people are called and look. Events carry only ids; the rest comes from the directory and from `user_changed`. */
import type { UserInfoRec } from '@/proto/messages.gen';

export interface User {
  id: number;
  /** How they are shown. */
  name: string;
  /** What they sign in with: no two have the same. */
  handle: string;
  /** Rev of their picture; 0: none. */
  avatar: number;
  admin: boolean;
  rev: number;
}

export type Users = ReadonlyMap<number, User>;

export const initialUsers: Users = new Map();

export function userOf(u: UserInfoRec): User {
  return { id: u.user, name: u.name, handle: u.handle, avatar: u.avatar, admin: u.role === 1, rev: u.rev };
}

/** A lower rev is old news, whatever way it came. */
export function mergeUsers(users: Users, news: readonly User[]): Users {
  const fresh = news.filter((u) => {
    const known = users.get(u.id);
    return !known || u.rev > known.rev || (u.rev === known.rev && u.name !== known.name);
  });
  if (fresh.length === 0) return users;
  const next = new Map(users);
  for (const u of fresh) next.set(u.id, u);
  return next;
}
