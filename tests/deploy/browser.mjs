/* A browser, as far as the tests of deploy/ need one: HTTP(S) with a chosen address and name, and a WebSocket in JSON. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

export const HOST = 'chat.example.org';

/* from: the local address; undefined: any. */
export function request(url, { from, method = 'GET', headers = {}, body } = {}) {
  return new Promise((done, fail) => {
    const { request: make } = url.startsWith('https') ? https : http;
    const sent = make(url, {
      method, localAddress: from, agent: false, servername: HOST, rejectUnauthorized: false,
      headers: { Host: HOST, ...(body && { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }), ...headers },
    }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('error', fail);
      answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(chunks).toString() }));
    });
    sent.on('upgrade', (answer, socket, head) => done({ status: answer.statusCode, headers: answer.headers, socket, head }));
    sent.on('error', fail);
    sent.setTimeout(10_000, () => sent.destroy(new Error(`${method} ${url}: no answer`)));
    sent.end(body);
  });
}

export const askSocket = (url, upgrade, { from, headers = {} } = {}) =>
  request(`${url}/ws`, {
    from,
    headers: {
      Connection: 'Upgrade', Upgrade: upgrade, 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Protocol': 'rookery.v1.json',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'), Origin: `https://${HOST}`, ...headers,
    },
  });

/* Text frames below 64 KiB, and the server's pings and close, are all that is met here. */
export function talk({ socket, head }) {
  const heard = [];
  let bytes = Buffer.alloc(0);
  let wake = () => {};
  let code = null; // of the close, once there is one
  const send = (opcode, payload) => {
    const mask = randomBytes(4);
    const size = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255];
    if (socket.writable) socket.write(Buffer.concat([Buffer.from([0x80 | opcode, ...size]), mask, payload.map((byte, i) => byte ^ mask[i % 4])]));
  };
  const take = (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const start = bytes[1] === 126 ? 4 : 2;
      const len = bytes.length < start ? Infinity : start === 4 ? bytes.readUInt16BE(2) : bytes[1];
      if (bytes.length < start + len) break;
      const opcode = bytes[0] & 15;
      const payload = bytes.subarray(start, start + len);
      bytes = bytes.subarray(start + len);
      if (opcode === 1) heard.push(JSON.parse(payload.toString()));
      if (opcode === 9) send(10, payload);
      if (opcode === 8) code = len >= 2 ? payload.readUInt16BE(0) : 1005;
    }
    wake();
  };
  socket.setTimeout(0);
  socket.on('data', take);
  socket.on('error', () => {});
  socket.on('close', () => wake());
  take(head);
  return {
    say: (message) => send(1, Buffer.from(JSON.stringify(message))),
    /* The next message; null when the socket has closed. */
    async hear(timeout_ms = 10_000) {
      const until = Date.now() + timeout_ms;
      while (!heard.length && code === null && !socket.destroyed) {
        assert.ok(Date.now() < until, 'something is heard in time');
        await new Promise((done) => {
          const timer = setTimeout(done, until - Date.now() + 1);
          wake = () => {
            clearTimeout(timer);
            done();
          };
        });
      }
      return heard.shift() ?? null;
    },
    closeCode: () => code,
    close: () => socket.destroy(),
  };
}
