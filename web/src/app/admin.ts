/* What administrators ask of the server: one request each. */
import type { Http } from '@/net/http';
import type { AdminAuditJson, AdminRoomsJson, AdminUsersJson, SessionsJson, SocketsJson } from '@/proto/messages.gen';
import type { AdminCommands, AdminRoom, AdminUser, Invite, Limits, OpenSocket, ServerSettings, SignupMode, Topology } from '@/state/admin';
import { visibilityOf } from '@/state/rooms';
import { signInOf } from './rights';

const PAGE = 50;
const PAGE_SOCKETS = 200;
const ROLES = ['', 'edge', 'room', 'persist', 'accounts'];

const MODES: readonly SignupMode[] = ['open', 'invite', 'closed'];

interface ServerJson {
  name: string;
  signup: number;
}

interface InviteJson {
  invite: number;
  code: string;
  created_at_ms: number;
  expires_at_ms: number;
  uses_max: number;
  uses: number;
}

const settingsOf = (s: ServerJson): ServerSettings => ({ name: s.name, signup: MODES[s.signup] ?? 'closed' });

/** An actor's number in messages as it is written: role << 16 | instance. */
function nodeName(node: number): string {
  return `${ROLES[Math.floor(node / 0x10000)] || 'node'}/${node % 0x10000}`;
}

export function adminCommands(http: Http): AdminCommands {
  return {
    async adminUsers(query, after, signal) {
      const answer = await http.request<AdminUsersJson>('GET', '/admin/users', {
        query: { query, after_name: after?.name, limit: PAGE },
        signal,
      });
      const users = answer.users.map(
        (u): AdminUser => ({
          id: u.user,
          name: u.name,
          admin: u.role === 1,
          disabled: u.disabled,
          createdAtMs: u.created_at_ms,
          usedAtMs: u.used_at_ms,
          signIns: u.sessions,
        }),
      );
      return { users, more: answer.more };
    },
    adminSetUser: (user, change) =>
      http.request('PATCH', `/admin/users/${user}`, {
        body: {
          ...(change.admin === undefined ? {} : { role: change.admin ? 1 : 0 }),
          ...(change.disabled === undefined ? {} : { disabled: change.disabled }),
        },
      }),
    async adminSignIns(user, signal) {
      const answer = await http.request<SessionsJson>('GET', `/admin/users/${user}/sessions`, { signal });
      return answer.sessions.map(signInOf);
    },
    adminEndSignIns: (user, signIn) =>
      http.request('DELETE', `/admin/users/${user}/sessions${signIn === null ? '' : `/${signIn}`}`),
    async adminRooms(query, after, signal) {
      const answer = await http.request<AdminRoomsJson>('GET', '/admin/rooms', {
        query: { query, after_name: after?.name, after_room: after?.id, limit: PAGE },
        signal,
      });
      const rooms = answer.rooms.map(
        (r): AdminRoom => ({
          id: r.room,
          name: r.name,
          visibility: visibilityOf(r.visibility),
          members: r.members,
          messages: r.messages,
          createdAtMs: r.created_at_ms,
          lastAtMs: r.last_at_ms,
          owner: r.owner === 0 ? null : { id: r.owner, name: r.owner_name },
          archived: r.archived,
        }),
      );
      return { rooms, more: answer.more };
    },
    async adminAudit(filter, before, signal) {
      const answer = await http.request<AdminAuditJson>('GET', '/admin/audit', {
        query: {
          action: filter.action || undefined,
          user: filter.user || undefined,
          before_at_ms: before?.atMs,
          before_id: before?.id,
          limit: PAGE,
        },
        signal,
      });
      const rows = answer.rows.map((r) => ({
        id: r.id,
        atMs: r.at_ms,
        actor: r.actor,
        actorName: r.actor_name,
        action: r.action,
        subject: r.subject,
        subjectName: r.subject_name,
        detail: r.detail,
      }));
      return { rows, more: answer.more };
    },
    async adminSockets(user, signal) {
      const answer = await http.request<SocketsJson>('GET', '/admin/sockets', {
        query: { user: user || undefined, limit: PAGE_SOCKETS },
        signal,
      });
      const sockets = answer.sockets.map(
        (s): OpenSocket => ({
          key: `${s.edge}-${s.number}`,
          edge: nodeName(s.edge),
          user: s.user,
          signIn: s.session,
          name: s.name,
          device: s.device,
          address: s.address,
          openMs: s.open_ms,
          rooms: s.rooms,
          waiting: s.waiting,
          waitingBytes: s.waiting_bytes,
        }),
      );
      return { count: answer.count, silent: answer.silent, sockets };
    },
    adminLimits: (signal) => http.request<Limits>('GET', '/admin/limits', { signal }),
    adminTopology: (signal) => http.request<Topology>('GET', '/admin/topology', { signal }),
    adminServer: async (signal) => settingsOf(await http.request<ServerJson>('GET', '/server', { signal })),
    adminSetServer: async (change) =>
      settingsOf(
        await http.request<ServerJson>('PATCH', '/server', {
          body: {
            ...(change.name === undefined ? {} : { name: change.name }),
            ...(change.signup === undefined ? {} : { signup: MODES.indexOf(change.signup) }),
          },
        }),
      ),
    async adminInvites(signal) {
      const answer = await http.request<{ invites: InviteJson[] }>('GET', '/invites', { signal });
      return answer.invites.map(
        (i): Invite => ({
          id: i.invite,
          code: i.code,
          createdAtMs: i.created_at_ms,
          expiresAtMs: i.expires_at_ms,
          usesMax: i.uses_max,
          uses: i.uses,
        }),
      );
    },
    adminInvite: (days, usesMax) => http.request('POST', '/invites', { body: { days, uses_max: usesMax } }),
    adminEndInvite: (id) => http.request('DELETE', `/invites/${id}`),
    adminResetPassword: async (user) =>
      (await http.request<{ password: string }>('POST', `/admin/users/${user}/reset-password`)).password,
  };
}
