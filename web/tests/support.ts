import type { EventMsg, RoomStateRec, ServerMessage, SubOkMsg } from '@/proto/messages.gen';
import { KIND } from '@/proto/messages.gen';
import { openEvent, type RoomEvent } from '@/proto/codec';
import { applyMessage, initialState, type State } from '@/state/store';
import { ulidMaker } from '@/proto/ulid';

export const ROOM = 7001;
export const ME = 1;
export const ANN = 2;
export const T0 = Date.UTC(2026, 2, 4, 12, 0, 0);

let counter = 0;
export const newId = ulidMaker(
  () => T0 + ++counter,
  (b) => b.fill(7),
);

export function posted(seq: number, over: Partial<EventMsg> = {}): EventMsg {
  return {
    type: 'event',
    room: ROOM,
    seq,
    kind: KIND.POSTED,
    user: ANN,
    at_ms: T0 + seq * 1000,
    client_id: newId(),
    msg_no: seq,
    target: 0,
    body: [`line ${seq}`],
    ...over,
  };
}

export function edited(seq: number, target: number, text: string): EventMsg {
  return posted(seq, { kind: KIND.EDITED, target, msg_no: 0, body: [text] });
}

export function deleted(seq: number, target: number): EventMsg {
  return posted(seq, { kind: KIND.DELETED, target, msg_no: 0, body: [0] });
}

export const ev = (m: EventMsg): RoomEvent => openEvent(m);

export function subOk(over: Partial<SubOkMsg> = {}): SubOkMsg {
  return {
    type: 'sub_ok',
    room: ROOM,
    incarnation: 9,
    mode: 0,
    after: 0,
    base: 1,
    head: 0,
    msg_no: 0,
    first_msg_no: 0,
    role: 0,
    members: 2,
    deleted: 0,
    visible_from: 0,
    ...over,
  };
}

export function roomState(over: Partial<RoomStateRec> = {}): RoomStateRec {
  return {
    room: ROOM,
    incarnation: 9,
    visibility: 0,
    name: 'Garden',
    topic: 'What grows',
    head: 0,
    msg_no: 0,
    read_msg_no: 0,
    role: 0,
    notify: 0,
    turn: 0,
    rev: 0,
    archived: false,
    history: 0,
    people: [],
    ...over,
  };
}

export function welcome(rooms: RoomStateRec[] = [roomState()]): ServerMessage {
  return { type: 'welcome', user: ME, name: 'Robin', role: 0, session: 5, expires_at_ms: T0 + 600_000, rooms };
}

export function run(messages: readonly ServerMessage[], from: State = initialState): State {
  return messages.reduce((s, m) => applyMessage(s, m, T0), from);
}
