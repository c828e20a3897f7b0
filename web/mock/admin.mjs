/* The administrator's part of the stand-in server: the same questions, answered out of what the mock has, and a made-up
 * installation of two hosts whose counters grow. */

const NODES = ['edge/0', 'edge/1', 'room/0', 'room/1', 'accounts/0', 'persist/0', 'persist/1'];
const NUMBER = { edge: 1, room: 2, persist: 3, accounts: 4 };

const numberOf = (node) => NUMBER[node.split('/')[0]] * 0x10000 + Number(node.split('/')[1]);

export function createAdmin({ users, rooms, signIns, sockets, endSession, ok, problem }) {
  const began = Date.now();
  const audit = [];
  const invites = [];
  const server = { type: 'server_info', name: 'Rookery', signup: 0, set_up: true };
  let silent = '';
  let lastId = 1;

  const note = (me, action, subject, detail = '') =>
    audit.unshift({ id: ++lastId, at_ms: Date.now(), actor: me.id, actor_name: me.name, action, subject: subject.id, subject_name: subject.name, detail });
  const openOf = (user) => [...signIns.values()].filter((s) => s.user === user && !s.over);
  const admins = () => [...users.values()].filter((u) => u.admin && !u.disabled);

  function links(node) {
    const [role] = node.split('/');
    const peers = { edge: ['room', 'accounts', 'persist'], room: ['edge', 'room', 'persist'], accounts: ['edge', 'persist'], persist: ['edge', 'room', 'accounts'] }[role];
    const s = (Date.now() - began) / 1000;
    return NODES.filter((n) => n !== node && peers.includes(n.split('/')[0])).map((peer, i) => ({
      peer,
      up: peer !== silent && node !== silent,
      sent: Math.floor(1000 + s * (40 + i * 7)),
      received: Math.floor(900 + s * (35 + i * 5)),
      waiting: i === 1 ? 12 : 0,
      waiting_bytes: i === 1 ? 4096 : 0,
      heard_ms: 80,
    }));
  }

  function topology() {
    const now = Date.now();
    const s = (now - began) / 1000;
    const hostOf = (node) => (node.endsWith('1') ? 'rook-b' : 'rook-a');
    const pidOf = (node) => 4000 + NODES.indexOf(node);
    return {
      type: 'topology',
      at_ms: now,
      nodes: NODES.map((node) => ({ node, host: hostOf(node), pid: pidOf(node), build: '0.4.0', up_ms: now - began + 86_400_000, age_ms: node === silent ? 14_000 : 400, queue: node.startsWith('room') ? 3 : 0, sockets: node.startsWith('edge') ? sockets.size : 0, links: links(node) })),
      processes: NODES.map((node) => ({
        host: hostOf(node),
        pid: pidOf(node),
        age_ms: 400,
        metrics: {
          rookery_edge_sockets: node.startsWith('edge') ? sockets.size : 0,
          rookery_room_events_total: node.startsWith('room') ? Math.floor(s * 21) : 0,
          rookery_edge_deliveries_total: node.startsWith('edge') ? Math.floor(s * 340) : 0,
          rookery_http_requests_total: node.startsWith('edge') ? Math.floor(s * 9) : 0,
          rookery_ack_seconds: { count: Math.floor(s * 10), sum_us: Math.floor(s * 10) * 4200 },
          rookery_store_commit_seconds: { count: Math.floor(s * 5), sum_us: Math.floor(s * 5) * 2600 },
          rookery_room_pending_events: node.startsWith('room') ? 3 : 0,
          rookery_store_queue: 0,
          rookery_auth_hash_queue: 0,
          rookery_search_lag_events: 0,
          rookery_store_up: node.startsWith('persist') ? 1 : 0,
        },
      })),
      owners: Array.from({ length: 256 }, (_, i) => (i % 3 === 0 ? 'room/1' : 'room/0')),
      epochs: Array.from({ length: 256 }, () => 4),
    };
  }

  const rowOf = (u) => ({ user: u.id, name: u.name, role: u.admin ? 1 : 0, disabled: Boolean(u.disabled), created_at_ms: began - 40 * 86_400_000, used_at_ms: Math.max(0, ...openOf(u).map((s) => s.used)), sessions: openOf(u).length });

  function setUser(me, user, body) {
    const losing = body.disabled === true || body.role === 0;
    if (losing && user.admin && !user.disabled && admins().length === 1) return problem('last_admin');
    if (body.role !== undefined) {
      user.admin = body.role === 1;
      note(me, 'user_role', user, user.admin ? 'administrator' : 'user');
    }
    if (body.disabled !== undefined) {
      user.disabled = body.disabled;
      note(me, body.disabled ? 'user_disabled' : 'user_enabled', user);
    }
    if (losing) openOf(user).forEach(endSession);
    return { status: 204 };
  }

  function roomRow(r) {
    const owner = [...r.members].find(([, role]) => role === 2)?.[0] ?? 0;
    return { room: r.id, name: r.visibility === 2 ? '' : r.name, visibility: r.visibility, members: r.members.size, messages: r.msgNo, created_at_ms: r.created ?? began, last_at_ms: r.log.at(-1)?.at_ms ?? 0, owner, owner_name: users.get(owner)?.name ?? '', archived: Boolean(r.archived) };
  }

  const socketRow = (s, i) => ({ edge: numberOf(`edge/${i % 2}`), number: i + 1, user: s.user.id, session: openOf(s.user)[0]?.id ?? 0, name: s.user.name, device: 'Web on Linux', address: '127.0.0.1', open_ms: 61_000, rooms: 3, waiting: 0, waiting_bytes: 0 });

  /** undefined: not one of these questions. */
  function answer(me, method, path, query, body) {
    if (path === '/server' && method === 'PATCH') return ok(Object.assign(server, body));
    if (path === '/server') return ok(server);
    if (!/^\/(admin|invites)(\/|$)/.test(path)) return undefined;
    if (!me.admin) return problem('forbidden');
    const q = (query.get('query') ?? '').toLowerCase();
    const [, userId, what, sessionId] = /^\/admin\/users\/(\d+)(?:\/([\w-]+))?(?:\/(\d+))?/.exec(path) ?? [];
    const user = users.get(Number(userId));
    if (userId && !user) return problem('not_found');
    if (what === 'reset-password') {
      openOf(user).forEach(endSession);
      user.password = 'kestrel-9-hollow-moss';
      return ok({ type: 'auth_reset_done', user: user.id, name: user.name, password: user.password });
    }
    if (what === 'sessions' && method === 'DELETE') {
      openOf(user).filter((s) => !sessionId || s.id === Number(sessionId)).forEach(endSession);
      note(me, 'user_signed_out', user, sessionId ? 'one session' : 'all sessions');
      return { status: 204 };
    }
    if (what === 'sessions') return ok({ type: 'sessions', sessions: openOf(user).map((s) => ({ session: s.id, device: s.device, user_agent: s.userAgent, address: '127.0.0.1', created_at_ms: s.created, used_at_ms: s.used, current: false })) });
    if (user) return setUser(me, user, body);
    switch (path) {
      case '/admin/users':
        return ok({ type: 'admin_users', more: false, users: [...users.values()].filter((u) => u.name.toLowerCase().includes(q)).sort((a, b) => a.name.localeCompare(b.name)).map(rowOf) });
      case '/admin/rooms':
        return ok({ type: 'admin_rooms', more: false, rooms: [...rooms.values()].filter((r) => r.name.toLowerCase().includes(q)).sort((a, b) => a.name.localeCompare(b.name)).map(roomRow) });
      case '/admin/audit':
        return ok({ type: 'admin_audit', more: false, rows: audit.filter((r) => !query.get('action') || r.action === query.get('action')) });
      case '/admin/sockets': {
        const list = [...sockets].filter((s) => s.user && (!query.get('user') || s.user.id === Number(query.get('user')))).map(socketRow);
        return ok({ type: 'sockets', count: list.length, silent: 0, sockets: list });
      }
      case '/admin/topology':
        return ok(topology());
      case '/admin/limits':
        return ok({
          type: 'limits',
          edge: 'edge/0',
          options: [
            { name: 'port', environment: 'PORT', help: 'HTTP and WebSocket port; 0: any free one', source: 'flag', value: 8080, default: 8080, min: 0, max: 65535 },
            { name: 'database_url', environment: 'DATABASE_URL', help: 'mysql://user:password@host:3306/db', source: 'environment', value: '(set)', default: '' },
            { name: 'frames_per_s', environment: 'ROOKERY_FRAMES_PER_S', help: 'WebSocket messages of one session, sustained', source: 'default', value: 20, default: 20, min: 1, max: 1000000 },
          ],
          fixed: [{ name: 'text', value: 4096, unit: 'bytes', help: 'one message' }],
        });
      default:
        break;
    }
    if (path === '/invites' && method === 'POST')
      invites.unshift({ invite: ++lastId, code: `rook${lastId}kestrel4moss9`, by: me.id, created_at_ms: Date.now(), expires_at_ms: body.days ? Date.now() + body.days * 86_400_000 : 0, uses_max: body.uses_max ?? 0, uses: 0 });
    if (path === '/invites') return ok({ type: 'invites', invites });
    if (method === 'DELETE') {
      invites.splice(invites.findIndex((i) => i.invite === Number(path.split('/')[2])), 1);
      return { status: 204 };
    }
    return problem('not_found');
  }

  return {
    answer,
    silence: (node) => {
      silent = node;
    },
  };
}
