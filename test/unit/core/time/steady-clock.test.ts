import { expect, test } from 'vitest';
import type { Clock } from '../../../../src/core/time/clock.ts';
import { createSteadyClock } from '../../../../src/core/time/steady-clock.ts';

const START_MS = 1_795_000_000_000;
const HOUR_MS = 3_600_000;

/** A clock that is moved by hand: how much time has passed, and how far the wall clock is off. */
function createHands(): Clock & { passedMs: number; offMs: number } {
  const hands = {
    passedMs: 0,
    offMs: 0,
    now: () => START_MS + hands.passedMs + hands.offMs,
    monotonic: () => hands.passedMs,
    async sleep() {},
  };
  return hands;
}

test.each([
  ['back', -24 * HOUR_MS],
  ['forward', 24 * HOUR_MS],
])('a wall clock set %s by a day: ages go on as they were', (_, offMs) => {
  const hands = createHands();
  const watch = createSteadyClock(hands);
  hands.passedMs = HOUR_MS;
  hands.offMs = offMs;
  expect([watch.now(), watch.haveJumped()]).toEqual([START_MS + HOUR_MS, true]);
  hands.offMs = 0;
  expect([watch.now(), watch.haveJumped()]).toEqual([START_MS + HOUR_MS, false]);
});

test('what it drifts is followed, and after an hour a jump is the time', () => {
  const hands = createHands();
  const watch = createSteadyClock(hands);
  hands.offMs = 5_000;
  expect(watch.now()).toBe(START_MS + 5_000);
  hands.offMs = 8 * HOUR_MS;
  expect(watch.now()).toBe(START_MS);
  hands.passedMs = HOUR_MS + 1_000;
  expect(watch.now()).toBe(hands.now());
});

test.each([
  ['ahead', 25 * HOUR_MS],
  ['behind', -10 * 24 * HOUR_MS],
])(
  'a wall clock that is %s when it starts: what the server says counts, for as long as it is wrong',
  (_, offMs) => {
    const hands = createHands();
    hands.offMs = offMs;
    const clock = createSteadyClock(hands);
    expect(clock.now()).toBe(START_MS + offMs);
    expect(clock.learnServerTime(START_MS)).toBe(offMs);
    hands.passedMs = 5 * HOUR_MS;
    expect([clock.now(), clock.serverNow(), clock.isUnsure()]).toEqual([
      START_MS + 5 * HOUR_MS,
      START_MS + 5 * HOUR_MS,
      false,
    ]);
    // It is put right.
    hands.offMs = 0;
    expect([clock.now(), clock.learnServerTime(hands.now())]).toEqual([hands.now(), 0]);
  },
);

test('a jump is no doubt once a server has said what time it is; files have their own', () => {
  const hands = createHands();
  const clock = createSteadyClock(hands);
  clock.learnServerTime(START_MS);
  hands.passedMs = 1_000;
  hands.offMs = 48 * HOUR_MS;
  const trueMs = START_MS + 1_000;
  expect([clock.isUnsure(), clock.haveJumped(), clock.now()]).toEqual([true, true, trueMs]);
  clock.learnServerTime(trueMs);
  expect([clock.isUnsure(), clock.haveJumped(), clock.now()]).toEqual([false, true, trueMs]);
  expect(clock.wall()).toBe(hands.now());
});

test('a machine that slept: what its server said before is forgotten after an hour, or heard anew', () => {
  const hands = createHands();
  const clock = createSteadyClock(hands);
  clock.learnServerTime(START_MS);
  hands.passedMs = 1_000;
  hands.offMs = 48 * HOUR_MS;
  expect(clock.now()).toBe(START_MS + 1_000);
  hands.passedMs = HOUR_MS + 3_000;
  expect(clock.now()).toBe(hands.now());
});

test('seconds are the business of the wall clock', () => {
  const hands = createHands();
  const clock = createSteadyClock(hands);
  expect(clock.learnServerTime(START_MS - 50 * 60_000)).toBe(0);
  expect(clock.now()).toBe(START_MS);
});
