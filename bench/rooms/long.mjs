/**
 * 100,000 messages through one runner, and a restart with 50,000 that wait: whether memory and the cost of a
 * message stay bounded. It takes minutes, so it is measured only when it is asked for by name.
 */
import { figure, median } from '../figures.mjs';
import { residentMiB } from '../sides/processes.mjs';
import { createHome, startWxagent } from '../sides/sides.mjs';

const BATCH = 2_000;
const MESSAGES = 100_000;
/** Batches until 10,000 messages. */
const EARLY = 5;
const WAITING = 50_000;
const USERS = 50;
const SERVE = ['--pace', '0', '--no-typing', '--allow-all'];
/** Batches that count as the start (after a warm-up) and as the end. */
const SAMPLE = 5;

export async function measureLong({ phones, folder }) {
  return [...(await through({ phones, folder })), await restart({ phones, folder })];
}

async function through({ phones, folder }) {
  const [bot] = await phones.call('bots', { count: 1, label: 'long' });
  const runner = startWxagent(createHome(folder, 'long', phones.baseUrl, [bot]), ['run', '--echo', ...SERVE]);
  await phones.call('polled', { bots: [bot.id] });
  const tookMs = [];
  const rssMiB = [];
  for (let sent = 0; sent < MESSAGES; sent += BATCH) {
    tookMs.push(await phones.call('through', { messages: messagesTo(bot, BATCH) }));
    rssMiB.push(residentMiB(runner.pid));
  }
  await runner.stop();
  // One look is of how long ago V8 has collected.
  const around = (last) => median(rssMiB.slice(last - SAMPLE, last));
  const cost = (batches) => batches.reduce((sum, ms) => sum + ms, 0) / batches.length / BATCH;
  return [
    figure({
      name: 'RSS after 100,000 messages',
      unit: 'MiB',
      ours: around(rssMiB.length),
      bare: around(EARLY + Math.floor(SAMPLE / 2)),
      beside: 'after 10,000',
      atMost: 1.2,
    }),
    figure({
      name: 'cost of a message at the end',
      unit: 'ms',
      ours: cost(tookMs.slice(-SAMPLE)),
      bare: cost(tookMs.slice(1, 1 + SAMPLE)),
      beside: 'at the start',
      atMost: 1.2,
    }),
  ];
}

/** Until the first poll of a runner whose 50,000 messages are taken in and not finished. */
async function restart({ phones, folder }) {
  const [bot] = await phones.call('bots', { count: 1, label: 'waiting' });
  const home = createHome(folder, 'waiting', phones.baseUrl, [bot]);
  const hangs = ['run', '--exec', 'sleep 600', '--grace', '1s', ...SERVE];
  await phones.call('write', { messages: messagesTo(bot, WAITING) });
  const first = startWxagent(home, hangs);
  await phones.call('drained', { bot: bot.id });
  await first.stop();
  const polled = phones.call('nextPoll');
  const startedMs = Date.now();
  const second = startWxagent(home, hangs);
  const tookMs = (await polled) - startedMs;
  await second.stop();
  return figure({
    name: 'first poll with 50,000 waiting',
    unit: 'ms',
    ours: tookMs,
    bare: 1_000,
    beside: 'one second',
    atMost: 1,
  });
}

function messagesTo(bot, count) {
  return Array.from({ length: count }, (_, n) => ({
    bot: bot.id,
    user: `${bot.user}-${n % USERS}@im.wechat`,
    text: `message ${n}`,
  }));
}
