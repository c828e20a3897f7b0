/* Messages to bytes and back, driven by the generated table. A message is one MessagePack array [code, field …] with
 * exactly the fields of its row; what does not fit is refused whole. */
import { Decoder, Encoder } from '@msgpack/msgpack';
import {
  KINDS,
  MESSAGES,
  RECORDS,
  type BrowserMessage,
  type EventJson,
  type EventMsg,
  type FieldRows,
  type KindBodies,
  type KindName,
  type MarksMsg,
  type PageJson,
  type ServerMessage,
} from './messages.gen';
import type { FieldType } from './table';
import { cidFromBytes, cidToBytes } from './ulid';

const FRAME_BYTES_MAX = 1024 * 1024;

const encoder = new Encoder();
const decoder = new Decoder({
  maxStrLength: FRAME_BYTES_MAX,
  maxBinLength: FRAME_BYTES_MAX,
  maxArrayLength: 4096,
  maxMapLength: 0,
  maxExtLength: 0,
});
const NAME_OF_CODE = new Map(Object.entries(MESSAGES).map(([name, row]) => [row.code, name]));

export class CodecError extends Error {
  override name = 'CodecError';
}

function toWire(type: FieldType, value: unknown): unknown {
  switch (type.t) {
    case 'cid':
      return cidToBytes(value as string);
    case 'list':
      return (value as Record<string, unknown>[]).map((rec) => packFields(recordOf(type.of), rec));
    default:
      return value;
  }
}

function packFields(fields: FieldRows, from: Record<string, unknown>): unknown[] {
  return fields.map(([name, type]) => {
    if (from[name] === undefined) throw new CodecError(`missing field ${name}`);
    return toWire(type, from[name]);
  });
}

function recordOf(name: string): FieldRows {
  const fields = RECORDS[name];
  if (!fields) throw new CodecError(`no record ${name}`);
  return fields;
}

function whole(value: unknown, max: number, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max)
    throw new CodecError(`${name} is out of range`);
  return value;
}

function fromWire(name: string, type: FieldType, value: unknown): unknown {
  switch (type.t) {
    case 'u53':
      return whole(value, Number.MAX_SAFE_INTEGER, name);
    case 'uint':
      return whole(value, type.max, name);
    case 'code':
      return whole(value, 0xffff, name);
    case 'bool':
      if (typeof value !== 'boolean') throw new CodecError(`${name} is not true or false`);
      return value;
    case 'str':
      if (typeof value !== 'string') throw new CodecError(`${name} is no text`);
      return value;
    case 'cid':
      if (!(value instanceof Uint8Array)) throw new CodecError(`${name} is no client id`);
      return cidFromBytes(value);
    case 'bin':
      if (!(value instanceof Uint8Array)) throw new CodecError(`${name} is no byte string`);
      return value;
    case 'raw':
      return value;
    case 'list':
      if (!Array.isArray(value) || value.length > type.max) throw new CodecError(`${name} is no list of its size`);
      return value.map((item: unknown) => unpackFields(recordOf(type.of), item));
  }
}

function unpackFields(fields: FieldRows, value: unknown): Record<string, unknown> {
  if (!Array.isArray(value) || value.length !== fields.length) throw new CodecError('wrong number of fields');
  const out: Record<string, unknown> = {};
  fields.forEach(([name, type], i) => {
    out[name] = fromWire(name, type, value[i]);
  });
  return out;
}

export function encode(message: BrowserMessage): Uint8Array<ArrayBuffer> {
  const row = MESSAGES[message.type];
  if (!row) throw new CodecError(`no message ${message.type}`);
  return encoder.encode([row.code, ...packFields(row.fields, message as unknown as Record<string, unknown>)]);
}

/** Null for a code that this client does not know: the server is newer, the message is not for us. */
export function decode(bytes: ArrayBuffer | Uint8Array): ServerMessage | null {
  let value: unknown;
  try {
    value = decoder.decode(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));
  } catch (e) {
    throw new CodecError(e instanceof Error ? e.message : 'not MessagePack');
  }
  if (!Array.isArray(value) || typeof value[0] !== 'number') throw new CodecError('not a message');
  const name = NAME_OF_CODE.get(value[0]);
  if (!name) return null;
  const message = unpackFields(MESSAGES[name]?.fields ?? [], value.slice(1));
  message.type = name;
  return message as unknown as ServerMessage;
}

/* ---- the body of an event ---- */

/** What of a body can be erased: a tombstone has the fields, and nothing in them. */
type Erased = { kind: 'posted' | 'edited' | 'said' | 'revised' | 'shared'; text: null; mentions?: undefined; files?: undefined };

export type EventBody = { [K in KindName]: { kind: K } & KindBodies[K] }[KindName] | Erased | { kind: 'unknown' };

/** One durable change of a room, with its body opened. */
export interface RoomEvent {
  room: number;
  seq: number;
  user: number;
  atMs: number;
  clientId: string;
  msgNo: number;
  target: number;
  body: EventBody;
}

const UNKNOWN_KIND = 0xffff;
const NUMBER_OF_KIND = new Map(Object.entries(KINDS).map(([number, row]) => [row.name, Number(number)]));
const ERASABLE = new Set<KindName>(['posted', 'edited', 'said', 'revised', 'shared']);

function openBody(kind: number, body: unknown): EventBody {
  const row = KINDS[kind];
  if (!row) return { kind: 'unknown' };
  if (body === null) return ERASABLE.has(row.name) ? ({ kind: row.name, text: null } as EventBody) : { kind: 'unknown' };
  try {
    const fields = Array.isArray(body) ? unpackFields(row.fields, body) : (body as Record<string, unknown>);
    return { ...fields, kind: row.name } as unknown as EventBody;
  } catch {
    return { kind: 'unknown' }; // it still has its place in the log
  }
}

export function openEvent(m: Omit<EventMsg, 'type'>): RoomEvent {
  return {
    room: m.room,
    seq: m.seq,
    user: m.user,
    atMs: m.at_ms,
    clientId: m.client_id,
    msgNo: m.msg_no,
    target: m.target,
    body: openBody(m.kind, m.body),
  };
}

/** The same from an answer of the HTTP API. */
export function openJsonEvent(event: EventJson): RoomEvent {
  const { kind } = event;
  return openEvent({ ...event, kind: typeof kind === 'number' ? kind : (NUMBER_OF_KIND.get(kind) ?? UNKNOWN_KIND) });
}

/** A page of history from the HTTP API: events, and what hangs on their lines. */
export function openPage(page: PageJson): { events: RoomEvent[]; marks: MarksMsg[] } {
  const events: RoomEvent[] = [];
  const marks: MarksMsg[] = [];
  for (const frame of page.frames) {
    if (frame.type === 'marks') marks.push(frame);
    else events.push(openJsonEvent(frame));
  }
  return { events, marks };
}
