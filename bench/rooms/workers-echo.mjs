/** A user writes, the phone shows the answer: with PostgreSQL beside SQLite; and what a message asks of the server. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { figure, note, percentile } from '../figures.mjs';
import { startServer } from '../sides/server.mjs';
import { createHome, startWxagent } from '../sides/sides.mjs';
import { measureRoundTrips } from './echo.mjs';

const RUN = ['run', '--echo', '--pace', '0', '--no-typing'];
const COUNT_WAYS = fileURLToPath(new URL('../sides/count-ways.cjs', import.meta.url));
const MESSAGES = 200;
const PAUSE_MS = 5;
const REST_MS = 5_000;
const MOST = { ways: 8, commits: 3 };

export async function measureEchoOfServer({ phones, folder }) {
  const server = await startServer();
  try {
    return await measureOn({ server, phones, folder });
  } finally {
    await server.stop();
  }
}

async function measureOn({ server, phones, folder }) {
  const bots = await phones.call('bots', { count: 3, label: 'server-echo' });
  const [onServer, onFile, counted] = bots.map((bot) => ({ ...bot, baseUrl: phones.baseUrl }));
  const store = await server.createStore(folder, 'echo', [onServer]);
  const sides = {
    server: {
      bot: onServer,
      process: startWxagent(createHome(folder, 'server-echo', null, []), RUN, store.env),
      samples: [],
    },
    file: {
      bot: onFile,
      process: startWxagent(createHome(folder, 'file-echo', null, [onFile]), RUN),
      samples: [],
    },
  };
  await measureRoundTrips(phones, Object.values(sides));
  const { ways, commits, statements } = await countOf({ server, phones, folder, bot: counted });
  note(`a message asks for ${statements.toFixed(1)} statements`);
  const most = { beside: 'the most allowed', atMost: 1 };
  return [
    figure({
      name: 'echo on PostgreSQL, p50',
      unit: 'ms',
      ours: percentile(sides.server.samples, 0.5),
      bare: percentile(sides.file.samples, 0.5),
      beside: 'the same on SQLite',
      atMost: 4,
    }),
    figure({ name: 'ways to the server for a message', unit: '', ours: ways, bare: MOST.ways, ...most }),
    figure({ name: 'commits of a message', unit: '', ours: commits, bare: MOST.commits, ...most }),
  ];
}

/** What a message costs, without what the same time costs at rest. */
async function countOf({ server, phones, folder, bot }) {
  const store = await server.createStore(folder, 'counted', [bot]);
  const env = { ...store.env, NODE_OPTIONS: `--require ${COUNT_WAYS}` };
  const run = startWxagent(createHome(folder, 'counted', null, []), RUN, env, ['ipc']);
  try {
    await phones.call('polled', { bots: [bot.id] });
    const trips = (count) =>
      phones.call('roundTrips', { bot: bot.id, user: bot.user, count, pauseMs: PAUSE_MS });
    await trips(5);
    const counts = async () => {
      run.child.send('counts');
      const [found] = await once(run.child, 'message');
      return { ...found, ms: performance.now() };
    };
    const before = await counts();
    await delay(REST_MS);
    const between = await counts();
    await trips(MESSAGES);
    const after = await counts();
    const share = (after.ms - between.ms) / (between.ms - before.ms);
    const of = (name) => (after[name] - between[name] - share * (between[name] - before[name])) / MESSAGES;
    return { ways: of('ways'), commits: of('commits'), statements: of('statements') };
  } finally {
    await run.stop();
  }
}
