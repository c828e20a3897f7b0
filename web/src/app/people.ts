/* People and what the server is called: the API, and pictures that are kept as long as the page lives. */
import type { Http } from '@/net/http';
import type { UsersJson } from '@/proto/messages.gen';
import type { Commands } from '@/state/commands';
import { serverOf } from '@/state/server';
import type { Store } from '@/state/store';
import { mergeUsers, userOf } from '@/state/users';
import type { Names } from './names';
import { scaled } from './picture';

const PAGE_PEOPLE = 50;
/** Pictures kept as blobs; the browser's own cache has the others. */
const PICTURES_MAX = 300;

type People = Pick<
  Commands,
  | 'directory' | 'knowPeople' | 'showCard' | 'picture' | 'pictureNow' | 'setDisplay' | 'setPicture' | 'removePicture'
  | 'resetPassword'
>;

export interface PeopleParts {
  commands: People;
  /** Asks what the server is called, and whether it is set up. */
  loadServer(): Promise<void>;
  forget(): void;
}

export function createPeople(store: Store, http: Http, names: Names): PeopleParts {
  const pictures = new Map<string, { url: string | null; asked: Promise<string | null> }>();

  function learn(answer: UsersJson) {
    const people = answer.users.map(userOf);
    store.setState((s) => ({ users: mergeUsers(s.users, people) }));
    return people;
  }

  function drop(key: string): void {
    const url = pictures.get(key)?.url;
    if (url) URL.revokeObjectURL(url);
    pictures.delete(key);
  }

  function picture(user: number, rev: number): Promise<string | null> {
    const key = `${user}:${rev}`;
    const known = pictures.get(key);
    if (known) return known.asked;
    const entry: { url: string | null; asked: Promise<string | null> } = { url: null, asked: Promise.resolve(null) };
    entry.asked = http.blob(`/users/${user}/avatar?rev=${rev}`).then(
      (blob) => (entry.url = pictures.get(key) === entry ? URL.createObjectURL(blob) : null),
      () => {
        pictures.delete(key); // the next one who wants it asks again
        return null;
      },
    );
    pictures.set(key, entry);
    const oldest = pictures.keys().next().value;
    if (pictures.size > PICTURES_MAX && oldest !== undefined) drop(oldest);
    return entry.asked;
  }

  async function loadServer(): Promise<void> {
    const info = await http.open<{ name: string; signup: number; set_up: boolean }>('GET', '/server');
    store.setState({ server: serverOf(info) });
  }

  return {
    loadServer,
    forget() {
      for (const key of [...pictures.keys()]) drop(key);
    },
    commands: {
      async directory(query, after, signal) {
        const answer = await http.request<UsersJson>('GET', '/users', {
          query: { query, after_name: after || undefined, limit: PAGE_PEOPLE },
          signal,
        });
        return { people: learn(answer), more: answer.more };
      },
      knowPeople: (ids) => names.want(ids),
      showCard: (card) => {
        store.setState({ card });
        if (card !== null) names.want([card]);
      },
      picture,
      pictureNow: (user, rev) => pictures.get(`${user}:${rev}`)?.url ?? null,
      async setDisplay(display) {
        learn(await http.request<UsersJson>('PATCH', '/me', { body: { display } }));
      },
      async setPicture(file) {
        learn(await http.request<UsersJson>('PUT', '/me/avatar', { raw: await scaled(file) }));
      },
      async removePicture() {
        learn(await http.request<UsersJson>('DELETE', '/me/avatar'));
      },
      resetPassword: (user) => http.request('POST', `/admin/users/${user}/reset-password`),
    },
  };
}
