/** Cold starts beside `node -e 0`: until the exit, and for `run` until its first poll is at the server. */
import { figure, median } from '../figures.mjs';
import { createHome, startWxagent, timeOf, timeOfWxagent } from '../sides/sides.mjs';

const ROUNDS = 21;

export async function measureStartUp({ phones, folder }) {
  const [bot, other] = await phones.call('bots', { count: 2, label: 'start' });
  const home = createHome(folder, 'start', phones.baseUrl, [bot]);
  // `send` beside a runner stores the text and returns; the runner holds it, for this user has never written.
  const sendHome = createHome(folder, 'start-send', phones.baseUrl, [other]);
  const runner = startWxagent(sendHome, ['run', '--echo']);
  await phones.call('polled', { bots: [other.id] });

  const samples = { node: [], version: [], run: [], send: [] };
  const measures = {
    node: () => timeOf(['-e', '0']),
    version: () => timeOfWxagent(home, ['--version']),
    run: () => firstPollMs(phones, home),
    send: () => timeOfWxagent(sendHome, ['send', '--wait', '0', 'hello'], [75]),
  };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, measure] of Object.entries(measures)) {
      const tookMs = await measure();
      // The first round warms the disk cache.
      if (round > 0) samples[name].push(tookMs);
    }
  }
  await runner.stop();

  const line = (name, of, atMost) =>
    figure({
      name,
      unit: 'ms',
      ours: median(samples[of]),
      bare: median(samples.node),
      beside: 'node -e 0',
      atMost,
    });
  return [
    line('wxagent --version', 'version', 1.8),
    line('run --echo, to its first poll', 'run', process.versions.node.startsWith('20.') ? 2.3 : 2),
    line('send --wait 0, stored', 'send', 2.5),
  ];
}

/** Milliseconds from the start of `run --echo` to its first poll, with more flags. */
export async function firstPollMs(phones, home, flags = []) {
  const polled = phones.call('nextPoll');
  const startedMs = Date.now();
  const runner = startWxagent(home, ['run', '--echo', ...flags]);
  const arrivedMs = await polled;
  await runner.stop();
  return arrivedMs - startedMs;
}
