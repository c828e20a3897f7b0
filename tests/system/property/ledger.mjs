/* What was asked for and what was answered, by client id: in the end it is held against the log. Kept where requests
 * leave and answers come in, below all that repeats them. */
const KIND_OF_REQUEST = {
  room_create: 'room_created', room_join: 'joined', room_leave: 'left', room_post: 'posted', room_say: 'said',
  room_edit: 'edited', room_revise: 'revised', room_delete: 'deleted', room_react: 'reacted', room_pin: 'pinned',
  room_remove: 'removed', room_ban: 'banned', room_unban: 'unbanned', room_role: 'role_changed', room_mute: 'muted',
  room_invite: 'added', room_direct: 'direct_created', room_rename: 'renamed', room_topic: 'topic_changed', room_archive: 'archived',
  room_history: 'history_changed', room_share: 'shared',
};
/* What a page asks for by HTTP: method, path, kind of the event. */
const KIND_OF_PATH = [
  ['POST', /\/rooms$/, 'room_created'],
  ['POST', /\/join$/, 'joined'],
  ['POST', /\/leave$/, 'left'],
  ['POST', /\/directs$/, 'direct_created'],
  ['POST', /\/members$/, 'added'],
  ['PUT', /\/name$/, 'renamed'],
  ['PUT', /\/topic$/, 'topic_changed'],
  ['PUT', /\/archived$/, 'archived'],
  ['PUT', /\/history$/, 'history_changed'],
  ['PUT', /\/members\/\d+$/, 'role_changed'],
  ['DELETE', /\/members\/\d+$/, 'removed'],
  ['POST', /\/bans\/\d+$/, 'banned'],
  ['DELETE', /\/bans\/\d+$/, 'unbanned'],
  ['', /\/mutes\/\d+$/, 'muted'],
  ['', /\/reactions\/[^/]+$/, 'reacted'],
  ['', /\/pin$/, 'pinned'],
];
/* Who is in a room already and asks to enter is told by which event they came in; a direct room is there once. */
const ENTRIES = new Set(['joined', 'added', 'room_created', 'founded']);
/* A room whose newcomers may read something else than is usual begins with another kind of event. */
const kindOf = (kind, asked) => (kind === 'room_created' && (asked.history ?? 0) !== (asked.visibility === 1 ? 1 : 0) && asked.history !== undefined ? 'founded' : kind);
const FAULTS_MAX = 20;

export class Ledger {
  /** nameOf: of the code of an error. acked: told of each first ack, with the entry. */
  constructor(nameOf, acked) {
    this.nameOf = nameOf;
    this.entries = new Map();
    this.faults = [];
    this.onAck = acked;
    this.counts = { asked: 0, acked: 0, repeats: 0, refused: 0 };
    this.refusals = new Map();
  }

  fault(text) {
    if (this.faults.length < FAULTS_MAX) this.faults.push(text);
  }

  note(user, clientId, kind, message) {
    const key = `${user}/${clientId}`;
    let entry = this.entries.get(key);
    if (!entry) {
      entry = { user, clientId, kind, message, ack: null, refused: null };
      this.entries.set(key, entry);
      this.counts.asked += 1;
    } else if (JSON.stringify(entry.message) !== JSON.stringify(message)) {
      this.fault(`user ${user} asks for ${clientId} again, with other content`);
    }
    return entry;
  }

  asked(user, message) {
    const kind = message && kindOf(KIND_OF_REQUEST[message.type], message);
    if (message?.client_id && !kind) throw new Error(`the ledger does not know ${message.type}`);
    return kind ? this.note(user, message.client_id, kind, message) : null;
  }

  heard(user, message) {
    if (message?.type === 'ack') this.ack(user, message);
    else if (message?.type === 'nack') this.nack(user, message.client_id, this.nameOf(message.code), message.final);
  }

  askedByHttp(user, method, path, body) {
    const url = new URL(path, 'http://x');
    const clientId = url.searchParams.get('client_id') ?? (body ? JSON.parse(body).client_id : undefined);
    if (!clientId) return null;
    const row = KIND_OF_PATH.find(([how, what]) => (how === '' || how === method) && what.test(url.pathname));
    if (!row) throw new Error(`the ledger does not know ${method} ${url.pathname}`);
    return this.note(user, clientId, kindOf(row[2], body ? JSON.parse(body) : {}), { method, path: url.pathname, body: body ? JSON.parse(body) : null });
  }

  answeredByHttp(entry, status, body) {
    const answer = body ? JSON.parse(body) : {};
    if (status < 300) this.ack(entry.user, answer);
    else if (status !== 401 && status !== 408 && status !== 429 && status < 500) this.nack(entry.user, entry.clientId, answer.title, true);
  }

  ack(user, { client_id: clientId, room, seq, at_ms: atMs, msg_no: msgNo, dup }) {
    const entry = this.entries.get(`${user}/${clientId}`);
    if (!entry) return this.fault(`user ${user} gets an ack for ${clientId}, which nobody asked for`);
    if (entry.refused) this.fault(`user ${user} gets an ack for ${entry.kind} ${clientId} after the final nack ${entry.refused}`);
    if (entry.ack && (entry.ack.room !== room || entry.ack.seq !== seq))
      this.fault(`user ${user} gets two places for ${entry.kind} ${clientId}: ${entry.ack.room}/${entry.ack.seq} and ${room}/${seq}`);
    if (entry.ack) {
      this.counts.repeats += 1;
      return;
    }
    entry.ack = { room, seq, atMs, msgNo, dup };
    this.counts.acked += 1;
    this.onAck(entry);
  }

  nack(user, clientId, code, final) {
    const entry = this.entries.get(`${user}/${clientId}`);
    if (!entry) return this.fault(`user ${user} gets a nack for ${clientId}, which nobody asked for`);
    if (!final) return;
    if (entry.ack) this.fault(`user ${user} gets the final nack ${code} for ${entry.kind} ${clientId} after its ack`);
    if (!entry.refused) {
      this.counts.refused += 1;
      const name = `${entry.kind}: ${code}`;
      this.refusals.set(name, (this.refusals.get(name) ?? 0) + 1);
    }
    entry.refused = code;
  }

  /** Against the logs, room → events. What is acked is in its place, what is refused is nowhere, and nothing is there
   *  that nobody asked for. */
  check(logs) {
    const places = new Map();
    const entered = new Set();
    for (const [room, events] of logs)
      for (const event of events) {
        const key = `${event.user}/${event.client_id}`;
        const entry = this.entries.get(key);
        const where = `room ${room} seq ${event.seq}`;
        if (ENTRIES.has(event.kind)) entered.add(`${event.body.member ?? event.user}/${room}/${event.seq}`);
        if (event.kind === 'direct_created') entered.add(`${room}/${event.seq}`);
        if (places.has(key)) this.fault(`${where}: ${key} is there twice, first as ${places.get(key)}`);
        places.set(key, `${room}/${event.seq}`);
        if (!entry) this.fault(`${where}: nobody asked for this ${event.kind}`);
        else if (entry.refused) this.fault(`${where}: its ${event.kind} was refused with ${entry.refused}`);
        else this.checkContent(where, entry, event);
      }
    for (const [key, { user, kind, ack }] of this.entries) {
      if (!ack || places.get(key) === `${ack.room}/${ack.seq}`) continue;
      if (kind === 'joined' && ack.dup && entered.has(`${user}/${ack.room}/${ack.seq}`)) continue;
      if (kind === 'direct_created' && ack.dup && entered.has(`${ack.room}/${ack.seq}`)) continue;
      this.fault(`${kind} ${key} was acked as ${ack.room}/${ack.seq} and is ${places.get(key) ?? 'nowhere'}`);
    }
  }

  checkContent(where, entry, event) {
    const { message } = entry;
    if (event.kind !== entry.kind) this.fault(`${where}: is ${event.kind}, asked for was ${entry.kind}`);
    if (message.method || event.body === null) return;
    if (message.text !== undefined && message.text !== event.body.text) this.fault(`${where}: has another text than was asked for`);
    const files = (message.files ?? []).map((f) => f.id).join();
    const shown = (event.body.files ?? []).map((f) => f.file).join();
    if (files !== shown) this.fault(`${where}: shows the files ${shown}, asked for was ${files}`);
    const target = message.target ?? message.reply_to ?? 0;
    if (target !== event.target) this.fault(`${where}: has the target ${event.target}, asked for was ${target}`);
    for (const field of ['emoji', 'on', 'member', 'role', 'muted', 'name', 'topic', 'visibility', 'history'])
      if (message[field] !== undefined && event.body[field] !== undefined && message[field] !== event.body[field])
        this.fault(`${where}: ${field} is ${event.body[field]}, asked for was ${message[field]}`);
  }
}
