/** A user writes, the phone shows the answer: `run --echo` beside the bare loop, and beside one that stores the least. */
import { join } from 'node:path';
import { figure, percentile } from '../figures.mjs';
import { createHome, startBare, startWxagent } from '../sides/sides.mjs';

const WARM_UP_BLOCKS = 4;
const BLOCKS = 20;
const BLOCK = 25;
/** A user writes to a bot that has come to rest: its next poll waits at the server. */
const PAUSE_MS = 5;

/** Fills the `samples` of each side with the milliseconds of its round trips, and stops them. */
export async function measureRoundTrips(phones, sides) {
  await sampleRoundTrips(phones, sides);
  for (const side of sides) await side.process.stop();
}

/** The same, block by block in turn; they go on. */
export async function sampleRoundTrips(phones, sides) {
  await phones.call('polled', { bots: sides.map(({ bot }) => bot.id) });
  for (let block = -WARM_UP_BLOCKS; block < BLOCKS; block++) {
    for (const { bot, samples } of sides) {
      const input = { bot: bot.id, user: bot.user, count: BLOCK, pauseMs: PAUSE_MS };
      const took = await phones.call('roundTrips', input);
      if (block >= 0) samples.push(...took);
    }
  }
}

export async function measureEcho({ phones, folder }) {
  const [mine, other, third] = await phones.call('bots', { count: 3, label: 'echo' });
  const home = createHome(folder, 'echo', phones.baseUrl, [mine]);
  const sides = {
    ours: {
      bot: mine,
      process: startWxagent(home, ['run', '--echo', '--pace', '0', '--no-typing']),
      samples: [],
    },
    bare: { bot: other, process: startBare(phones.baseUrl, [other]), samples: [] },
    least: {
      bot: third,
      process: startBare(phones.baseUrl, [third], { store: join(folder.path, 'echo-least.sqlite') }),
      samples: [],
    },
  };
  await measureRoundTrips(phones, Object.values(sides));

  const line = (name, { ours, bare, beside }, share, atMost) =>
    figure({
      name,
      unit: 'ms',
      ours: percentile(ours.samples, share),
      bare: percentile(bare.samples, share),
      beside,
      atMost,
    });
  const { ours, bare, least } = sides;
  const whole = { ours, bare, beside: 'poll, sendmessage' };
  return [
    line('echo round trip, p50', whole, 0.5, 1.9),
    line('echo round trip, p95', whole, 0.95, null),
    line('the same, p50', { ours, bare: least, beside: 'the same, least stored' }, 0.5, 1.35),
  ];
}
