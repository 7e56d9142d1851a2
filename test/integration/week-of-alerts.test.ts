import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../src/core/time/clock.ts';
import { createSteadyClock } from '../../src/core/time/steady-clock.ts';
import type { PartState } from '../../src/store/port/port.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { loggedIn, simulate } from '../helpers/simulated.ts';
import { HOUR_MS } from '../helpers/wall-clock.ts';
import type { Running } from '../helpers/wxagent.ts';

const STEP_MS = 2 * HOUR_MS;
const STEPS_A_DAY = 12;

/** What happens at a step, beside its alerts. */
type Happening =
  | 'the user writes'
  | 'the account goes deaf'
  | 'the account hears again'
  | 'the login dies'
  | 'somebody logs in'
  | 'the runner starts anew';

interface Week {
  /** How many alerts come at each step. */
  alerts: number[];
  happenings: { step: number; what: Happening }[];
}

/** A random week: alerts by day, quiet nights, a burst, a user who writes twice a day, and never on one day. */
const weeks: fc.Arbitrary<Week> = fc
  .record({
    days: fc.integer({ min: 3, max: 7 }),
    burst: fc.record({ at: fc.nat(1_000), size: fc.integer({ min: 12, max: 40 }) }),
    silentDay: fc.nat(6),
    writes: fc.array(fc.tuple(fc.integer({ min: 4, max: 11 }), fc.integer({ min: 4, max: 11 })), {
      minLength: 7,
      maxLength: 7,
    }),
    deaf: fc.tuple(fc.nat(1_000), fc.integer({ min: 1, max: 8 })),
    dead: fc.tuple(fc.nat(1_000), fc.integer({ min: 1, max: 8 })),
    restarts: fc.array(fc.nat(1_000), { maxLength: 2 }),
  })
  .map(({ days, burst, silentDay, writes, deaf, dead, restarts }) => {
    const steps = days * STEPS_A_DAY;
    const alerts: number[] = Array.from({ length: steps }, (_, step) => (step % STEPS_A_DAY < 4 ? 0 : 1));
    alerts[burst.at % steps] = burst.size;
    const happenings: Week['happenings'] = [];
    for (let day = 0; day < days; day++) {
      if (day === silentDay) continue;
      for (const hour of writes[day] ?? [])
        happenings.push({ step: day * STEPS_A_DAY + hour, what: 'the user writes' });
    }
    const between = ([at, long]: [number, number], begins: Happening, ends: Happening): void => {
      const step = at % steps;
      happenings.push({ step, what: begins }, { step: Math.min(step + long, steps - 1), what: ends });
    };
    between(deaf, 'the account goes deaf', 'the account hears again');
    between(dead, 'the login dies', 'somebody logs in');
    for (const at of restarts) happenings.push({ step: at % steps, what: 'the runner starts anew' });
    return { alerts, happenings };
  });

/** A clock that goes on by itself, and that a test moves on: whoever sleeps then wakes in time. */
function createWeekClock(): Clock & { advance(ms: number): void } {
  let aheadMs = 0;
  const sleepers = new Set<() => void>();
  const monotonic = (): number => systemClock.monotonic() + aheadMs;
  return {
    now: () => systemClock.now() + aheadMs,
    monotonic,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const untilMs = monotonic() + ms;
        const wake = (): void => {
          if (!signal?.aborted && monotonic() < untilMs) return;
          clearTimeout(timer);
          sleepers.delete(wake);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const timer = setTimeout(() => {
          sleepers.delete(wake);
          signal?.removeEventListener('abort', wake);
          resolve();
        }, ms);
        sleepers.add(wake);
        signal?.addEventListener('abort', wake);
        wake();
      }),
    advance(ms) {
      aheadMs += ms;
      for (const wake of [...sleepers]) wake();
    },
  };
}

test('a week of alerts: each is on the phone or was told another way, exactly once, and accounted for in the store', async () => {
  await fc.assert(fc.asyncProperty(weeks, live), { numRuns: 2, endOnFailure: true });
});

async function live({ alerts, happenings }: Week): Promise<void> {
  const clock = createWeekClock();
  const simulator = await simulate({ holdMs: 100 });
  const { home, id: key, user } = loggedIn(simulator);
  writeFileSync(join(home, 'tell.sh'), 'cat "$1" >part.$$; mv part.$$ "told.$(basename "$(dirname "$1")")"');
  const start = (): Running =>
    startHere(
      [
        ...['run', '--echo', '--wait-login', '--pace', '0', '--no-typing', '--keep-window'],
        ...['--quiet-hours', '23:00-07:00', '--on', 'undelivered=sh ./tell.sh', '--within', '10m'],
      ],
      { home, clock, env: { WXAGENT_LOG: 'error' } },
    );
  let run = start();
  let isDead = false;
  simulator.control.message({ text: 'hello' });
  await pollUntil('it runs', () => simulator.control.phone().shown.length === 2);
  const store = openStore({
    path: join(home, 'wx', 'state', 'wxagent.db'),
    reserve: join(home, 'wx', 'state', 'reserve'),
    clock: createSteadyClock(clock),
    claimant: { id: 'test', isAlive: () => true },
    wait: null,
  });
  const sent: string[] = [];

  async function send(): Promise<void> {
    const text = `alert-${sent.length + 1}`;
    sent.push(text);
    await store.outbox.enqueue({
      ...{ account: key, user, message: null, id: text, key: null, expiresAtMs: null, nowMs: clock.now() },
      parts: [{ clientId: `client-${text}`, origin: 'send', runId: text, text, file: null }],
    });
  }

  async function happen(what: Happening): Promise<void> {
    switch (what) {
      case 'the user writes':
        simulator.control.message({ text: 'a word' });
        return;
      case 'the account goes deaf':
        simulator.control.changeSettings({ sendAnswer: 'ret' });
        simulator.control.addFault({ endpoint: 'sendmessage', kind: 'drop' });
        return;
      case 'the account hears again':
        simulator.control.changeSettings({ sendAnswer: 'number' });
        simulator.control.clearFaults();
        return;
      case 'the login dies':
        if (!isDead) simulator.control.kill();
        isDead = true;
        return;
      case 'somebody logs in':
        if (isDead)
          expect((await runHere(['login', '--force', '--base-url', simulator.baseUrl], { home })).code).toBe(
            0,
          );
        isDead = false;
        return;
      case 'the runner starts anew':
        // A run whose login is dead would end at once.
        if (isDead) return;
        await run.stop();
        run = start();
    }
  }

  /** The state of each alert; of one that went in another text, the state of that. */
  async function states(): Promise<PartState[]> {
    const found: PartState[] = [];
    for (const text of sent) {
      const request = { account: key, user, message: null, key: null, expiresAtMs: null, nowMs: clock.now() };
      let [part] = await store.outbox.enqueue({ ...request, id: text, parts: [] });
      while (part?.mergedInto) [part] = await store.outbox.parts([part.mergedInto]);
      if (part) found.push(part.state);
    }
    return found;
  }

  /** The bot polls, and all that was written to it before is stored: it polls again only then. */
  function hasHeard(): boolean {
    const bot = simulator.control.bots().at(-1);
    return bot?.live === true && bot.waiting === 0 && bot.polls === 1;
  }

  /** Waits until every alert is in one of these states. */
  async function are(what: string, isFine: (state: PartState) => boolean): Promise<void> {
    let last: PartState[] = [];
    let isLooking = false;
    await pollUntil(what, () => {
      if (!isLooking) {
        isLooking = true;
        void states().then((now) => {
          last = now;
          isLooking = false;
        });
      }
      return last.length === sent.length && last.every(isFine);
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last)}\n${run.stderr}`);
    });
  }
  const settled = () =>
    are('nothing is on its way', (state) => state !== 'sending' && (isDead || state !== 'queued'));
  const allFinal = () =>
    are('everything has a verdict', (state) => state === 'confirmed' || state === 'fallback');

  for (const [step, count] of alerts.entries()) {
    for (const { what } of happenings.filter((one) => one.step === step)) await happen(what);
    if (!isDead) await pollUntil('it has heard everything', hasHeard);
    for (let n = 0; n < count; n++) await send();
    // No request takes two hours: what is on its way arrives first.
    if (count > 0) await settled();
    simulator.control.advance(STEP_MS);
    clock.advance(STEP_MS);
    if (count > 0) await allFinal();
  }
  expect(await states()).toHaveLength(sent.length);
  await run.stop();
  await store.close();

  const shown = simulator.control
    .phone()
    .shown.filter(({ from }) => from === 'bot')
    .map(({ text }) => text);
  const told = readdirSync(home)
    .filter((name) => name.startsWith('told.'))
    .map((name) => readFileSync(join(home, name), 'utf8'));
  // A text that was held once comes with its time, or with others.
  const words = [...shown, ...told].join('\n').match(/alert-\d+/g) ?? [];
  expect(words.sort()).toEqual([...sent].sort());
}
