/**
 * How much more workers answer, with agents that take 200 ms. An account has a fixed number of turns at once, so a worker
 * is given so many accounts, and each further one as many more. As many as two cores carry for eight workers, beside the
 * server and the simulator.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { figure, note, percentile } from '../figures.mjs';
import { processorSeconds } from '../sides/processes.mjs';
import { startServer } from '../sides/server.mjs';
import { createHome, startWxagent } from '../sides/sides.mjs';

const THINKS_MS = 200;
const ACCOUNTS_A_WORKER = 1;
/** The users of an account, who are all answered at once (`--concurrency`). */
const USERS = 4;
const WARM_UP_MS = 5_000;
const MEASURE_MS = 20_000;

export async function measureLoad({ phones, folder, sizes }) {
  const server = await startServer();
  const agent = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.setHeader('content-type', 'text/plain').end('thought'), THINKS_MS);
  });
  agent.listen(0, '127.0.0.1');
  await once(agent, 'listening');
  const url = `http://127.0.0.1:${agent.address().port}/`;
  const flags = [
    '--all-accounts',
    '--allow-all',
    '--concurrency',
    String(USERS),
    '--pace',
    '0',
    '--no-typing',
  ];
  const counts = [1, 2, 4, 8].filter((count) => count <= (sizes.workers ?? 8));
  const perSecond = new Map();
  try {
    for (const count of counts) {
      const found = await measureOnce({
        server,
        phones,
        folder,
        count,
        run: ['run', '--http', url, ...flags],
      });
      perSecond.set(count, found.perSecond);
      note(`${count} workers: ${found.told}`);
    }
  } finally {
    agent.close();
    agent.closeAllConnections();
    await server.stop();
  }
  return counts.slice(1).map((count) =>
    figure({
      name: `agents of ${THINKS_MS} ms, ${count} workers`,
      unit: '/s',
      ours: perSecond.get(count),
      bare: count * perSecond.get(1),
      beside: `${count} times that of one`,
      atLeast: 0.9,
    }),
  );
}

async function measureOnce({ server, phones, folder, count, run }) {
  const bots = await phones.call('bots', { count: count * ACCOUNTS_A_WORKER, label: `load-${count}` });
  const own = bots.map((bot) => ({ ...bot, baseUrl: phones.baseUrl }));
  const store = await server.createStore(folder, `load_${count}`, own);
  const workers = [];
  try {
    for (let n = 0; n < count; n++) {
      const home = createHome(folder, `load-${count}-${n}`, null, []);
      workers.push(startWxagent(home, run, store.env));
    }
    await shared(server, store, count);
    await phones.call('polled', { bots: bots.map(({ id }) => id) });
    const pids = workers.map(({ pid }) => pid);
    const before = { server: await server.counters(), workers: processorSeconds(...pids) };
    const users = bots.flatMap(({ id }) =>
      Array.from({ length: USERS }, (_, n) => ({ bot: id, user: `${id}-${n}@im.wechat` })),
    );
    const samples = await phones.call('conversations', {
      users,
      warmUpMs: WARM_UP_MS,
      measureMs: MEASURE_MS,
    });
    const perSecond = samples.length / (MEASURE_MS / 1_000);
    const after = { server: await server.counters(), workers: processorSeconds(...pids) };
    // Before and behind what was measured, they were as busy.
    const messages = (perSecond * (after.server.atMs - before.server.atMs)) / 1_000;
    const ms = (spent) => `${((spent * 1_000) / messages).toFixed(1)} ms`;
    return {
      perSecond,
      told: `${perSecond.toFixed(1)} messages/s, ${percentile(samples, 0.5).toFixed(0)} ms each (p95 ${percentile(samples, 0.95).toFixed(0)}); processor time of a message: worker ${ms(after.workers - before.workers)}, server ${ms(after.server.processorSeconds - before.server.processorSeconds)}`,
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

/** Resolves when all workers have as many accounts. */
async function shared(server, { schema }, count) {
  for (let looks = 0; looks < 1_200; looks++) {
    const [{ workers }] = await server.rows(
      `SELECT count(*)::int AS workers FROM (SELECT worker FROM ${schema}.leases WHERE worker IS NOT NULL AND next IS NULL
         GROUP BY worker HAVING count(*) = $1) AS even`,
      ACCOUNTS_A_WORKER,
    );
    if (workers === count) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${count} workers have not shared their accounts within a minute`);
}
