import { expect, test } from 'vitest';
import { createChangeWatch, type Watcher } from '../../../../src/runner/upkeep/watch-changes.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';

/** Watches a store that says it has changed as often as the test does. */
function watch(since: number, count = 1) {
  const enough = new AbortController();
  const state = { changes: 1, added: [] as number[], refreshed: 0, looks: 0, faults: [] as unknown[] };
  const store = {
    changes() {
      state.looks++;
      if (state.changes === 666) throw new Error('the database is gone');
      return () => state.changes;
    },
  };
  const watch = createChangeWatch(store, createJumpClock());
  const watcher = (): Watcher => ({
    account: 'a',
    since,
    async look() {
      state.added.push(state.changes);
      if (state.changes === 13) throw new Error('a look that fails');
      state.refreshed++;
    },
    onError: (error) => void state.faults.push(error),
  });
  const ended = Promise.all(Array.from({ length: count }, () => watch(watcher(), enough.signal)));
  return {
    state,
    async end() {
      enough.abort();
      await ended;
    },
  };
}

test('messages and parts are looked for when another process has committed, and only then', async () => {
  const { state, end } = watch(1);
  await pollUntil('a few looks', () => state.looks > 3);
  expect([state.added, state.refreshed]).toEqual([[], 0]);
  state.changes = 2;
  await pollUntil('the refresh', () => state.refreshed === 1);
  const looks = state.looks;
  await pollUntil('a few more looks', () => state.looks > looks + 3);
  await end();
  expect([state.added, state.refreshed]).toEqual([[2], 1]);
});

test('what was committed before the first look counts too', async () => {
  const { state, end } = watch(0);
  await pollUntil('the refresh', () => state.refreshed === 1);
  await end();
  expect(state.added).toEqual([1]);
});

test('a look that fails costs no other', async () => {
  const { state, end } = watch(1);
  state.changes = 13;
  await pollUntil('it fails', () => state.faults.length > 0);
  state.changes = 14;
  await pollUntil('the next one', () => state.refreshed === 1);
  await end();
});

test('forty accounts look in turn when anything has changed, by one timer, which ends with the last of them', async () => {
  const { state, end } = watch(1, 40);
  await pollUntil('a few looks', () => state.looks > 3);
  expect(state.refreshed).toBe(0);
  state.changes = 2;
  await pollUntil('all of them', () => state.refreshed === 40);
  await end();
  const { looks } = state;
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect([state.looks, state.added.length, state.faults]).toEqual([looks, 40, []]);
});

test('every account is told of a store that is gone', async () => {
  const { state, end } = watch(1, 3);
  state.changes = 666;
  await pollUntil('all are told', () => state.faults.length >= 3);
  await end();
});
