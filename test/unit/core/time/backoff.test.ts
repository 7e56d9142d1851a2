import { expect, test } from 'vitest';
import {
  emptyPollDelayMs,
  pollFailureDelayMs,
  resendDelayMs,
  restartDelayMs,
  retryAfterOf,
  shortageDelayMs,
  startPauseMs,
  throttleDelayMs,
  turnRetryDelayMs,
} from '../../../../src/core/time/backoff.ts';

const all = (delay: (n: number) => number) => [1, 2, 3, 4, 5, 6, 7, 8].map(delay);

test.each([
  ['a poll', pollFailureDelayMs, [2_000, 2_000, 30_000, 30_000, 30_000, 30_000, 30_000, 30_000]],
  ['a request', resendDelayMs, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]],
  ['a process', restartDelayMs, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]],
  [
    'a turn that this machine was short of something for',
    shortageDelayMs,
    [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000, 600_000],
  ],
] as const)('%s that failed is tried again after anything up to a bound that grows', (_, delay, mostMs) => {
  expect(all((n) => delay(n, () => 1))).toEqual(mostMs);
  expect(all((n) => delay(n, () => 0))).toEqual(mostMs.map(() => 0));
  expect(all((n) => delay(n, () => 0.5))).toEqual(mostMs.map((ms) => ms / 2));
});

test('after an empty answer that came at once: a pause that grows, half of it left to chance', () => {
  const mostMs = [50, 100, 200, 400, 800, 1_600, 2_000, 2_000];
  expect(all((n) => emptyPollDelayMs(n, () => 1))).toEqual(mostMs);
  expect(all((n) => emptyPollDelayMs(n, () => 0))).toEqual(mostMs.map((ms) => ms / 2));
});

test('a hundred accounts start at once, and each of the others after a pause', () => {
  expect([1, 100].map((n) => startPauseMs(n, () => 1))).toEqual([0, 0]);
  expect([101, 1_000].map((n) => startPauseMs(n, () => 1))).toEqual([20, 20]);
});

test('what users are promised, and what the server punishes, has no jitter', () => {
  expect(all(turnRetryDelayMs).slice(0, 4)).toEqual([5_000, 30_000, 120_000, 120_000]);
  expect(all(throttleDelayMs)).toEqual(
    [30, 60, 120, 240, 480, 960, 1_800, 1_800].map((seconds) => seconds * 1_000),
  );
});

test('a wait that an agent asks for is a number from 0 to 24 hours', () => {
  expect([0, 0.4, 5_000.6, 86_400_000].map(retryAfterOf)).toEqual([0, 0, 5_001, 86_400_000]);
  expect([-1, 86_400_001, Number.NaN, Infinity, '5', null].map(retryAfterOf)).toEqual(Array(6).fill(null));
});
