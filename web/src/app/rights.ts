/* What people do to each other in a room, and to their own sign-ins: one request each. */
import type { Http } from '@/net/http';
import type { RestrictedJson, SessionsJson } from '@/proto/messages.gen';
import { newClientId } from '@/proto/ulid';
import type { Commands, Restricted, SignIn } from '@/state/commands';

const PAGE_PEOPLE = 100;
const MUTED = 1;
const BANNED = 2;
const ROLE_NUMBERS = { member: 0, moderator: 1, owner: 2 } as const;

type Rights = Pick<
  Commands,
  | 'restricted'
  | 'removeMember'
  | 'banMember'
  | 'unbanMember'
  | 'muteMember'
  | 'setRole'
  | 'signIns'
  | 'endSignIn'
  | 'endOtherSignIns'
  | 'endAllSignIns'
  | 'changePassword'
>;

export function signInOf(s: SessionsJson['sessions'][number]): SignIn {
  return {
    id: s.session,
    device: s.device,
    userAgent: s.user_agent,
    address: s.address,
    createdAtMs: s.created_at_ms,
    usedAtMs: s.used_at_ms,
    current: s.current,
  };
}

export function rightsCommands(http: Http): Rights {
  const put = (path: string) => http.request<void>('POST', path, { body: { client_id: newClientId() } });
  const take = (path: string) => http.request<void>('DELETE', path, { query: { client_id: newClientId() } });
  return {
    async restricted(room, after, signal) {
      const answer = await http.request<RestrictedJson>('GET', `/rooms/${room}/bans`, {
        query: { after_user: after, limit: PAGE_PEOPLE },
        signal,
      });
      const people = answer.people.map(
        (p): Restricted => ({ id: p.user, name: p.name, muted: (p.state & MUTED) !== 0, banned: (p.state & BANNED) !== 0 }),
      );
      return { more: answer.more, people };
    },
    removeMember: (room, member) => take(`/rooms/${room}/members/${member}`),
    banMember: (room, member) => put(`/rooms/${room}/bans/${member}`),
    unbanMember: (room, member) => take(`/rooms/${room}/bans/${member}`),
    muteMember: (room, member, muted) =>
      muted ? put(`/rooms/${room}/mutes/${member}`) : take(`/rooms/${room}/mutes/${member}`),
    setRole: (room, member, role) =>
      http.request('PUT', `/rooms/${room}/members/${member}`, {
        body: { client_id: newClientId(), role: ROLE_NUMBERS[role] },
      }),

    async signIns(signal) {
      const answer = await http.request<SessionsJson>('GET', '/sessions', { signal });
      return answer.sessions.map(signInOf);
    },
    endSignIn: (id) => http.request('DELETE', `/sessions/${id}`),
    endOtherSignIns: () => http.request('DELETE', '/sessions', { query: { keep: 'current' } }),
    endAllSignIns: () => http.request('DELETE', '/sessions'),
    changePassword: (current, next) => http.request('POST', '/me/password', { body: { current, next } }),
  };
}
