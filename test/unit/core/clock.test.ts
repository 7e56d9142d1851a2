import { expect, test } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';

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
