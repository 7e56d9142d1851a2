/**
 * A spawned turn: from the user's message to the answer on the phone, with commits and folders, beside the bare
 * loop with a bare `sh -c cat` between its two requests; and the agent alone beside `sh -c cat` alone.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { figure, median } from '../figures.mjs';
import { catThrough } from '../sides/bare-spawn.mjs';
import { createHome, startBare, startWxagent } from '../sides/sides.mjs';

const WARM_UP = 10;
const ROUNDS = 150;
const PAUSE_MS = 5;
const TEXT = 'what the user wrote';

export async function measureSpawned({ phones, folder }) {
  const [mine, other] = await phones.call('bots', { count: 2, label: 'spawned' });
  const home = createHome(folder, 'spawned', phones.baseUrl, [mine]);
  const processes = [
    startWxagent(home, ['run', '--exec', 'cat', '--pace', '0', '--no-typing']),
    startBare(phones.baseUrl, [other], { spawns: true }),
  ];
  await phones.call('polled', { bots: [mine.id, other.id] });
  const agent = await commandAgent(folder);

  const roundTrip = async (bot) =>
    (await phones.call('roundTrips', { bot: bot.id, user: bot.user, count: 1, pauseMs: PAUSE_MS }))[0];
  const measures = {
    turn: () => roundTrip(mine),
    bareTurn: () => roundTrip(other),
    agent: () => timed(agent),
    bareSpawn: () => timed(() => catThrough(TEXT)),
  };
  const samples = Object.fromEntries(Object.keys(measures).map((name) => [name, []]));
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [name, measure] of Object.entries(measures)) {
      const tookMs = await measure();
      if (round >= 0) samples[name].push(tookMs);
    }
  }
  for (const process of processes) await process.stop();

  const line = (name, ours, bare, beside, atMost) =>
    figure({ name, unit: 'ms', ours: median(samples[ours]), bare: median(samples[bare]), beside, atMost });
  return [
    line('run --exec cat, message to phone, p50', 'turn', 'bareTurn', 'poll, sh -c cat, sendmessage', 1.8),
    line('its agent alone, p50', 'agent', 'bareSpawn', 'sh -c cat', 1.3),
  ];
}

async function timed(work) {
  const startedMs = performance.now();
  await work();
  return performance.now() - startedMs;
}

/** The agent of `run --exec cat` from a build of its own: the program has no door to it alone. */
async function commandAgent(folder) {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const built = join(folder.path, 'agent');
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs'), built, 'src/agents/command/agent.ts'], {
    cwd: root,
  });
  const { createCommandAgent } = await import(pathToFileURL(join(built, 'agent.js')).href);
  const silent = { debug() {}, info() {}, warn() {}, error() {}, showsText: false };
  const agent = createCommandAgent({
    command: { shell: 'cat' },
    input: 'text',
    cwd: folder.path,
    parentEnv: process.env,
    constants: { home: null, baseUrl: null, cdnUrl: null, bin: 'wxagent', version: '0.0.0' },
    log: silent,
  });
  const folders = Object.fromEntries(
    ['media', 'reply', 'state'].map((name) => [name, join(folder.path, 'turn', name)]),
  );
  for (const path of Object.values(folders)) mkdirSync(path, { recursive: true });
  const turn = {
    id: '1',
    account: 'bench@im.bot',
    accountName: null,
    user: 'bench@im.wechat',
    sessionId: 'bench',
    turn: 1,
    timeMs: Date.now(),
    kind: 'text',
    text: TEXT,
    attachments: [],
    quote: null,
    attempt: 1,
  };
  const context = {
    signal: new AbortController().signal,
    folders: () => folders,
    timeoutMs: 60_000,
    folderPaths: () => folders,
    async emit() {},
    alive() {},
  };
  return async () => {
    const outcome = await agent.answer(turn, context);
    if (outcome.kind !== 'reply') throw new Error(`the agent did not answer: ${JSON.stringify(outcome)}`);
  };
}
