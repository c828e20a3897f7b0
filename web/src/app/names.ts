/* Asks for the names of people that events speak of, many at once and none twice. */
import type { Http } from '@/net/http';
import { LIMITS, type UsersJson } from '@/proto/messages.gen';
import type { State, Store } from '@/state/store';
import { mergeUsers } from '@/state/users';

const GATHER_MS = 30;
const RETRY_MS = 5_000;

export function keepNames(store: Store, http: Http): void {
  const asked = new Set<number>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Unknown people on the screen: those of direct rooms; authors of the open room, typists, and members who are here. */
  function strangers(s: State): number[] {
    if (s.session.status !== 'in') return [];
    const ids = new Set<number>();
    const consider = (id: number) => {
      if (id !== 0 && !s.users.has(id) && !asked.has(id)) ids.add(id);
    };
    for (const room of s.rooms.byId.values()) for (const id of room.people) consider(id);
    if (s.active === null) return [...ids].slice(0, LIMITS.USERS_PAGE_MAX);
    for (const item of s.timelines.get(s.active)?.items ?? []) {
      consider(item.user);
      if (item.type === 'notice') consider(item.whom);
      if (item.type === 'line') item.mentions.forEach(consider);
    }
    for (const id of s.presence.get(s.active)?.typists ?? []) consider(id);
    return [...ids].slice(0, LIMITS.USERS_PAGE_MAX);
  }

  async function ask(): Promise<void> {
    timer = undefined;
    const ids = strangers(store.getState());
    if (ids.length === 0) return;
    for (const id of ids) asked.add(id);
    try {
      const answer = await http.request<UsersJson>('GET', '/users', { query: { ids: ids.join(',') } });
      store.setState((s) => ({
        users: mergeUsers(
          s.users,
          answer.users.map((u) => ({ id: u.user, name: u.name, rev: u.rev })),
        ),
      }));
      later(GATHER_MS);
    } catch {
      for (const id of ids) asked.delete(id);
      later(RETRY_MS);
    }
  }

  function later(ms: number): void {
    timer ??= setTimeout(() => void ask(), ms);
  }

  store.subscribe((s, before) => {
    if (s.session.status === 'out' && before.session.status !== 'out') asked.clear();
    if (s.rooms !== before.rooms || s.timelines !== before.timelines || s.presence !== before.presence || s.active !== before.active) {
      if (timer === undefined && strangers(s).length > 0) later(GATHER_MS);
    }
  });
}
