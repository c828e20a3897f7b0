/* What rooms are called and set to, who is brought in, and direct rooms: one request each. */
import type { Http } from '@/net/http';
import type { UsersJson } from '@/proto/messages.gen';
import { newClientId } from '@/proto/ulid';
import type { Commands, Person } from '@/state/commands';
import type { Store } from '@/state/store';
import { mergeUsers, userOf } from '@/state/users';

const PEOPLE_SHOWN = 20;

type RoomCommands = Pick<
  Commands,
  'openDirect' | 'addMember' | 'renameRoom' | 'setTopic' | 'archiveRoom' | 'setHistory' | 'findPeople'
>;

export function roomsCommands(store: Store, http: Http, adopt: (room: number) => Promise<void>): RoomCommands {
  const put = (room: number, what: string, more: object) =>
    http.request<void>('PUT', `/rooms/${room}/${what}`, { body: { client_id: newClientId(), ...more } });
  return {
    async openDirect(users) {
      const ack = await http.request<{ room: number }>('POST', '/directs', {
        body: { client_id: newClientId(), users: users.map((id) => ({ id })) },
      });
      await adopt(ack.room).catch(() => undefined); // the socket will tell of it
      return ack.room;
    },
    addMember: (room, member) =>
      http.request('POST', `/rooms/${room}/members`, { body: { client_id: newClientId(), member } }),
    renameRoom: (room, name) => put(room, 'name', { name }),
    setTopic: (room, topic) => put(room, 'topic', { topic }),
    archiveRoom: (room, on) => put(room, 'archived', { on }),
    setHistory: (room, history) => put(room, 'history', { history: history === 'joining' ? 1 : 0 }),
    async findPeople(query, signal) {
      const answer = await http.request<UsersJson>('GET', '/users', { query: { query, limit: PEOPLE_SHOWN }, signal });
      store.setState((s) => ({
        users: mergeUsers(
          s.users,
          answer.users.map(userOf),
        ),
      }));
      const { session } = store.getState();
      const me = session.status === 'in' ? session.me.id : 0;
      return answer.users.flatMap((u): Person[] => (u.user === me ? [] : [{ id: u.user, name: u.name }]));
    },
  };
}
