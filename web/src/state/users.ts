/* How people are called. Events carry only ids; names come from the directory and from `user_changed`. */
export interface User {
  id: number;
  name: string;
  rev: number;
}

export type Users = ReadonlyMap<number, User>;

export const initialUsers: Users = new Map();

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
