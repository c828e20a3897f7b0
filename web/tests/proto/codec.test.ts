import { decode as unpack, encode as pack } from '@msgpack/msgpack';
import { describe, expect, test } from 'vitest';
import { CodecError, decode, encode, openEvent, openJsonEvent } from '@/proto/codec';
import { KIND, MESSAGES } from '@/proto/messages.gen';
import { cidFromBytes, cidToBytes, ulidMaker } from '@/proto/ulid';
import { newId, posted } from '../support';

const code = (name: string) => MESSAGES[name]?.code;

describe('encode', () => {
  test('a message is [code, field …] with its client id as 16 bytes', () => {
    const id = newId();
    const wire = unpack(encode({ type: 'room_post', room: 2 ** 53 - 1, client_id: id, text: 'héllo' })) as unknown[];
    expect(wire).toEqual([code('room_post'), 2 ** 53 - 1, cidToBytes(id), 'héllo']);
  });

  test('records of a list are arrays without a code', () => {
    const wire = unpack(
      encode({
        type: 'hello',
        version: 1,
        token: 't',
        device: 'd',
        subs: [{ room: 5, incarnation: 6, after: 7, live: true }],
      }),
    );
    expect(wire).toEqual([code('hello'), 1, 't', 'd', [[5, 6, 7, true]]]);
  });

  test('a missing field is our bug and is not sent', () => {
    expect(() => encode({ type: 'unsub' } as never)).toThrow(CodecError);
  });
});

describe('decode', () => {
  test('gives back what a server packs', () => {
    const id = newId();
    const bytes = pack([code('ack'), cidToBytes(id), 5, 9, 1000, 4, true]);
    expect(decode(bytes)).toEqual({ type: 'ack', client_id: id, room: 5, seq: 9, at_ms: 1000, msg_no: 4, dup: true });
  });

  test.each([
    ['not MessagePack', new Uint8Array([0xc1])],
    ['not an array', pack({ a: 1 })],
    ['a field missing', pack([1, 2, 3])],
    ['a field too many', pack([code('live'), 1, 2, 3])],
    ['a negative number', pack([code('live'), -1, 2])],
    ['a number above 2^53', pack([code('live'), 2 ** 60, 2], { useBigInt64: false })],
    ['a text where a number belongs', pack([code('live'), 'x', 2])],
    ['bytes after the end', new Uint8Array([...pack([code('live'), 1, 2]), 0xc0])],
    ['an array that claims more than there is', new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff])],
  ])('refuses %s', (_, bytes) => {
    expect(() => decode(bytes)).toThrow(CodecError);
  });

  test('a code of a newer server is not for us', () => {
    expect(decode(pack([0x7eee, 1]))).toBeNull();
  });
});

describe('events', () => {
  test('bodies are opened by kind, tombstones have no text, unknown kinds count', () => {
    expect(openEvent(posted(3)).body).toEqual({ kind: 'posted', text: 'line 3' });
    expect(openEvent(posted(3, { body: null })).body).toEqual({ kind: 'posted', text: null });
    expect(openEvent(posted(3, { kind: 999, body: ['?'] })).body).toEqual({ kind: 'unknown' });
    expect(openEvent(posted(3, { body: ['too', 'many'] })).body).toEqual({ kind: 'unknown' });
  });

  test('JSON of the HTTP API opens to the same', () => {
    const event = posted(3);
    expect(openJsonEvent({ ...event, kind: 'posted', body: { text: 'line 3' } })).toEqual(openEvent(event));
    expect(openJsonEvent({ ...event, kind: 'posted', body: null }).body).toEqual({ kind: 'posted', text: null });
    expect(openJsonEvent({ ...event, kind: 77, body: 'kgE' }).body).toEqual({ kind: 'unknown' });
    expect(KIND.POSTED).toBe(4);
  });
});

describe('client ids', () => {
  test('26 characters and 16 bytes are the same id', () => {
    const text = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
    expect(cidFromBytes(cidToBytes(text))).toBe(text);
    expect(() => cidToBytes('short')).toThrow(RangeError);
    expect(() => cidToBytes('8'.padEnd(26, 'Z'))).toThrow(RangeError);
    expect(() => cidToBytes('U'.repeat(26))).toThrow(RangeError);
  });

  test('grow within one millisecond and when the clock steps back', () => {
    const times = [1000, 1000, 1000, 400, 1001];
    const make = ulidMaker(
      () => times.shift() ?? 0,
      (b) => b.fill(255),
    );
    const ids = [make(), make(), make(), make(), make()];
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(5);
  });
});
