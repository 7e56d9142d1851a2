import { afterEach, expect, test, vi } from 'vitest';
import { after, systemClock } from '../../../../src/core/time/clock.ts';

test('any number of sleeps may wait for one signal', async () => {
  const warnings: string[] = [];
  const keep = (warning: Error): void => void warnings.push(warning.name);
  process.on('warning', keep);
  const stop = new AbortController();
  const sleeps = Array.from({ length: 20 }, () => systemClock.sleep(60_000, stop.signal));
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await Promise.all(sleeps);
  process.off('warning', keep);
  expect(warnings).toEqual([]);
});

test('an aborted signal, or no time at all, ends a sleep at once', async () => {
  await systemClock.sleep(60_000, AbortSignal.abort());
  await systemClock.sleep(0);
});

const DAY_MS = 86_400_000;
afterEach(() => void vi.useRealTimers());

test.each([1, 30 * DAY_MS, 36_500 * DAY_MS, Number.POSITIVE_INFINITY])(
  'a wait of %d ms ends after that time, not before, whatever the timers of Node can hold',
  async (ms) => {
    const mayEnd = Number.isFinite(ms);
    const stop = new AbortController();
    const called: number[] = [];
    // In one turn of the event loop: a loop of another file of this process would else have a timer here, and never end.
    vi.useFakeTimers();
    const slept = systemClock.sleep(ms, stop.signal);
    const callOff = after(ms, () => called.push(ms));
    vi.advanceTimersByTime(Math.min(ms, 36_500 * DAY_MS) - 1);
    expect([called, vi.getTimerCount()]).toEqual([[], 2]);
    vi.advanceTimersByTime(1);
    expect([called, vi.getTimerCount()]).toEqual(mayEnd ? [[ms], 0] : [[], 2]);
    stop.abort();
    callOff();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    await slept;
  },
);

test('a wait that is no time ends at once', async () => {
  for (const ms of [Number.NaN, -1, Number.NEGATIVE_INFINITY]) await systemClock.sleep(ms);
});
