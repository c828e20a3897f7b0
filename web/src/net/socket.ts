/* The WebSocket: opens it with a token, says hello, watches its pulse, and comes back when it is lost. It knows
 * frames and time, and nothing of rooms: what to resume it asks of its owner.
 *
 *   idle → connecting → online → waiting → connecting …      stopped: a person, or a reload, must act */
import { CodecError, decode, encode } from '@/proto/codec';
import {
  CLOSE,
  LIMITS,
  PROTO_VERSION,
  SUBPROTOCOL_MSGPACK,
  type BrowserMessage,
  type ServerMessage,
  type SubRec,
} from '@/proto/messages.gen';
import { afterClose, backoff, type StopReason } from './reconnect';

const WELCOME_MS = 10_000;
const STABLE_MS = 60_000;
const PROBE_MS = 5_000;
const CLOSE_NORMAL = 1000;

export type SocketStatus =
  | { state: 'idle' | 'connecting' | 'online' }
  | { state: 'waiting'; retryAtMs: number }
  | { state: 'stopped'; reason: StopReason };

export interface SocketOwner {
  /** A token that is good now, fetched if need be; null: nobody is signed in. Rejects when it cannot be known. */
  token(): Promise<string | null>;
  /** The server did not take the last token. True: a new one is there. */
  renew(): Promise<boolean>;
  device(): string;
  subs(): SubRec[];
  onMessage(message: ServerMessage): void;
  onStatus(status: SocketStatus): void;
}

export interface Socket {
  start(): void;
  stop(): void;
  /** Gives false when it was not sent; the caller keeps it. */
  send(message: BrowserMessage): boolean;
  /** The network or the screen is back: try at once. */
  wake(): void;
  /** The network is gone: do not wait for the watchdog to notice. */
  sleep(): void;
  /** Something that must be answered was sent: no frame within 5 s means the link is dead. */
  expectAnswer(): void;
}

export function createSocket(url: string, owner: SocketOwner, random: () => number = Math.random): Socket {
  let ws: WebSocket | null = null;
  let running = false;
  let online = false;
  let generation = 0;
  let attempt = 0;
  let helloTimeouts = 0;
  let renewals = 0;
  let hintMs: number | null = null;
  let hinted = false;
  let openedAt = 0;
  let lastFrameAt = 0;
  let lastBeatAt = 0;
  let heartbeatMs: number = LIMITS.HEARTBEAT_MS;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let watchTimer: ReturnType<typeof setTimeout> | undefined;
  let stableTimer: ReturnType<typeof setTimeout> | undefined;
  let probeTimer: ReturnType<typeof setTimeout> | undefined;

  function clearTimers(): void {
    for (const timer of [retryTimer, watchTimer, stableTimer, probeTimer]) clearTimeout(timer);
    retryTimer = watchTimer = stableTimer = probeTimer = undefined;
  }

  function watch(ms: number): void {
    clearTimeout(watchTimer);
    watchTimer = setTimeout(() => {
      const silent = Date.now() - lastFrameAt;
      const allowed = online ? heartbeatMs * 2 : WELCOME_MS;
      if (silent >= allowed) dropped(CLOSE.NO_PONG);
      else watch(allowed - silent);
    }, ms);
  }

  /** Gives the socket up from our side: a dead link may take minutes to say that it is closed. */
  function abandon(): void {
    generation++;
    online = false;
    clearTimers();
    const old = ws;
    ws = null;
    if (!old) return;
    old.onopen = old.onmessage = old.onclose = old.onerror = null;
    try {
      old.close(CLOSE_NORMAL);
    } catch {
      /* it was closing already */
    }
  }

  function waitFor(ms: number, byServer: boolean): void {
    hinted = byServer;
    owner.onStatus({ state: 'waiting', retryAtMs: Date.now() + ms });
    retryTimer = setTimeout(() => void connect(), ms);
  }

  function dropped(code: number): void {
    const plan = afterClose({
      code,
      attempt,
      hintMs,
      openMs: openedAt ? Date.now() - openedAt : 0,
      helloTimeouts,
      random,
    });
    abandon();
    hintMs = null;
    if (code === CLOSE.HELLO_TIMEOUT) helloTimeouts++;
    if (!running) return;
    attempt++;
    if (plan.then === 'retry') waitFor(plan.afterMs, plan.hinted);
    else if (plan.then === 'stop') halt(plan.reason);
    else void renewThenConnect();
  }

  function halt(reason: StopReason): void {
    running = false;
    abandon();
    owner.onStatus({ state: 'stopped', reason });
  }

  async function renewThenConnect(): Promise<void> {
    if (renewals > 0) {
      halt('auth');
      return;
    }
    renewals++;
    const mine = generation;
    owner.onStatus({ state: 'connecting' });
    try {
      if (!(await owner.renew())) {
        if (mine === generation && running) halt('auth');
        return;
      }
    } catch {
      renewals = 0; // not refused, only not reached
      if (mine === generation && running) waitFor(backoff(attempt, random), false);
      return;
    }
    if (mine === generation && running) void connect();
  }

  async function connect(): Promise<void> {
    abandon();
    const mine = generation;
    openedAt = 0;
    owner.onStatus({ state: 'connecting' });
    let token: string | null;
    try {
      token = await owner.token();
    } catch {
      if (mine === generation && running) {
        attempt++;
        waitFor(backoff(attempt, random), false);
      }
      return;
    }
    if (mine !== generation || !running) return;
    if (token === null) {
      halt('auth');
      return;
    }
    open(token, mine);
  }

  function open(token: string, mine: number): void {
    const socket = new WebSocket(url, SUBPROTOCOL_MSGPACK);
    ws = socket;
    socket.binaryType = 'arraybuffer';
    lastFrameAt = Date.now();
    watch(WELCOME_MS);
    socket.onopen = () => {
      openedAt = Date.now();
    };
    socket.onclose = (e) => {
      if (mine === generation) dropped(e.code);
    };
    socket.onmessage = (e: MessageEvent<unknown>) => {
      if (mine !== generation) return;
      lastFrameAt = Date.now();
      clearTimeout(probeTimer);
      probeTimer = undefined;
      if (!(e.data instanceof ArrayBuffer) && !ArrayBuffer.isView(e.data)) return;
      let message: ServerMessage | null;
      try {
        message = decode(e.data as ArrayBuffer);
      } catch (error) {
        if (!(error instanceof CodecError || error instanceof RangeError)) throw error;
        dropped(CLOSE.RESYNC); // what we hold may have a hole now: resume
        return;
      }
      if (message) receive(message, token);
    };
  }

  function receive(message: ServerMessage, token: string): void {
    switch (message.type) {
      case 'hi':
        heartbeatMs = message.heartbeat_ms || LIMITS.HEARTBEAT_MS;
        if (message.version !== PROTO_VERSION) {
          halt('version');
          return;
        }
        transmit({ type: 'hello', version: PROTO_VERSION, token, device: owner.device(), subs: owner.subs() });
        break;
      case 'welcome':
        online = true;
        helloTimeouts = renewals = 0;
        stableTimer = setTimeout(() => {
          attempt = 0;
        }, STABLE_MS);
        watch(heartbeatMs * 2);
        owner.onMessage(message); // before the status, so that whoever sees `online` sees the rooms too
        owner.onStatus({ state: 'online' });
        return;
      case 'heartbeat':
        // Answered in kind, but never twice in half a beat, so that two polite ends do not go on for ever.
        if (Date.now() - lastBeatAt >= heartbeatMs / 2) {
          lastBeatAt = Date.now();
          transmit({ type: 'heartbeat', now_ms: lastBeatAt });
        }
        return;
      case 'drain':
        hintMs = message.retry_ms;
        break;
      case 'err':
        if (message.retry_ms > 0) hintMs = message.retry_ms;
        break;
      default:
    }
    owner.onMessage(message);
  }

  function transmit(message: BrowserMessage): boolean {
    if (ws?.readyState !== WebSocket.OPEN) return false;
    ws.send(encode(message));
    return true;
  }

  return {
    start() {
      if (running) return;
      running = true;
      attempt = helloTimeouts = renewals = 0;
      void connect();
    },
    stop() {
      running = false;
      abandon();
      owner.onStatus({ state: 'idle' });
    },
    send(message) {
      return online && transmit(message);
    },
    wake() {
      if (!running) return;
      if (ws === null) {
        if (retryTimer !== undefined && !hinted) void connect();
      } else if (online && Date.now() - lastFrameAt >= heartbeatMs * 2) dropped(CLOSE.NO_PONG);
    },
    sleep() {
      if (!running || ws === null) return;
      abandon();
      waitFor(backoff(++attempt, random), false);
    },
    expectAnswer() {
      if (!online || probeTimer !== undefined) return;
      probeTimer = setTimeout(() => dropped(CLOSE.NO_PONG), PROBE_MS);
    },
  };
}
