/**
 * Whether a storm of pushes is felt in a chat: somebody chats with `run --echo --web` while tools push 2,000 times a second to
 * another user of the same account, beside the same chat before. What is pushed is kept until its turn comes: of 400 sources
 * 100 pushes each.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { figure, note, percentile } from '../figures.mjs';
import { processorSeconds, residentMiB } from '../sides/processes.mjs';
import { createHome, outputOfWxagent, startWxagent, webUrlOf } from '../sides/sides.mjs';

const RATE = 2_000;
const SECONDS = 20;
const CONNECTIONS = 20;
const SOURCES = 400;
/** A user who writes five times a second. */
const PAUSE_MS = 200;
/** What an answer may be later, of 20 the slowest. */
const LATER_MS = 20;
/** Of what tools push, so much has to be taken in its second for the figure to count. */
const LEAST_SHARE = 0.95;

const PUSHER = fileURLToPath(new URL('../sides/pusher.mjs', import.meta.url));

export async function measurePushLoad({ phones, folder }) {
  const [bot] = await phones.call('bots', { count: 1, label: 'push-load' });
  const home = createHome(folder, 'push-load', phones.baseUrl, [bot]);
  const { token } = JSON.parse(
    outputOfWxagent(home, ['token', 'add', 'bench', '--scope', 'admin', '--json']),
  );
  const ours = startWxagent(home, [
    ...['run', '--echo', '--pace', '0', '--no-typing', '--allow-all', '--web', '127.0.0.1:0'],
  ]);
  try {
    await phones.call('polled', { bots: [bot.id] });
    const url = await webUrlOf(home);
    const urls = [];
    for (let n = 0; n < SOURCES; n++)
      urls.push(`${url}/push/${await addSource(url, token, bot.id, `tool-${n}`)}`);
    // Whom the pushes go to has written, so some go at once.
    await phones.call('roundTrips', { bot: bot.id, user: bot.user, count: 1, pauseMs: 0 });
    const chat = (seconds) => {
      const count = (seconds * 1_000) / PAUSE_MS;
      return phones.call('roundTrips', { bot: bot.id, user: 'guest@im.wechat', count, pauseMs: PAUSE_MS });
    };
    await chat(3);
    const quiet = await chat(SECONDS);
    const before = processorSeconds(ours.pid);
    const pushed = push(urls);
    const loaded = await chat(SECONDS);
    const { seconds, verdicts, took } = await pushed;
    const took95 = percentile(took, 0.95).toFixed(0);
    note(`${JSON.stringify(verdicts)}; a push, p50 ${percentile(took, 0.5).toFixed(0)} ms, p95 ${took95} ms`);
    note(`processor: ${(processorSeconds(ours.pid) - before).toFixed(1)} s of ${seconds.toFixed(1)} s`);
    note(`RSS with what waits: ${residentMiB(ours.pid).toFixed(0)} MiB`);
    return [
      figure({
        name: 'pushes taken a second',
        unit: 'pushes',
        ours: took.length / seconds,
        bare: RATE,
        beside: 'what came',
        atLeast: LEAST_SHARE,
      }),
      figure({
        name: 'an answer in a chat meanwhile, p95',
        unit: 'ms',
        ours: percentile(loaded, 0.95),
        bare: percentile(quiet, 0.95) + LATER_MS,
        beside: `without pushes, and ${LATER_MS} ms more`,
        atMost: 1,
      }),
      figure({
        name: 'the same, p50',
        unit: 'ms',
        ours: percentile(loaded, 0.5),
        bare: percentile(quiet, 0.5),
        beside: 'without pushes',
      }),
    ];
  } finally {
    await ours.stop();
  }
}

async function addSource(url, token, account, name) {
  const response = await fetch(`${url}/api/v1/sources`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, account }),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()).token;
}

async function push(urls) {
  const input = JSON.stringify({ urls, rate: RATE, seconds: SECONDS, connections: CONNECTIONS });
  const child = spawn(process.execPath, [PUSHER, input], { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the pusher left with ${code}`);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
