/** Resident memory while nothing happens: `run` beside a node process that holds one request open. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { figure, median } from '../figures.mjs';
import { residentMiB } from '../sides/processes.mjs';
import { createHome, startWxagent } from '../sides/sides.mjs';

const ROUNDS = 3;
const IDLE_MS = 4_000;

/** An idle node process with one open request, by the HTTP client node brings. */
const ONE_REQUEST = `
  const { baseUrl, token } = JSON.parse(process.argv[1]);
  const request = require('node:http').request(baseUrl + '/ilink/bot/getupdates', {
    method: 'POST',
    headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' },
  });
  request.end('{"get_updates_buf":""}');`;

export async function measureMemory({ phones, folder }) {
  const samples = { ours: [], bare: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const [mine, other] = await phones.call('bots', { count: 2, label: `memory-${round}` });
    const home = createHome(folder, `memory-${round}`, phones.baseUrl, [mine]);
    const ours = startWxagent(home, ['run', '--echo']);
    const input = JSON.stringify({ baseUrl: phones.baseUrl, token: other.token });
    const bare = spawn(process.execPath, ['-e', ONE_REQUEST, input], { stdio: 'ignore' });
    await phones.call('polled', { bots: [mine.id, other.id] });
    await delay(IDLE_MS);
    samples.ours.push(residentMiB(ours.pid));
    samples.bare.push(residentMiB(bare.pid));
    await ours.stop();
    bare.kill('SIGKILL');
    await once(bare, 'exit');
  }
  return [
    figure({
      name: 'idle run, resident memory',
      unit: 'MiB',
      ours: median(samples.ours),
      bare: median(samples.bare),
      beside: 'node, one open request',
      atMost: 1.8,
    }),
  ];
}
