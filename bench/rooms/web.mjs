/** What the web server costs a runner: `run --web`, with a page's requests behind it, beside `run`. */
import { setTimeout as delay } from 'node:timers/promises';
import { figure, median } from '../figures.mjs';
import { residentMiB } from '../sides/processes.mjs';
import { createHome, outputOfWxagent, startWxagent, webUrlOf } from '../sides/sides.mjs';
import { AT_ONCE, oneBot, RUN, rateOf } from './backlog.mjs';
import { COPROCESS } from './coprocess.mjs';
import { measureRoundTrips, sampleRoundTrips } from './echo.mjs';
import { firstPollMs } from './start-up.mjs';

const STARTS = 21;
const BACKLOGS = 15;
const REQUESTS = 300;
const SETTLE_MS = 4_000;
/** What it may add to the resident memory. */
const MOST_MIB = 25;
const WEB = ['--web', '127.0.0.1:0'];
/** With it and without, in turn. */
const SIDES = [WEB, []];

export async function measureWeb({ phones, folder }) {
  return [
    await measureStart({ phones, folder }),
    await measureCoprocess({ phones, folder }),
    await measureBacklog({ phones, folder }),
    ...(await measureWatched({ phones, folder })),
  ];
}

async function measureStart({ phones, folder }) {
  const [bot] = await phones.call('bots', { count: 1, label: 'web-start' });
  const home = createHome(folder, 'web-start', phones.baseUrl, [bot]);
  const samples = await inTurn(STARTS, (web) => firstPollMs(phones, home, web));
  return lineOf('run --echo --web, to its first poll', samples.map(median));
}

async function measureCoprocess({ phones, folder }) {
  const sides = await pairOf({ phones, folder }, 'web-coprocess', ['--coprocess', COPROCESS]);
  await measureRoundTrips(phones, sides);
  return lineOf('coprocess echo with --web, p50', sides.map(medianOf));
}

async function measureBacklog({ phones, folder }) {
  const rates = await inTurn(BACKLOGS, (web, round) =>
    rateOf(phones, `web-backlog-${web.length}-${round}`, oneBot, (label, bots) =>
      startWxagent(createHome(folder, label, phones.baseUrl, bots), [...RUN, ...AT_ONCE, ...web]),
    ),
  );
  const [ours, bare] = rates.map(median);
  const line = { name: '2,000 waiting, with --web', unit: 'messages/s', beside: 'run without --web' };
  return figure({ ...line, ours, bare, atLeast: 0.95 });
}

/** The echo with nobody at the page and with somebody, and the memory. */
async function measureWatched({ phones, folder }) {
  const [served, bare] = await pairOf({ phones, folder }, 'web', ['--echo']);
  await phones.call('polled', { bots: [served.bot.id, bare.bot.id] });
  const url = await webUrlOf(served.home);
  const { token } = JSON.parse(
    outputOfWxagent(served.home, ['token', 'add', 'bench', '--scope', 'read', '--json']),
  );
  const headers = { authorization: `Bearer ${token}` };
  await sampleRoundTrips(phones, [served, bare]);
  const unwatched = [served, bare].map(medianOf);
  for (const side of [served, bare]) side.samples = [];
  const events = await fetch(`${url}/api/v1/events`, { headers });
  // The stream of events stays open meanwhile.
  await sampleRoundTrips(phones, [served, bare]);
  const took = [];
  for (let request = 0; request < REQUESTS; request++) {
    const startedMs = performance.now();
    await (await fetch(`${url}/api/v1/accounts/${served.bot.id}/messages`, { headers })).arrayBuffer();
    took.push(performance.now() - startedMs);
  }
  await delay(SETTLE_MS);
  const [more, less] = [residentMiB(served.process.pid), residentMiB(bare.process.pid)];
  await events.body.cancel();
  await Promise.all([served, bare].map(({ process }) => process.stop()));
  return [
    lineOf('echo with --web, p50', unwatched),
    lineOf('the same, a stream of events open', [served, bare].map(medianOf)),
    figure({
      name: `RSS that --web adds, after ${REQUESTS} requests`,
      unit: 'MiB',
      ours: more - less,
      bare: MOST_MIB,
      beside: 'at most',
      atMost: 1,
    }),
    figure({
      name: 'a list of messages, p50',
      unit: 'ms',
      ours: median(took),
      bare: medianOf(bare),
      beside: 'an echo',
    }),
  ];
}

/** Two runners of a bot each, one of them with `--web`. */
async function pairOf({ phones, folder }, label, agent) {
  const bots = await phones.call('bots', { count: SIDES.length, label });
  return SIDES.map((web, index) => {
    const home = createHome(folder, `${label}-${index}`, phones.baseUrl, [bots[index]]);
    const args = ['run', ...agent, '--pace', '0', '--no-typing', ...web];
    return { bot: bots[index], home, process: startWxagent(home, args), samples: [] };
  });
}

/** The samples of both sides; the first round warms the disk cache. */
async function inTurn(rounds, measure) {
  const samples = SIDES.map(() => []);
  for (let round = 0; round <= rounds; round++)
    for (const [index, web] of SIDES.entries()) {
      const sample = await measure(web, round);
      if (round > 0) samples[index].push(sample);
    }
  return samples;
}

function medianOf({ samples }) {
  return median(samples);
}

function lineOf(name, [ours, bare]) {
  return figure({ name, unit: 'ms', ours, bare, beside: 'run without --web', atMost: 1.05 });
}
