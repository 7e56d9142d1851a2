import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { parseDurationMs } from '../../src/core/units.ts';
import { runHere } from './in-this-process.ts';
import { pollUntil } from './poll-until.ts';
import { simulate } from './simulated.ts';
import { HOUR_MS } from './wall-clock.ts';
import { createWeekClock } from './week-clock.ts';
import type { Happening, WeekAlert, WeekPlan, WeekStep } from './week-plan.ts';
import { readWeekStore, type StoredPart } from './week-store.ts';
import { makeFolder, startWxagent, type Wxagent } from './wxagent.ts';

/** What the command was given: a text, or word of an account that has gone deaf. */
export interface Told {
  about: 'message' | 'account';
  text: string;
  parts: string[];
  attempt: number;
}

/** What has come of a week, by those who have seen it. */
export interface WeekRecord {
  plan: WeekPlan;
  /** Each alert: the verdict that its program was told, and whether it had to push it twice. */
  alerts: (WeekAlert & { id: string; verdict: string; isRepeated: boolean })[];
  /** What the phone shows that no agent and no keeper has said. */
  shown: string[];
  told: Told[];
  parts: StoredPart[];
  /** Parts of which a killed runner was doing something. */
  torn: Set<number>;
}

/** Where the week takes place. */
export interface WeekPlace {
  /** The environment of the store. */
  env: Record<string, string>;
  runners: number;
  /** The program: see `test/fixtures/week-process.ts`. */
  program: string;
}

/** A runner with its web server, where alerts are pushed. */
interface WeekRunner {
  run: Wxagent;
  url: string;
}

/** So many rounds of the user writing and time passing until nothing may wait any more. */
const MOST_ROUNDS = 60;
/** Pushes at a time. */
const AT_ONCE = 8;

/** Lives through a week, to its end. */
export async function liveWeek(
  plan: WeekPlan,
  { env, runners: many, program }: WeekPlace,
): Promise<WeekRecord> {
  const clock = createWeekClock();
  const morning = new Date(clock.now() + 24 * HOUR_MS).setHours(8, 0, 0, 0);
  clock.advance(morning - clock.now());
  const simulator = await simulate({ holdMs: 100, dateOffsetMs: null });
  simulator.control.advance(clock.aheadMs);
  const home = makeFolder();
  const here = (...args: string[]) => runHere(args, { home, env, clock });
  const mailDown = join(home, 'mail-is-down');
  writeFileSync(
    join(home, 'tell.sh'),
    '[ -e mail-is-down ] && exit 1\nd=$(basename "$(dirname "$1")")\ncat >"part.$d" && mv "part.$d" "told.$d"\n',
  );
  expect((await here('login', '--base-url', simulator.baseUrl)).code).toBe(0);
  const tokens: string[] = [];
  for (const { name, options } of plan.sources) {
    const { code, stdout, stderr } = await here('source', 'add', name, ...options);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    tokens.push(stdout.trim());
  }

  async function start(): Promise<WeekRunner> {
    const fallback = ['--on', 'undelivered=sh ./tell.sh', '--within', plan.fallbackWithin ?? ''];
    const run = startWxagent(
      [
        ...['run', '--echo', '--wait-login', '--pace', '0', '--no-typing', '--keep-window'],
        ...['--quiet-hours', '23:00-07:00', '--web', '127.0.0.1:0'],
        ...(many > 1 ? ['--all-accounts'] : []),
        ...(plan.fallbackWithin === null ? [] : fallback),
      ],
      {
        home: many > 1 ? makeFolder() : home,
        cwd: home,
        input: 'open',
        env: { ...env, WEEK_AHEAD_MS: String(clock.aheadMs) },
        through: [process.execPath, program],
      },
    );
    await run.says('stderr', 'the API are at');
    return { run, url: /the API are at (\S+)/.exec(run.stderr)?.[1] as string };
  }

  const runners: WeekRunner[] = [];
  for (let n = 0; n < many; n++) runners.push(await start());
  const store = await readWeekStore(home, env.WXAGENT_STORE, clock);
  const withinMs = plan.fallbackWithin === null ? null : parseDurationMs(plan.fallbackWithin, '--within');
  const torn = new Set<number>();
  const killed = new Set<string>();
  const alerts: WeekRecord['alerts'] = [];
  let isDead = false;
  let isDeaf = false;

  async function advance(ms: number): Promise<void> {
    simulator.control.advance(ms);
    clock.advance(ms);
    for (const { run } of runners) run.child.stdin?.write(`${ms}\n`);
    for (const { run } of runners) await run.says('stdout', new RegExp(`^${clock.aheadMs}$`, 'm'));
  }

  /** Kills the runner that serves the account. */
  async function kill(): Promise<void> {
    const holder = await store.holder();
    const victim = runners.find(({ run }) => run.pid === holder?.pid) ?? (runners[0] as WeekRunner);
    const gone = once(victim.run.child, 'close');
    victim.run.signal('SIGKILL');
    await gone;
    runners.splice(runners.indexOf(victim), 1);
    if (holder) killed.add(holder.id);
    for (const { seq, state, teller } of await store.open(clock.now()))
      if (teller === victim.run.pid || (state === 'sending' && isDeaf)) torn.add(seq);
    runners.push(await start());
  }

  async function happen(what: Happening): Promise<void> {
    switch (what) {
      case 'the user writes':
        simulator.control.message({ text: 'a word' });
        return;
      case 'the account goes deaf':
        isDeaf = true;
        simulator.control.changeSettings({ sendAnswer: 'ret' });
        simulator.control.addFault({ endpoint: 'sendmessage', kind: 'drop' });
        return;
      case 'the account hears again':
        isDeaf = false;
        simulator.control.changeSettings({ sendAnswer: 'number' });
        simulator.control.clearFaults();
        return;
      case 'the login dies':
        if (!isDead) simulator.control.kill();
        isDead = true;
        return;
      case 'somebody logs in':
        if (isDead) expect((await here('login', '--force', '--base-url', simulator.baseUrl)).code).toBe(0);
        isDead = false;
        return;
      case 'the mail is down':
        writeFileSync(mailDown, '');
        return;
      case 'the mail is up':
        if (existsSync(mailDown)) rmSync(mailDown);
        return;
      case 'a runner is killed':
        return kill();
      case 'a runner starts anew': {
        const [first] = runners.splice(0, 1);
        expect((await first?.run.stop())?.code).toBe(0);
        runners.push(await start());
      }
    }
  }

  async function push(alert: WeekAlert, number: number): Promise<void> {
    const id = `alert-${number}`;
    const text = alert.isLong ? `${id} ${'long '.repeat(100)}` : id;
    for (let attempt = 1; ; attempt++) {
      const { url } = runners[number % runners.length] ?? {};
      const answer = await fetch(`${url}/push/${tokens[alert.source]}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text, id, key: alert.key, ttl: alert.ttl }),
      }).catch(() => null);
      if (answer?.status === 200) {
        const verdict = answer.headers.get('x-wxagent-verdict') as string;
        alerts.push({ ...alert, id, verdict, isRepeated: attempt > 1 });
        return;
      }
      if (answer && answer.status < 500) throw new Error(`${id}: ${answer.status} ${await answer.text()}`);
      if (attempt > 1_000) throw new Error(`${id} was never taken`);
      await delay(20);
    }
  }

  async function pushAll({ alerts: some, isCut }: WeekStep): Promise<void> {
    const left = [...some.entries()];
    const first = alerts.length;
    let killed: Promise<void> | null = null;
    const worker = async (): Promise<void> => {
      for (let next = left.shift(); next; next = left.shift()) {
        if (isCut && left.length <= some.length / 2) killed ??= kill();
        await push(next[1], first + next[0]);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await killed;
  }

  /**
   * Waits until nothing is on its way, nor about to be: no request and no command takes as long as a step. What a killed
   * runner has left is taken over when its time is over.
   */
  async function settle(): Promise<void> {
    const moving = async () =>
      (await store.open(clock.now())).filter(
        ({ state, isLate, teller }) =>
          runners.some(({ run }) => run.pid === teller) ||
          state === 'uploading' ||
          (['sending', 'queued'].includes(state) && !isLate && !isDead),
      );
    const told = () => runners.map(({ run }) => run.stderr.slice(-3_000)).join('\n---\n');
    let last = '';
    await pollUntil('nothing is on its way', async () => {
      const bot = simulator.control.bots().at(-1);
      const hasHeard = isDead || (bot?.live === true && bot.waiting === 0 && bot.polls === 1);
      const before = await moving();
      const isDue = await store.isDue(withinMs, killed);
      // What was due may have begun meanwhile.
      const after = await moving();
      last = JSON.stringify([hasHeard, isDue, before, after]);
      return hasHeard && !isDue && before.length + after.length === 0;
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${last}\n${told()}`);
    });
  }

  simulator.control.message({ text: 'hello' });
  await settle();
  for (const step of plan.steps) {
    for (const what of step.happenings) await happen(what);
    await settle();
    await pushAll(step);
    await settle();
    await advance(step.hours * HOUR_MS);
    await settle();
  }
  for (const what of ['the account hears again', 'somebody logs in', 'the mail is up'] as const)
    await happen(what);
  const drain = async (): Promise<void> => {
    for (let round = 0; (await store.open(clock.now())).length > 0; round++) {
      if (round > MOST_ROUNDS)
        throw new Error(`it waits for ever: ${JSON.stringify(await store.open(clock.now()))}`);
      await happen('the user writes');
      await settle();
      await advance(HOUR_MS);
      await settle();
    }
  };
  await drain();
  // What was only counted is told with the next text of its source.
  await pushAll({
    happenings: [],
    alerts: plan.sources.map((_, source) => ({ source })),
    isCut: false,
    hours: 0,
  });
  await drain();
  expect(await store.uncounted()).toBe(0);
  for (const { run } of runners) expect((await run.stop()).code).toBe(0);
  return {
    ...{ plan, alerts, torn },
    shown: simulator.control
      .phone()
      .shown.filter(({ from }) => from === 'bot')
      .map(({ text }) => text),
    told: readdirSync(home)
      .filter((name) => name.startsWith('told.'))
      .map((name) => JSON.parse(readFileSync(join(home, name), 'utf8')) as Told)
      .filter(({ about }) => about === 'message'),
    parts: await store.parts(),
  };
}
