import { expect, test } from 'vitest';
import type { Clock } from '../../../src/core/clock.ts';
import { createClockWatch } from '../../../src/runner/clock-watch.ts';

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
  const watch = createClockWatch(hands);
  hands.passedMs = HOUR_MS;
  hands.offMs = offMs;
  expect([watch.steadyNow(), watch.haveJumped()]).toEqual([START_MS + HOUR_MS, true]);
  hands.offMs = 0;
  expect([watch.steadyNow(), watch.haveJumped()]).toEqual([START_MS + HOUR_MS, false]);
});

test('what it drifts is followed, and after an hour a jump is the time', () => {
  const hands = createHands();
  const watch = createClockWatch(hands);
  hands.offMs = 5_000;
  expect(watch.steadyNow()).toBe(START_MS + 5_000);
  hands.offMs = 8 * HOUR_MS;
  expect(watch.steadyNow()).toBe(START_MS);
  hands.passedMs = HOUR_MS + 1_000;
  expect(watch.steadyNow()).toBe(hands.now());
});
