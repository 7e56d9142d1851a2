/**
 * The other end, in a process of its own: the simulator with its limits off, and the users' phones.
 * Everything timed from a phone is timed here, so that both sides are seen by the same clock.
 * Calls come over the IPC channel: `{ id, name, input }`, answered by `{ id, result }` or `{ id, error }`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { startSimulator } from '../../dist/index.js';

/** What never happens ends a measurement. */
const LONGEST_WAIT_MS = 15 * 60_000;

const simulator = await startSimulator({
  seed: Number(process.argv[2]),
  strangers: true,
  burstLimit: 0,
  quota: 0,
  transcriptLimit: 0,
  requestLimit: 0,
});
const { control } = simulator;
let written = 0;

const CALLS = {
  baseUrl: () => simulator.baseUrl,

  /** Changes settings of the simulator. */
  settings: (patch) => control.changeSettings(patch),

  /** Bots of new users. */
  bots: ({ count, label }) =>
    Array.from({ length: count }, (_, n) => control.createBot(`${label}-${n}@im.wechat`)),

  /** Resolves when every one of these bots has had a poll waiting: of many, some are always between two of them. */
  async polled({ bots, pauseMs }) {
    const missing = new Set(bots);
    await until(() => {
      for (const { id, polls } of control.bots()) if (polls > 0) missing.delete(id);
      return missing.size === 0;
    }, pauseMs);
  },

  /** Resolves when none of them has one. */
  async unpolled({ bots }) {
    const wanted = new Set(bots);
    await until(() => control.bots().every((bot) => !wanted.has(bot.id) || bot.polls === 0));
  },

  /** Milliseconds from writing these messages to the last of their answers. */
  async through({ messages }) {
    let answers = 0;
    const done = new Promise((resolve) => {
      const stop = control.onShown(({ from }) => {
        if (from !== 'bot' || ++answers < messages.length) return;
        stop();
        resolve();
      });
    });
    const startedMs = performance.now();
    control.messages(messages);
    await done;
    return performance.now() - startedMs;
  },

  /** Resolves when everything that waits for this bot has been handed out, and it polls again. */
  async drained({ bot }) {
    await until(() => control.bots().some((one) => one.id === bot && one.waiting === 0 && one.polls > 0), 20);
  },

  /** The time (ms since 1970) at which the next poll reaches the server. */
  async nextPoll() {
    control.changeSettings({ requestLimit: 100 });
    const after = control.requests().at(-1)?.n ?? 0;
    const polls = () => control.requests({ endpoint: 'getupdates', after });
    await until(() => polls().length > 0);
    const { timeMs } = polls()[0];
    control.changeSettings({ requestLimit: 0 });
    return timeMs;
  },

  /**
   * Each of these users writes, and writes again when it has its answer: milliseconds from writing to the answer, for all
   * that came while it was measured.
   */
  async conversations({ users, warmUpMs, measureMs }) {
    const waiting = new Map();
    const samples = [];
    const fromMs = performance.now() + warmUpMs;
    const endMs = fromMs + measureMs;
    const write = (one) => {
      waiting.set(`${one.bot} ${one.user}`, { one, sinceMs: performance.now() });
      control.message({ ...one, text: `message ${++written}` });
    };
    await new Promise((resolve) => {
      const stop = control.onShown(({ from, bot, user }) => {
        const asked = from === 'bot' && waiting.get(`${bot} ${user}`);
        if (!asked) return;
        const nowMs = performance.now();
        waiting.delete(`${bot} ${user}`);
        if (nowMs >= fromMs && nowMs < endMs) samples.push(nowMs - asked.sinceMs);
        if (nowMs < endMs) setImmediate(write, asked.one);
        else if (waiting.size === 0) {
          stop();
          resolve();
        }
      });
      for (const one of users) write(one);
    });
    return samples;
  },

  /** Lets messages wait, before anybody polls for them. */
  write({ messages }) {
    control.messages(messages);
  },

  /** Milliseconds from the first poll from now on until `count` answers are on the phones. */
  async answered({ count }) {
    const handedOut = () => control.stats().counts.handedOut ?? 0;
    const before = handedOut();
    let startedMs = 0;
    let shown = 0;
    const done = new Promise((resolve) => {
      const stop = control.onShown(() => {
        if (++shown < count) return;
        stop();
        resolve();
      });
    });
    await until(() => handedOut() > before, 0);
    startedMs = performance.now();
    await done;
    return performance.now() - startedMs;
  },

  /** Milliseconds from writing to the answer on the phone, one message after the other. */
  async roundTrips({ bot, user, count, pauseMs }) {
    const samples = [];
    for (let n = 0; n < count; n++) {
      const answer = new Promise((resolve) => {
        const stop = control.onShown((shown) => {
          if (shown.from !== 'bot' || shown.user !== user) return;
          stop();
          resolve();
        });
      });
      const startedMs = performance.now();
      control.message({ user, bot, text: `message ${++written}` });
      await answer;
      samples.push(performance.now() - startedMs);
      await delay(pauseMs);
    }
    return samples;
  },
};

async function until(condition, pauseMs = 2) {
  const giveUpMs = performance.now() + LONGEST_WAIT_MS;
  while (!condition()) {
    if (performance.now() > giveUpMs) throw new Error(`never happened: ${condition}`);
    await delay(pauseMs);
  }
}

process.on('message', async ({ id, name, input }) => {
  try {
    process.send({ id, result: (await CALLS[name](input)) ?? null });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
process.on('disconnect', () => process.exit(0));
process.send({ id: 0, result: null });
