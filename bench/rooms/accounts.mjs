/**
 * Many accounts in one process, at rest: what they cost beside the most that is allowed. Linux: memory, processor
 * time and open files are read from /proc.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { figure, note } from '../figures.mjs';
import { openFiles, processorSeconds, residentMiB } from '../sides/processes.mjs';
import { createHome, startBare, startWxagent } from '../sides/sides.mjs';

/** By then every account has polled a second time and was swept once, and what the start needed is collected. */
const SETTLE_MS = 75_000;
/** Two polls of every account, and a sweep. */
const REST_MS = 70_000;
const MOST = { memoryMiB: 250, processorPercent: 5, openFiles: 1_200 };

export async function measureAccounts({ phones, folder, sizes: { accounts = 1_000 } }) {
  const bots = await phones.call('bots', { count: accounts, label: 'accounts' });
  const others = await phones.call('bots', { count: accounts, label: 'bare' });
  const home = createHome(folder, 'accounts', phones.baseUrl, bots);
  const startedMs = performance.now();
  const run = startWxagent(home, ['run', '--echo', '--all-accounts']);
  await phones.call('polled', { bots: bots.map(({ id }) => id) });
  note(`every account polls after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
  // Beside it, so that a busy machine slows both.
  const bare = startBare(phones.baseUrl, others);
  await phones.call('polled', { bots: others.map(({ id }) => id) });
  await delay(SETTLE_MS);
  const before = [run, bare].map(({ pid }) => processorSeconds(pid));
  await delay(REST_MS);
  const [processorPercent, barePercent] = [run, bare].map(
    ({ pid }, index) => ((processorSeconds(pid) - before[index]) / (REST_MS / 1_000)) * 100,
  );
  const files = openFiles(run.pid);
  note(`open files: ${JSON.stringify(files)}`);
  const memoryMiB = residentMiB(run.pid);
  await run.stop();
  await bare.stop();
  const found = {
    memoryMiB,
    processorPercent,
    openFiles: Object.values(files).reduce((sum, n) => sum + n, 0),
  };
  const figures = [
    ['resident memory', 'MiB', 'memoryMiB'],
    ['of a core at rest', '%', 'processorPercent'],
    ['open files', '', 'openFiles'],
  ].map(([name, unit, key]) =>
    figure({
      name: `${accounts} accounts, ${name}`,
      unit,
      ours: found[key],
      bare: MOST[key],
      beside: 'the most allowed',
      atMost: 1,
    }),
  );
  const beside = 'the same polls, nothing stored';
  return [
    ...figures,
    figure({ name: 'of a core at rest', unit: '%', ours: processorPercent, bare: barePercent, beside }),
  ];
}
