/**
 * Files out: how fast `send --file` brings a file to the CDN beside the bare pipeline (file, cipher, POST), timed by the
 * CDN itself, and the most memory it takes for a large and a small one.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { figure, median } from '../figures.mjs';
import { createHome, startWxagent } from '../sides/sides.mjs';

const ROUNDS = 3;
const MiB = 1024 * 1024;
const LARGE_BYTES = 1024 * MiB;
const SMALL_BYTES = 10 * MiB;
/** The limits: memory for a large file, and how much more than for a small one. */
const MOST_MIB = 110;

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

export async function measureMediaUpload({ phones, folder }) {
  const sink = fork(here('../sides/cdn-sink.mjs'));
  const [{ url }] = await once(sink, 'message');
  const [large, small] = [join(folder.path, 'large'), join(folder.path, 'small')];
  fill(large, LARGE_BYTES);
  fill(small, SMALL_BYTES);
  // So that --cdn-url is where files go.
  await phones.call('settings', { uploadAnswer: 'param' });
  const samples = { ours: [], bare: [], large: [], small: [] };
  try {
    for (let round = 0; round < ROUNDS; round++) {
      samples.bare.push(await speedOf(sink, () => runBare(large, url)));
      const send = async (path, label) => {
        const [bot] = await phones.call('bots', { count: 1, label });
        await phones.call('write', { messages: [{ user: bot.user, bot: bot.id, text: 'hi' }] });
        const home = createHome(folder, label, phones.baseUrl, [bot]);
        return sendFile(home, path, url);
      };
      samples.ours.push(
        await speedOf(sink, async () => samples.large.push(await send(large, `upload-large-${round}`))),
      );
      samples.small.push(await send(small, `upload-small-${round}`));
    }
  } finally {
    sink.kill('SIGKILL');
    for (const path of [large, small]) rmSync(path);
  }
  const [mostLarge, mostSmall] = [median(samples.large), median(samples.small)];
  return [
    figure({
      name: 'upload of 1 GiB',
      unit: 'MB/s',
      ours: median(samples.ours),
      bare: median(samples.bare),
      beside: 'file, cipher, POST',
      atLeast: 0.8,
    }),
    figure({
      name: 'send --file of 1 GiB, peak memory',
      unit: 'MiB',
      ours: mostLarge,
      bare: MOST_MIB,
      beside: 'what it may be',
      atMost: 1,
    }),
    figure({
      name: 'send --file of 1 GiB, peak memory',
      unit: 'MiB',
      ours: mostLarge,
      bare: mostSmall,
      beside: 'the same for 10 MiB',
      atMost: 1.2,
    }),
  ];
}

/** A file of bytes that no file system makes smaller. */
function fill(path, sizeBytes) {
  const file = openSync(path, 'w');
  const block = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536)));
  for (let written = 0; written < sizeBytes; written += block.length) writeSync(file, block);
  closeSync(file);
}

/** MB/s of the upload that `run` makes, as the sink has seen it. */
async function speedOf(sink, run) {
  const seen = once(sink, 'message');
  await run();
  const [{ sizeBytes, tookMs }] = await seen;
  return sizeBytes / 1_000 / tookMs;
}

async function runBare(path, url) {
  const child = spawn(process.execPath, [here('../sides/bare-upload.mjs'), path, url], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the bare upload left with ${code}`);
}

/** Sends a file through this CDN; the most memory the program has had, in MiB. */
async function sendFile(home, path, cdnUrl) {
  const sending = startWxagent(home, ['send', '--cdn-url', cdnUrl, '--file', path]);
  let mostMiB = 0;
  const looking = setInterval(() => {
    mostMiB = peakMiB(sending.pid) ?? mostMiB;
  }, 10);
  await sending.ended;
  clearInterval(looking);
  return mostMiB;
}

/** VmHWM of a process; null when it has gone. */
function peakMiB(pid) {
  try {
    const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return peak && Number(peak[1]) / 1_024;
  } catch {
    return null;
  }
}
