/** Files off the CDN: speed beside the bare pipeline, and the memory that takes. */

import { fork, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, median } from '../figures.mjs';
import { BLOB_KEY } from '../sides/blob.mjs';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const MIB = 1024 * 1024;
const LARGE = 1024 * MIB;
const SMALL = 10 * MIB;
const ROUNDS = 3;
/** The most memory a download may take, in MiB. */
const PEAK_LIMIT = 110;

/** Fetches 1 GiB and 10 MiB, in turn with the bare pipeline; whole processes are timed, the sync of the disk is ours alone. */
export async function measureMedia({ folder }) {
  const server = fork(here('../sides/blob-server.mjs'));
  const [port] = await once(server, 'message');
  const target = join(folder.path, 'media');
  mkdirSync(target);
  const origin = `http://127.0.0.1:${port}`;
  const md5 = md5Of(LARGE);

  /** One process from its start to its end: MiB/s, and its peak where the system tells. */
  async function run(argv, sizeBytes) {
    const peakFile = join(target, 'peak');
    const isTold = existsSync('/proc/self/status');
    const startedMs = performance.now();
    const child = spawn(
      process.execPath,
      [...(isTold ? ['--require', here('../sides/peak.cjs')] : []), ...argv],
      {
        env: { PATH: process.env.PATH, BENCH_PEAK: peakFile, WXAGENT_HOME: join(target, 'home') },
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`${argv.join(' ')} left with ${code}`);
    const rate = sizeBytes / MIB / ((performance.now() - startedMs) / 1_000);
    return { rate, peak: isTold ? Number(readFileSync(peakFile, 'utf8')) / 1024 : null };
  }
  const bare = async (sizeBytes) => {
    const file = join(target, 'bare');
    const result = await run([here('../sides/bare-download.mjs'), `${origin}/${sizeBytes}`, file], sizeBytes);
    rmSync(file);
    return result;
  };
  const ours = async (sizeBytes, more = {}) => {
    const media = { full_url: `${origin}/${sizeBytes}`, aes_key: BLOB_KEY.toString('hex') };
    const item = JSON.stringify({ type: 4, file_item: { file_name: 'blob', media, ...more } });
    const out = join(target, 'out');
    const result = await run(
      [here('../../bin/wxagent.js'), 'download', '--cdn-url', origin, '--item', item, '-o', out],
      sizeBytes,
    );
    rmSync(out, { recursive: true });
    return result;
  };

  const results = { bare: [], plain: [], checked: [], small: [] };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      results.bare.push(await bare(LARGE));
      results.plain.push(await ours(LARGE));
      results.checked.push(await ours(LARGE, { md5, len: String(LARGE) }));
      results.small.push(await ours(SMALL));
    }
  } finally {
    server.kill('SIGKILL');
  }
  return figuresOf(results);
}

function figuresOf(results) {
  const rate = (name) => median(results[name].map((one) => one.rate));
  const peak = (name) => Math.max(...results[name].map((one) => one.peak));
  const pipeline = { unit: 'MiB/s', bare: rate('bare'), beside: 'http.get | decipher | file' };
  const speed = [
    figure({ ...pipeline, name: 'download of 1 GiB', ours: rate('plain'), atLeast: 0.8 }),
    figure({ ...pipeline, name: 'the same, its md5 compared', ours: rate('checked'), atLeast: 0.8 }),
  ];
  if (results.plain[0].peak === null) return speed;
  const memory = (name, ours, bare, beside, atMost) =>
    figure({ name, unit: 'MiB', ours, bare, beside, atMost });
  return [
    ...speed,
    memory('peak memory for 1 GiB', peak('plain'), peak('small'), 'the same for 10 MiB', 1.2),
    memory('the same, its md5 compared', peak('checked'), PEAK_LIMIT, 'the most allowed', 1),
  ];
}

function md5Of(sizeBytes) {
  const md5 = createHash('md5');
  const piece = Buffer.alloc(MIB, 'abcdefghijklmnopq');
  for (let left = sizeBytes; left > 0; left -= MIB) md5.update(piece);
  return md5.digest('hex');
}
