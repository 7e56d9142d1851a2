/**
 * Workers that share the accounts of a PostgreSQL server: many accounts from a cold start, at rest, and when a worker is
 * killed. Linux only. The simulators, the workers and the server have the cores of this machine among them.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { figure, note } from '../figures.mjs';
import { openFiles, peakMiB, processorSeconds, residentMiB } from '../sides/processes.mjs';
import { startServer } from '../sides/server.mjs';
import { createHome, startPhones, startWxagent } from '../sides/sides.mjs';

const ACCOUNTS_A_SIMULATOR = 2_500;
/** A look at the bots of a simulator takes it a millisecond for a thousand. */
const LOOK_MS = 100;
/** By then every account has polled a second time. */
const SETTLE_MS = 45_000;
/** Two polls of every account. */
const REST_MS = 70_000;
/** The targets of the figures: seconds, MiB, milliseconds. A dead worker counts as alive for 20 s (TTL). */
const MOST = { startS: 60, memoryMiB: 350, takeoverS: 25, renewalMs: 100 };
const RUN = ['run', '--echo', '--all-accounts', '--pace', '0', '--no-typing'];

export async function measureWorkers({ folder, sizes }) {
  const server = await startServer();
  try {
    return await measureOn({ server, folder, sizes });
  } finally {
    await server.stop();
  }
}

async function measureOn({ server, folder, sizes }) {
  const { accounts = 10_000, workers: count = 8 } = sizes;
  const simulators = [];
  const workers = [];
  try {
    for (let left = accounts; left > 0; left -= ACCOUNTS_A_SIMULATOR)
      simulators.push(await startSimulator(simulators.length + 1, Math.min(left, ACCOUNTS_A_SIMULATOR)));
    const everywhere = (call, isWanted = () => true) =>
      Promise.all(
        simulators.map(({ phones, bots }) =>
          phones.call(call, { bots: bots.map(({ id }) => id).filter(isWanted), pauseMs: LOOK_MS }),
        ),
      );
    const store = await server.createStore(
      folder,
      'many',
      simulators.flatMap(({ bots }) => bots),
    );
    note(`${accounts} logins were brought to the server in ${seconds(store.movedMs)}`);

    await server.forget();
    const startedMs = performance.now();
    for (let n = 0; n < count; n++)
      workers.push(startWxagent(createHome(folder, `worker-${n}`, null, []), RUN, store.env));
    await everywhere('polled');
    const startS = (performance.now() - startedMs) / 1_000;
    const startMiB = Math.max(...workers.map(({ pid }) => peakMiB(pid)));
    const spent = spentBy({ simulators, workers }).map(([name, s]) => `${name} ${s.toFixed(1)} s`);
    note(
      `every account polls after ${startS.toFixed(1)} s; processor time: server ${(await server.counters()).processorSeconds.toFixed(1)} s, ${spent.join(', ')}`,
    );
    await tellCosts(server);

    await delay(SETTLE_MS);
    const rest = await measureRest({ server, simulators, workers });
    const [{ connections }] = await server.rows(
      `SELECT count(*)::int AS connections FROM pg_stat_activity WHERE application_name = 'wxagent'`,
    );
    note(`${connections} connections; open files of a worker: ${JSON.stringify(openFiles(workers[0].pid))}`);
    const memoryMiB = Math.max(...workers.map(({ pid }) => residentMiB(pid)));
    const renewalMs = await renewalOf(server, count);

    const [killed] = workers;
    const taken = await server.rows(
      `SELECT account FROM ${store.schema}.leases JOIN ${store.schema}.workers USING (worker) WHERE pid = $1`,
      killed.pid,
    );
    const lost = new Set(taken.map(({ account }) => account));
    note(`the killed worker had ${lost.size} accounts`);
    const killedMs = performance.now();
    await killed.kill();
    await everywhere('unpolled', (id) => lost.has(id));
    await everywhere('polled', (id) => lost.has(id));
    const takeoverS = (performance.now() - killedMs) / 1_000;

    const most = { beside: 'the most allowed', atMost: 1 };
    const of = `${accounts} accounts, ${count} workers`;
    return [
      figure({ name: `${of}, until all are polled`, unit: 's', ours: startS, bare: MOST.startS, ...most }),
      figure({
        name: 'most memory of one, until then',
        unit: 'MiB',
        ours: startMiB,
        bare: MOST.memoryMiB,
        ...most,
      }),
      figure({ name: 'memory of the largest', unit: 'MiB', ours: memoryMiB, bare: MOST.memoryMiB, ...most }),
      figure({ name: 'one is killed', unit: 's', ours: takeoverS, bare: MOST.takeoverS, ...most }),
      figure({
        name: `${accounts} leases renewed`,
        unit: 'ms',
        ours: renewalMs,
        bare: MOST.renewalMs,
        ...most,
      }),
      figure({
        name: 'statements at rest',
        unit: '/s',
        ours: rest.statements,
        bare: accounts / 35,
        beside: 'polls of the accounts',
      }),
    ];
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all(simulators.map(({ phones }) => phones.stop()));
  }
}

async function startSimulator(seed, count) {
  const phones = await startPhones(seed);
  const bots = await phones.call('bots', { count, label: `many-${seed}` });
  return { phones, bots: bots.map((bot) => ({ ...bot, baseUrl: phones.baseUrl })) };
}

/** What is done a second while nobody writes, and what it costs. */
async function measureRest({ server, simulators, workers }) {
  const spent = () => spentBy({ simulators, workers });
  const [before, spentBefore] = [await server.counters(), spent()];
  await delay(REST_MS);
  const after = await server.counters();
  const tookS = (after.atMs - before.atMs) / 1_000;
  const ofACore = (s) => `${((s / tookS) * 100).toFixed(1)} %`;
  const costs = spent().map(([name, s], n) => `${name} ${ofACore(s - spentBefore[n][1])}`);
  const statements = (after.calls - before.calls) / tookS;
  note(
    `at rest ${statements.toFixed(0)} statements/s in ${((after.commits - before.commits) / tookS).toFixed(0)} transactions/s; of a core: server ${ofACore(after.processorSeconds - before.processorSeconds)}, ${costs.join(', ')}`,
  );
  await tellCosts(server);
  return { statements };
}

function spentBy({ simulators, workers }) {
  const sides = { workers, simulators: simulators.map(({ phones }) => phones) };
  return Object.entries(sides).map(([name, side]) => [name, processorSeconds(...side.map(({ pid }) => pid))]);
}

/** Each worker renews one row for all its leases. What a commit takes is the mean of all. */
async function renewalOf(server, workers) {
  const [{ ms }] = await server.rows(
    `SELECT sum(total_exec_time) / sum(calls) AS ms FROM pg_stat_statements WHERE query LIKE 'UPDATE workers SET renewed_at%'`,
  );
  const { commits, commit_ms: commitMs } = await server.counters();
  return workers * (ms + commitMs / commits);
}

async function tellCosts(server) {
  for (const { calls, ms, query } of await server.costliest()) note(`  ${ms} ms, ${calls} times: ${query}`);
}

function seconds(ms) {
  return `${(ms / 1_000).toFixed(1)} s`;
}
