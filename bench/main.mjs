/**
 * `npm run bench`: what wxagent costs beside the bare requests, in one run, side by side (docs/benchmarks.md).
 * `--json` prints one document; names of rooms measure only those. Rooms that take minutes are measured only when they are
 * named. `--accounts=200 --workers=2` makes these smaller, to see whether they work.
 * Needs a build. Exits 0 whether or not the targets are met: figures are for reading, not for a verdict.
 */
import { cpus } from 'node:os';
import { tableOf } from './figures.mjs';
import { measureAccounts } from './rooms/accounts.mjs';
import { measureBacklog } from './rooms/backlog.mjs';
import { measureCoprocess } from './rooms/coprocess.mjs';
import { measureEcho } from './rooms/echo.mjs';
import { measureLong } from './rooms/long.mjs';
import { measureMedia } from './rooms/media.mjs';
import { measureMediaUpload } from './rooms/media-upload.mjs';
import { measureMemory } from './rooms/memory.mjs';
import { measurePage } from './rooms/page.mjs';
import { measurePush } from './rooms/push.mjs';
import { measurePushLoad } from './rooms/push-load.mjs';
import { measureSlow } from './rooms/slow.mjs';
import { measureSpawned } from './rooms/spawned.mjs';
import { measureStartUp } from './rooms/start-up.mjs';
import { measureWeb } from './rooms/web.mjs';
import { measureWorkers } from './rooms/workers.mjs';
import { measureEchoOfServer } from './rooms/workers-echo.mjs';
import { measureLoad } from './rooms/workers-load.mjs';
import { createFolder, startPhones } from './sides/sides.mjs';

const ROOMS = {
  'start-up': measureStartUp,
  echo: measureEcho,
  coprocess: measureCoprocess,
  backlog: measureBacklog,
  spawned: measureSpawned,
  slow: measureSlow,
  memory: measureMemory,
  media: async (given) => [...(await measureMedia(given)), ...(await measureMediaUpload(given))],
  web: measureWeb,
  page: measurePage,
  push: measurePush,
  'push-load': measurePushLoad,
  long: measureLong,
  accounts: measureAccounts,
  'workers-many': measureWorkers,
  'workers-load': measureLoad,
  'workers-echo': measureEchoOfServer,
};
/** Rooms of one name. */
const WORKERS = ['workers-many', 'workers-load', 'workers-echo'];
/** They take minutes. */
const LONG = ['long', 'accounts', ...WORKERS];
const USUAL = Object.keys(ROOMS).filter((name) => !LONG.includes(name));

const args = process.argv.slice(2);
const sizes = {};
const asked = args.flatMap((arg) => {
  const [, name, count] = /^--(accounts|workers)=(\d+)$/.exec(arg) ?? [];
  if (name) sizes[name] = Number(count);
  if (arg === 'workers') return WORKERS;
  return name || arg === '--json' ? [] : [arg];
});
const unknown = asked.find((name) => !Object.hasOwn(ROOMS, name));
if (unknown !== undefined) {
  const known = [...Object.keys(ROOMS), 'workers', '--json', '--accounts=<n>', '--workers=<n>'];
  process.stderr.write(`bench: there is no "${unknown}": ${known.join(', ')}\n`);
  process.exit(64);
}

const folder = createFolder();
const figures = [];
try {
  for (const name of asked.length > 0 ? asked : USUAL) {
    process.stderr.write(`bench: ${name}\n`);
    // A server of its own for every room, so that none inherits what another left in its memory.
    const phones = await startPhones();
    try {
      figures.push(...(await ROOMS[name]({ phones, folder, sizes })));
    } finally {
      await phones.stop();
    }
  }
} finally {
  folder.remove();
}

const machine = `Node ${process.versions.node}, ${process.platform} ${process.arch}, ${cpus().length} x ${cpus()[0]?.model.trim()}`;
if (args.includes('--json'))
  process.stdout.write(`${JSON.stringify({ v: 1, type: 'bench', machine, figures })}\n`);
else process.stdout.write(`${machine}\n\n${tableOf(figures)}\n`);
