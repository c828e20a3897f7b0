/* Asks for the people that the screen speaks of, many at once and none twice. After the link was down whoever comes on
 * the screen is asked for again: changes that were told meanwhile went past. */
import type { Http } from '@/net/http';
import { LIMITS, type UsersJson } from '@/proto/messages.gen';
import type { State, Store } from '@/state/store';
import { mergeUsers, userOf } from '@/state/users';

const GATHER_MS = 30;
const RETRY_MS = 5_000;

export interface Names {
  /** These are on the screen, besides those of the open room. */
  want(ids: readonly number[]): void;
}

export function keepNames(store: Store, http: Http): Names {
  const asked = new Set<number>();
  const stale = new Set<number>();
  let wanted: readonly number[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  /** Unknown people on the screen: those of direct rooms; authors of the open room, typists, and members who are here. */
  function strangers(s: State): number[] {
    if (s.session.status !== 'in') return [];
    const ids = new Set<number>();
    const consider = (id: number) => {
      // rev 0: only what `welcome` says of oneself
      if (id !== 0 && (!s.users.get(id)?.rev || stale.has(id)) && !asked.has(id)) ids.add(id);
    };
    consider(s.session.me.id);
    for (const id of wanted) consider(id);
    for (const room of s.rooms.byId.values()) for (const id of room.people) consider(id);
    if (s.active !== null) {
      for (const item of s.timelines.get(s.active)?.items ?? []) {
        consider(item.user);
        if (item.type === 'notice') consider(item.whom);
        if (item.type === 'line') item.mentions.forEach(consider);
      }
      for (const id of s.presence.get(s.active)?.typists ?? []) consider(id);
    }
    return [...ids].slice(0, LIMITS.USERS_PAGE_MAX);
  }

  async function ask(): Promise<void> {
    timer = undefined;
    const ids = strangers(store.getState());
    if (ids.length === 0) return;
    for (const id of ids) asked.add(id);
    try {
      const answer = await http.request<UsersJson>('GET', '/users', { query: { ids: ids.join(',') } });
      for (const id of ids) stale.delete(id);
      store.setState((s) => ({ users: mergeUsers(s.users, answer.users.map(userOf)) }));
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
    if (s.session.status === 'out' && before.session.status !== 'out') {
      asked.clear();
      stale.clear();
      wanted = [];
    }
    const isBack = s.link.state === 'online' && before.link.state !== 'online';
    if (isBack) {
      asked.clear();
      for (const id of s.users.keys()) stale.add(id);
    }
    if (isBack || s.rooms !== before.rooms || s.timelines !== before.timelines || s.presence !== before.presence || s.active !== before.active) {
      if (timer === undefined && strangers(s).length > 0) later(GATHER_MS);
    }
  });

  return {
    want(ids) {
      wanted = ids;
      if (timer === undefined && strangers(store.getState()).length > 0) later(GATHER_MS);
    },
  };
}
