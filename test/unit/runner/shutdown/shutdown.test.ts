import { expect, test } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import type { RunnerEnd } from '../../../../src/runner/port/port.ts';
import { shutDown } from '../../../../src/runner/shutdown/shutdown.ts';

/** What a runner that ends like this does before its last poll is over, and after it. */
async function wound(reason: RunnerEnd): Promise<{ before: string[]; after: string[] }> {
  const done: string[] = [];
  const does =
    <T>(name: string, result: T) =>
    () => {
      done.push(name);
      return result;
    };
  let endPoll: () => void = () => {};
  const intake = new Promise<void>((resolve) => {
    endPoll = resolve;
  });
  const winding = shutDown({
    reason,
    lost: reason === 'lost' ? AbortSignal.abort() : new AbortController().signal,
    intake,
    upkeep: Promise.resolve(),
    lanes: { stop: does('lanes', Promise.resolve()) },
    turns: { stop: does('turns', undefined) },
    delivery: { settled: does('deliver', Promise.resolve()), stop: does('end delivery', Promise.resolve()) },
    client: { notifyStop: does('notify', Promise.resolve({ kind: 'ok' as const, body: {} })) },
    graceMs: 1_000,
    clock: systemClock,
  });
  await new Promise((resolve) => setImmediate(resolve));
  const before = done.splice(0);
  endPoll();
  await winding;
  return { before, after: done };
}

test('a stop tells lanes and turns at once: the last poll takes nothing of the grace of an agent', async () => {
  const { before, after } = await wound('stopped');
  expect(before).toEqual(['lanes', 'turns']);
  expect(after).toEqual(['lanes', 'deliver', 'end delivery', 'notify']);
});

test('a lost account is left when its turns have ended, and the server is not told: its new owner polls', async () => {
  const { before, after } = await wound('lost');
  expect(before).toEqual(['lanes', 'turns']);
  expect(after).toEqual(['lanes', 'deliver', 'end delivery', 'lanes']);
});

test.each(['finished', 'expired'] as const)('%s: what the last poll brings still begins', async (how) => {
  const { before, after } = await wound(how);
  expect(before).toEqual([]);
  expect(after.slice(0, 2)).toEqual(['lanes', 'turns']);
});
