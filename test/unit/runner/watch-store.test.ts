import { expect, test } from 'vitest';
import { watchStore } from '../../../src/runner/watch-store.ts';
import { createJumpClock } from '../../helpers/jump-clock.ts';
import { pollUntil } from '../../helpers/poll-until.ts';

/** Watches a store that says it has changed as often as the test does. */
function watch(since: number) {
  const enough = new AbortController();
  const state = { changes: 1, added: [] as number[], refreshed: 0, looks: 0, faults: [] as unknown[] };
  const ended = watchStore(
    {
      account: 'bot',
      since,
      store: {
        changes() {
          state.looks++;
          return state.changes;
        },
        inbox: { unfinished: async () => [{ seq: state.changes, user: 'u', notBeforeMs: null }] },
      },
      lanes: { add: ({ seq }) => void state.added.push(seq) },
      delivery: {
        async refresh() {
          if (state.changes === 13) throw new Error('a look that fails');
          state.refreshed++;
        },
      },
      clock: createJumpClock(),
      onError: (error) => void state.faults.push(error),
    },
    enough.signal,
  );
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
