/**
 * A thousand accounts in one process, at rest: what they cost beside the most that is allowed. Linux: memory, processor
 * time and open files are read from /proc.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { figure } from '../figures.mjs';
import { createHome, startBare, startWxagent } from '../sides/sides.mjs';

const ACCOUNTS = 1_000;
/** By then every account has polled a second time and was swept once, and what the start needed is collected. */
const SETTLE_MS = 75_000;
/** Two polls of every account, and a sweep. */
const REST_MS = 70_000;
const MOST = { memoryMiB: 250, processorPercent: 5, openFiles: 1_200 };
/** Of `utime` and `stime`, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export async function measureAccounts({ phones, folder }) {
  const bots = await phones.call('bots', { count: ACCOUNTS, label: 'accounts' });
  const others = await phones.call('bots', { count: ACCOUNTS, label: 'bare' });
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
  const memoryMiB =
    Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${run.pid}/status`, 'utf8'))[1]) / 1_024;
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
      name: `${ACCOUNTS} accounts, ${name}`,
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

function processorSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** How many of each kind: sockets, files by the ends of their names, and others. */
function openFiles(pid) {
  const kinds = {};
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    let target = 'gone';
    try {
      target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
    } catch {}
    const name = /(?:\.lock)?\.[a-z]+(?:-wal|-shm)?$/.exec(target)?.[0] ?? 'file';
    const kind = target.startsWith('/') ? name : target.split(':')[0];
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

function note(text) {
  process.stderr.write(`bench: ${text}\n`);
}
