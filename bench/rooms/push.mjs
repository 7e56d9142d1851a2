/**
 * Pushes: how long `POST /push` takes until it is accepted and on the disk, beside a bare route that commits one row; and
 * the most memory for one with a large file.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { figure, percentile } from '../figures.mjs';
import { createHome, outputOfWxagent, startWxagent, webUrlOf } from '../sides/sides.mjs';

const SOURCES = 10;
/** Of each source: no more than it may have waiting. */
const PUSHES = 60;
const MiB = 1024 * 1024;
const FILE_BYTES = 100 * MiB;
const MOST_MIB = 150;

const BARE = fileURLToPath(new URL('../sides/bare-push.mjs', import.meta.url));
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

export async function measurePush({ phones, folder }) {
  const [bot] = await phones.call('bots', { count: 1, label: 'push' });
  const home = createHome(folder, 'push', phones.baseUrl, [bot]);
  const add = (name) => JSON.parse(outputOfWxagent(home, ['source', 'add', name, '--json'])).token;
  const tokens = Array.from({ length: SOURCES }, (_, n) => add(`s${n}`));
  const ours = startWxagent(home, ['web', '--listen', '127.0.0.1:0']);
  const url = await webUrlOf(home);
  const bare = spawn(process.execPath, [BARE, join(folder.path, 'bare-push.db')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [port] = await once(createInterface({ input: bare.stdout }), 'line');
  const samples = { ours: [], bare: [] };
  try {
    for (let n = 0; n < SOURCES * PUSHES; n++) {
      const token = tokens[n % SOURCES];
      samples.ours.push(await post(`${url}/push/${token}`, n));
      samples.bare.push(await post(`http://127.0.0.1:${port}/push/${token}`, n));
    }
    const path = join(folder.path, 'large');
    writeFileSync(path, Buffer.alloc(FILE_BYTES));
    await upload(`${url}/push/${tokens[0]}?important=1`, path);
    const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${ours.pid}/status`, 'utf8'));
    return [
      figure({
        name: 'a push, accepted and on the disk, p50',
        unit: 'ms',
        ours: percentile(samples.ours, 0.5),
        bare: percentile(samples.bare, 0.5),
        beside: 'a route of hono that commits a row',
        atMost: 1.5,
      }),
      figure({
        name: 'a push with 100 MiB, peak memory',
        unit: 'MiB',
        ours: Number(kib) / 1_024,
        bare: MOST_MIB,
        beside: 'what it may be',
        atMost: 1,
      }),
    ];
  } finally {
    agent.destroy();
    bare.kill();
    await ours.stop();
  }
}

async function post(url, n) {
  const startedMs = performance.now();
  await ask(url, { 'content-type': 'application/json' }, (sent) =>
    sent.end(JSON.stringify({ text: `disk ${n} is full` })),
  );
  return performance.now() - startedMs;
}

function upload(url, path) {
  const [head, tail] = [
    '--b\r\ncontent-disposition: form-data; name="file"; filename="large.bin"\r\ncontent-type: application/octet-stream\r\n\r\n',
    '\r\n--b--\r\n',
  ];
  return ask(url, { 'content-type': 'multipart/form-data; boundary=b' }, (sent) => {
    sent.write(head);
    const file = createReadStream(path);
    file.on('end', () => sent.end(tail));
    file.pipe(sent, { end: false });
  });
}

function ask(url, headers, fill) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, agent }, (response) => {
      response.resume();
      response.on('end', () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`)),
      );
    });
    sent.on('error', reject);
    fill(sent);
  });
}
