/**
 * 2,000 messages wait when the program comes up: how many a second are answered, from its first answered poll on.
 * Both sides answer every user in order and all users at once.
 */
import { join } from 'node:path';
import { figure, median } from '../figures.mjs';
import { createHome, startBare, startWxagent } from '../sides/sides.mjs';

const MESSAGES = 2_000;
const USERS = 50;
const ROUNDS = 9;
/** How wxagent answers them. */
export const RUN = ['run', '--echo', '--pace', '0', '--no-typing', '--allow-all'];
/** All users of one bot at once. */
export const AT_ONCE = ['--concurrency', String(USERS)];

export async function measureBacklog({ phones, folder }) {
  return [
    ...(await compare({ phones, folder }, '2,000 waiting, 1 bot, 50 users', oneBot, AT_ONCE)),
    ...(await compare({ phones, folder }, '2,000 waiting, 50 bots', manyBots, ['--all-accounts'])),
  ];
}

/** One bot, and who writes to it. */
export async function oneBot(phones, label) {
  const [bot] = await phones.call('bots', { count: 1, label });
  return { bots: [bot], writer: (n) => ({ bot: bot.id, user: `${label}-user-${n % USERS}@im.wechat` }) };
}

async function manyBots(phones, label) {
  const bots = await phones.call('bots', { count: USERS, label });
  return { bots, writer: (n) => ({ bot: bots[n % USERS].id, user: bots[n % USERS].user }) };
}

/** Messages a second that what `start` starts answers. */
export async function rateOf(phones, label, setting, start) {
  const { bots, writer } = await setting(phones, label);
  const messages = Array.from({ length: MESSAGES }, (_, n) => ({ ...writer(n), text: `message ${n}` }));
  await phones.call('write', { messages });
  const answered = phones.call('answered', { count: MESSAGES });
  const process = start(label, bots);
  const rate = MESSAGES / ((await answered) / 1_000);
  await process.stop();
  return rate;
}

async function compare({ phones, folder }, name, setting, flags) {
  const rates = { ours: [], bare: [], least: [] };
  const starts = {
    ours: (label, bots) => startWxagent(createHome(folder, label, phones.baseUrl, bots), [...RUN, ...flags]),
    bare: (_, bots) => startBare(phones.baseUrl, bots),
    least: (label, bots) => startBare(phones.baseUrl, bots, { store: join(folder.path, `${label}.sqlite`) }),
  };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [side, start] of Object.entries(starts)) {
      const label = `${name.replace(/\W+/g, '-')}-${side}-${round}`;
      const rate = await rateOf(phones, label, setting, start);
      // The first round warms the disk cache.
      if (round > 0) rates[side].push(rate);
    }
  }
  const ours = median(rates.ours);
  const line = { unit: 'messages/s', ours };
  return [
    figure({ ...line, name, bare: median(rates.bare), beside: 'bare loop', atLeast: 0.4 }),
    figure({ ...line, name: 'the same', bare: median(rates.least), beside: 'the same, least stored' }),
  ];
}
