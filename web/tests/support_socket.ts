import { encode as pack } from '@msgpack/msgpack';
import { decode, encode } from '@/proto/codec';
import type { BrowserMessage, ServerMessage } from '@/proto/messages.gen';

/** A WebSocket whose other end is the test. */
export class FakeSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 3;
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }

  readyState = FakeSocket.CONNECTING;
  binaryType = '';
  sent: BrowserMessage[] = [];
  onopen: (() => void) | null = null;
  onclose: ((e: { code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  onmessage: ((e: { data: unknown }) => void) | null = null;
  readonly url: string;
  readonly protocol: string;

  constructor(url: string, protocol: string) {
    this.url = url;
    this.protocol = protocol;
    FakeSocket.all.push(this);
  }
  send(bytes: Uint8Array): void {
    this.sent.push(decode(bytes) as unknown as BrowserMessage);
  }
  close(): void {
    this.readyState = FakeSocket.CLOSED;
  }

  /* the server's side */
  accept(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen?.();
    this.give({
      type: 'hi',
      version: 1,
      build: 'test',
      now_ms: 0,
      hello_ms: 5000,
      heartbeat_ms: 25_000,
      text_bytes_max: 4096,
      frame_bytes_max: 16384,
      file_bytes_max: 52428800,
    });
  }
  give(message: ServerMessage): void {
    this.raw(encode(message as unknown as BrowserMessage));
  }
  raw(bytes: Uint8Array): void {
    this.onmessage?.({ data: new Uint8Array(bytes).buffer });
  }
  drop(code: number): void {
    this.readyState = FakeSocket.CLOSED;
    this.onclose?.({ code });
  }
  of<T extends BrowserMessage['type']>(type: T): Extract<BrowserMessage, { type: T }>[] {
    return this.sent.filter((m): m is Extract<BrowserMessage, { type: T }> => m.type === type);
  }
}

export const garbage = pack([0x07, 'nonsense']);
