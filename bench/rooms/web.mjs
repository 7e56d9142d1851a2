/** What the web server costs a runner: `run --echo --web`, with a page's requests behind it, beside `run --echo`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { figure, percentile } from '../figures.mjs';
import { residentMiB } from '../sides/processes.mjs';
import { createHome, outputOfWxagent, startWxagent } from '../sides/sides.mjs';
import { sampleRoundTrips } from './echo.mjs';

const REQUESTS = 300;
const SETTLE_MS = 4_000;
/** What it may add to the resident memory. */
const MOST_MIB = 25;

const medianOf = ({ samples }) => percentile(samples, 0.5);

export async function measureWeb({ phones, folder }) {
  const [mine, other] = await phones.call('bots', { count: 2, label: 'web' });
  const run = ['run', '--echo', '--pace', '0', '--no-typing'];
  const [home, plain] = [
    createHome(folder, 'web', phones.baseUrl, [mine]),
    createHome(folder, 'web-none', phones.baseUrl, [other]),
  ];
  const served = { bot: mine, process: startWxagent(home, [...run, '--web', '127.0.0.1:0']), samples: [] };
  const bare = { bot: other, process: startWxagent(plain, run), samples: [] };
  await phones.call('polled', { bots: [mine.id, other.id] });
  const [, url] = /the API are at (\S+)/.exec(readFileSync(join(home, 'log.txt'), 'utf8'));
  const { token } = JSON.parse(outputOfWxagent(home, ['token', 'add', 'bench', '--scope', 'read', '--json']));
  const headers = { authorization: `Bearer ${token}` };
  await sampleRoundTrips(phones, [served, bare]);
  const unwatched = [served, bare].map(medianOf);
  for (const side of [served, bare]) side.samples = [];
  const events = await fetch(`${url}/api/v1/events`, { headers });
  // The stream of events stays open meanwhile.
  await sampleRoundTrips(phones, [served, bare]);
  const took = [];
  for (let request = 0; request < REQUESTS; request++) {
    const startedMs = performance.now();
    await (await fetch(`${url}/api/v1/accounts/${mine.id}/messages`, { headers })).arrayBuffer();
    took.push(performance.now() - startedMs);
  }
  await delay(SETTLE_MS);
  const [more, less] = [residentMiB(served.process.pid), residentMiB(bare.process.pid)];
  await events.body.cancel();
  await Promise.all([served, bare].map(({ process }) => process.stop()));
  const echo = (name, [ours, without]) =>
    figure({ name, unit: 'ms', ours, bare: without, beside: 'run without --web', atMost: 1.05 });
  return [
    echo('echo with --web, p50', unwatched),
    echo('the same, a stream of events open', [served, bare].map(medianOf)),
    figure({
      name: `RSS that --web adds, after ${REQUESTS} requests`,
      unit: 'MiB',
      ours: more - less,
      bare: MOST_MIB,
      beside: 'at most',
      atMost: 1,
    }),
    figure({
      name: 'a list of messages, p50',
      unit: 'ms',
      ours: percentile(took, 0.5),
      bare: medianOf(bare),
      beside: 'an echo',
    }),
  ];
}
