/** A user writes, the phone shows the answer: `run --echo` beside the bare loop. */
import { figure, percentile } from './figures.mjs';
import { createHome, startBare, startWxagent } from './sides.mjs';

const WARM_UP_BLOCKS = 4;
const BLOCKS = 20;
const BLOCK = 25;
/** A user writes to a bot that has come to rest: its next poll waits at the server. */
const PAUSE_MS = 5;

/** Fills the `samples` of each side with the milliseconds of its round trips, block by block in turn, and stops them. */
export async function measureRoundTrips(phones, sides) {
  await phones.call('polled', { bots: sides.map(({ bot }) => bot.id) });
  for (let block = -WARM_UP_BLOCKS; block < BLOCKS; block++) {
    for (const { bot, samples } of sides) {
      const input = { bot: bot.id, user: bot.user, count: BLOCK, pauseMs: PAUSE_MS };
      const took = await phones.call('roundTrips', input);
      if (block >= 0) samples.push(...took);
    }
  }
  for (const side of sides) await side.process.stop();
}

export async function measureEcho({ phones, folder }) {
  const [mine, other] = await phones.call('bots', { count: 2, label: 'echo' });
  const home = createHome(folder, 'echo', phones.baseUrl, [mine]);
  const sides = {
    ours: {
      bot: mine,
      process: startWxagent(home, ['run', '--echo', '--pace', '0', '--no-typing']),
      samples: [],
    },
    bare: { bot: other, process: startBare(phones.baseUrl, [other]), samples: [] },
  };
  await measureRoundTrips(phones, Object.values(sides));

  const line = (name, share, atMost) =>
    figure({
      name,
      unit: 'ms',
      ours: percentile(sides.ours.samples, share),
      bare: percentile(sides.bare.samples, share),
      beside: 'poll, sendmessage',
      atMost,
    });
  return [line('echo round trip, p50', 0.5, 1.5), line('echo round trip, p95', 0.95, null)];
}
