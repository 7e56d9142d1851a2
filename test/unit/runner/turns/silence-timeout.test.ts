import { afterEach, beforeEach, expect, test } from 'vitest';
import { type SilenceTimeout, startSilenceTimeout } from '../../../../src/runner/turns/silence-timeout.ts';
import { createStillClock, settle } from '../../../helpers/still-clock.ts';

let clock: ReturnType<typeof createStillClock>;
let stop: AbortController;
let watch: SilenceTimeout;
beforeEach(() => {
  clock = createStillClock();
  stop = new AbortController();
  watch = startSilenceTimeout(stop.signal, 100, clock);
});
afterEach(() => watch.end());

/** Lets time pass, bit by bit, and whether the turn is still allowed to go on after it. */
async function after(ms: number, steps = 4): Promise<boolean> {
  for (let n = 0; n < steps; n++) {
    clock.pass(ms / steps);
    await settle();
  }
  return !watch.signal.aborted;
}

test('a turn that shows no sign of life for that long is ended', async () => {
  expect(await after(99)).toBe(true);
  expect(await after(1)).toBe(false);
  expect(watch.signal.reason).toBe('silence');
});

test('every sign of life begins the time anew', async () => {
  for (let n = 0; n < 5; n++) {
    expect(await after(80)).toBe(true);
    watch.alive();
  }
  expect(await after(99)).toBe(true);
  expect(await after(1)).toBe(false);
});

test('while what it said is being kept, it is not the agent that is slow', async () => {
  let kept = (): void => {};
  const work = watch.during(new Promise<string>((resolve) => (kept = () => resolve('kept'))));
  expect(await after(1_000)).toBe(true);
  kept();
  expect(await work).toBe('kept');
  expect(await after(99)).toBe(true);
  expect(await after(100)).toBe(false);
});

test('a stop comes through with its reason, also one that came before', () => {
  stop.abort('stop');
  expect(watch.signal.reason).toBe('stop');
  expect(startSilenceTimeout(stop.signal, 100, clock).signal.reason).toBe('stop');
});

test('after the end nothing is aborted any more', async () => {
  watch.end();
  expect(await after(1_000)).toBe(true);
  stop.abort('stop');
  expect(watch.signal.aborted).toBe(false);
});

test('without a limit only a stop ends it', async () => {
  watch = startSilenceTimeout(stop.signal, 0, clock);
  expect(await after(1_000_000)).toBe(true);
  stop.abort('cancel');
  expect(watch.signal.reason).toBe('cancel');
});

test('time in which this process was stopped is none in which the agent was silent', async () => {
  watch.end();
  watch = startSilenceTimeout(stop.signal, 3_000, clock);
  expect(await after(600_000, 1)).toBe(true);
  expect(await after(1_000)).toBe(true);
  // What it said meanwhile is heard of after the timer.
  clock.pass(1_000);
  setImmediate(watch.alive);
  await settle();
  expect(watch.signal.aborted).toBe(false);
  for (let n = 0; n < 2; n++) expect(await after(1_000)).toBe(true);
  expect(await after(1_000)).toBe(false);
});
