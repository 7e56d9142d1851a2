import { expect, test } from 'vitest';
import type { Clock } from '../../../../src/core/time/clock.ts';
import { createSteadyClock } from '../../../../src/core/time/steady-clock.ts';
import { createSweeps } from '../../../../src/runner/upkeep/sweeps.ts';
import type { Retention } from '../../../../src/store/port/port.ts';

const DAY_MS = 86_400_000;

const START_MS = 3_000;
const fail = (error: unknown): never => {
  throw error;
};

/** Sweeps until the clock has slept `rounds` times after the start; before each sleep the wall clock is set by `shiftOf`. */
async function sweepsWhile(
  rounds: number,
  shiftOf: (round: number) => number,
  more = false,
  accounts = ['a'],
) {
  const stop = new AbortController();
  let ms = 0;
  let shiftMs = 0;
  const slept: number[] = [];
  let isStarted = false;
  const clock: Clock = {
    now: () => 1_795_000_000_000 + ms + shiftMs,
    monotonic: () => ms,
    async sleep(forMs) {
      ms += forMs;
      if (!isStarted) {
        expect(forMs).toBe(START_MS);
        isStarted = true;
        if (rounds === 0) stop.abort();
        return;
      }
      slept.push(forMs);
      shiftMs = shiftOf(slept.length);
      if (slept.length === rounds) stop.abort();
    },
  };
  const swept: Retention[] = [];
  let files = 0;
  let reserves = 0;
  const admin = {
    async keepReserve() {
      reserves++;
    },
    async sweep(retention: Retention) {
      swept.push(retention);
      return more;
    },
  };
  const outgoing = {
    async sweep() {
      files++;
    },
  };
  let caches = 0;
  const attachments = {
    async sweep() {
      caches++;
    },
  };
  const store = { admin } as unknown as Parameters<typeof createSweeps>[0];
  const sweep = createSweeps(store, createSteadyClock(clock));
  const one = { outgoing, attachments, holdMaxMs: DAY_MS / 2, onError: fail };
  await Promise.all(accounts.map((account) => sweep({ account, ...one }, stop.signal)));
  return { swept, slept, files, caches, reserves };
}

test('every minute; sooner while there is more to do', async () => {
  const calm = await sweepsWhile(3, () => 0);
  expect(calm.slept).toEqual([60_000, 60_000, 60_000]);
  expect(calm.swept).toHaveLength(3);
  const busy = await sweepsWhile(3, () => 0, true);
  expect(Math.max(...busy.slept)).toBeLessThan(1_000);
  expect(Math.min(...busy.slept)).toBeGreaterThan(0);
});

test('a run that ends before has swept once all the same, and needs no reserve', async () => {
  const { swept, slept, files, caches, reserves } = await sweepsWhile(0, () => 0);
  expect([swept.length, files, caches, slept.length, reserves]).toEqual([1, 1, 1, 0, 0]);
  expect((await sweepsWhile(2, () => 0)).reserves).toBe(1);
});

test('files at once, then every ten minutes', async () => {
  for (const [rounds, sweeps] of [
    [1, 1],
    [10, 1],
    [21, 3],
  ] as const) {
    const { caches, files } = await sweepsWhile(rounds, () => 0);
    expect([caches, files]).toEqual([sweeps, sweeps]);
  }
});

test.each([
  ['back', -DAY_MS],
  ['forward', DAY_MS],
])(
  'a clock set %s by a day: nothing expires until it is right again, and nothing spins',
  async (_, shiftMs) => {
    const { swept, slept } = await sweepsWhile(6, (round) => (round >= 2 && round < 5 ? shiftMs : 0));
    // Rounds 3, 4 and 5 saw the wrong time.
    expect(swept).toHaveLength(3);
    const times = swept.map(({ nowMs }) => nowMs - 1_795_000_000_000 - START_MS);
    expect(times).toEqual([0, 60_000, 300_000]);
    expect(slept).toEqual(Array(6).fill(60_000));
  },
);

test('a clock that drifts by less than an hour changes nothing', async () => {
  const { swept } = await sweepsWhile(3, () => 59 * 60_000);
  expect(swept).toHaveLength(3);
});

test('a clock that stays where it jumped to is right after an hour: a laptop has slept', async () => {
  const { swept } = await sweepsWhile(70, (round) => (round >= 1 ? 3 * 3_600_000 : 0));
  // The first sweep saw the old time; those of the hour after the jump were left out.
  expect(swept.length).toBeGreaterThan(1);
  expect(swept.length).toBeLessThan(12);
});

test('forty accounts are swept in two steps of a round, by one timer', async () => {
  const accounts = Array.from({ length: 40 }, (_, n) => `bot ${n}`);
  const { swept, slept, files, reserves } = await sweepsWhile(2, () => 0, false, accounts);
  expect(slept).toEqual([60_000, 60_000]);
  expect(swept.flatMap(({ accounts }) => accounts)).toEqual([...accounts, ...accounts]);
  expect([swept.length, files, reserves]).toEqual([4, 40, 1]);
  const short = await sweepsWhile(0, () => 0, false, accounts);
  expect(short.swept.flatMap(({ accounts }) => accounts).sort()).toEqual([...accounts].sort());
});
