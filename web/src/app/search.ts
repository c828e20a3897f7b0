/* Search over HTTP: pages of hits with the names of who said them, and the lines around one. */
import type { Http } from '@/net/http';
import { openJsonEvent } from '@/proto/codec';
import type { EventJson, PageJson, SearchResultJson, UsersJson } from '@/proto/messages.gen';
import type { Commands } from '@/state/commands';
import { divide, type Hit, type Neighbour } from '@/state/search';
import type { Store } from '@/state/store';
import { mergeUsers, userOf } from '@/state/users';

const PAGE_HITS = 20;
const AROUND_LINES = 2;
/** Pages may be empty when much had to be looked at: so many are asked for at once before a person is. */
const EMPTY_PAGES_MAX = 8;

export function createSearch(store: Store, http: Http): Pick<Commands, 'search' | 'around'> {
  /** Nobody is shown as somebody else's guess; without names it still is a result. */
  async function learnNames(ids: readonly number[], signal: AbortSignal): Promise<void> {
    const { users } = store.getState();
    const unknown = [...new Set(ids)].filter((id) => !users.has(id));
    if (unknown.length === 0) return;
    const answer = await http.request<UsersJson>('GET', '/users', { query: { ids: unknown.join(',') }, signal });
    store.setState((s) => ({
      users: mergeUsers(
        s.users,
        answer.users.map(userOf),
      ),
    }));
  }

  const hitsOf = (answer: SearchResultJson): Hit[] =>
    answer.hits.map((h, i) => ({
      room: h.room,
      seq: h.seq,
      msgNo: h.msg_no,
      user: h.user,
      atMs: h.at_ms,
      edited: h.edited,
      parts: divide(
        h.snippet,
        answer.marks.filter((m) => m.hit === i),
      ),
    }));

  return {
    async search(query, before, signal) {
      let from = before;
      for (let page = 1; ; page++) {
        const answer = await http.request<SearchResultJson>('GET', '/search', {
          query: { q: query, before: from ?? undefined, limit: PAGE_HITS, zone: -new Date().getTimezoneOffset() },
          signal,
        });
        from = answer.more ? answer.next : null;
        if (answer.hits.length === 0 && from !== null && page < EMPTY_PAGES_MAX) continue;
        const hits = hitsOf(answer);
        await learnNames(
          hits.map((h) => h.user),
          signal,
        ).catch(() => undefined);
        return { hits, next: from, behind: answer.behind };
      }
    },

    async around(hit, signal) {
      const page = await http.request<PageJson>('GET', `/rooms/${hit.room}/messages`, {
        query: { before: hit.msgNo + AROUND_LINES + 1, limit: 2 * AROUND_LINES + 1 },
        signal,
      });
      const lines = new Map<number, Neighbour>();
      for (const event of page.frames.filter((f): f is EventJson => f.type === 'event').map(openJsonEvent)) {
        const text = event.body && 'text' in event.body ? event.body.text : null;
        const line = lines.get(event.target);
        if (event.msgNo > 0) lines.set(event.seq, { seq: event.seq, user: event.user, atMs: event.atMs, text });
        else if (line && line.text !== null) lines.set(event.target, { ...line, text });
      }
      await learnNames(
        [...lines.values()].map((l) => l.user),
        signal,
      ).catch(() => undefined);
      return [...lines.values()];
    },
  };
}
