/* Client ids: 16 bytes, a ULID (48 bits of time, 80 of chance). In memory they are their 26 characters. */

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const BYTES = 16;
const TEXT_LEN = 26;

const VALUE = new Map(Array.from(DIGITS, (c, i) => [c, BigInt(i)] as const));

export function cidToBytes(text: string): Uint8Array {
  let value = 0n;
  if (text.length !== TEXT_LEN) throw new RangeError('a client id has 26 characters');
  for (const c of text) {
    const digit = VALUE.get(c);
    if (digit === undefined) throw new RangeError('not a ULID');
    value = (value << 5n) | digit;
  }
  if (value >> 128n) throw new RangeError('not a ULID');
  const bytes = new Uint8Array(BYTES);
  for (let i = BYTES - 1; i >= 0; i--) {
    bytes[i] = Number(value & 0xffn);
    value >>= 8n;
  }
  return bytes;
}

export function cidFromBytes(bytes: Uint8Array): string {
  if (bytes.length !== BYTES) throw new RangeError('a client id has 16 bytes');
  let value = 0n;
  for (const b of bytes) value = (value << 8n) | BigInt(b);
  let text = '';
  for (let i = 0; i < TEXT_LEN; i++) {
    text = (DIGITS[Number(value & 31n)] ?? '0') + text;
    value >>= 5n;
  }
  return text;
}

/** Makes ids that grow even within one millisecond, or when the clock steps back: FIFO order is their order. */
export function ulidMaker(now: () => number, random: (bytes: Uint8Array<ArrayBuffer>) => void): () => string {
  let last = 0;
  const bytes = new Uint8Array(BYTES);
  return () => {
    const at = now();
    if (at > last) {
      last = at;
      random(bytes);
      bytes[6] = (bytes[6] ?? 0) & 0x7f; // room to count up
    } else {
      for (let i = BYTES - 1; i >= 6; i--) {
        bytes[i] = ((bytes[i] ?? 0) + 1) & 0xff;
        if (bytes[i] !== 0) break;
      }
    }
    let time = last;
    for (let i = 5; i >= 0; i--) {
      bytes[i] = time % 256;
      time = Math.floor(time / 256);
    }
    return cidFromBytes(bytes);
  };
}

export const newClientId = ulidMaker(
  () => Date.now(),
  (bytes) => crypto.getRandomValues(bytes),
);
