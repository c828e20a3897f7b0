/* README.md's "Using it from scripts" against a real server: the curl lines as they stand, then each line of the socket's
 * dialogue that goes out, with what is left open there filled in. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { startStack } from '../browser/stack.mjs';
import { askSocket, talk } from './browser.mjs';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const section = readme.slice(readme.indexOf('\n## Using it from scripts'), readme.indexOf('\n## Database servers'));
const [curls, dialogue] = [...section.matchAll(/```sh\n([^]*?)```/g)].map((match) => match[1]);

/* As JSON, once what the reader is to fill in is filled in. */
function fill(line, room, token) {
  assert.match(line, /^> \{/);
  return JSON.parse(line.slice(2).replace('"room":123', `"room":${room}`).replace('"token":"…"', `"token":"${token}"`));
}

const stack = await startStack();
try {
  const port = new URL(stack.url).port;
  assert.ok(curls.includes('localhost:8080'));
  const script = `${curls.replace('localhost:8080', `localhost:${port}`)}\nprintf '\\n%s\\n%s\\n' "$token" "$room"`;
  const said = execFileSync('bash', ['-euo', 'pipefail', '-c', script], { encoding: 'utf8' }).trim();
  const [token, room] = said.split('\n').slice(-2);
  assert.ok(token.length > 100 && Number(room) > 0, said);
  assert.match(said, /"frames":\s*\[.*"text":\s*"hello"/s);
  console.log('ok the curl lines sign up, make a room, post and read it back');

  const answer = await askSocket(stack.url, 'websocket', { headers: { Host: `localhost:${port}`, Origin: stack.url } });
  assert.equal(answer.status, 101);
  const socket = talk(answer);
  const wanted = dialogue.trim().split('\n').slice(1);
  for (const line of wanted) {
    if (line.startsWith('> ')) {
      socket.say(fill(line, room, token));
      continue;
    }
    const type = line.match(/^< \{"type":"(\w+)"/)[1];
    for (let heard; heard?.type !== type; ) {
      heard = await socket.hear();
      assert.notEqual(heard?.type, 'err', JSON.stringify(heard));
    }
    console.log(`ok the socket says ${type}`);
  }
  socket.close();
} finally {
  await stack.stop();
}
process.exit(0);
