import { expect, test } from 'vitest';
import { createPollNotes } from '../../../../src/runner/intake/poll-notes.ts';

/** Notes whose time is up when the test says so; what is stored together is one text. */
function notes(store = async (): Promise<void> => {}) {
  const due: (() => void)[] = [];
  const stored: string[] = [];
  const made = createPollNotes(
    { sleep: () => new Promise((resolve) => due.push(resolve)) },
    async (polls) => {
      stored.push(polls.map(({ account, cursor }) => `${account} ${cursor}`).join(', '));
      await store();
    },
  );
  const polled = (account: string, cursor = 'c') => ({ account, login: 'l', cursor, nowMs: 0 });
  const pass = async (): Promise<void> => {
    for (const end of due.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { ...made, stored, polled, pass, due };
}

test('what many accounts note is stored by one step, the newest of each, by one timer', async () => {
  const { note, stored, polled, pass, due } = notes();
  for (const what of ['old', 'new']) for (const one of ['a', 'b', 'c']) await note(polled(one, what));
  expect([stored, due.length]).toEqual([[], 1]);
  await pass();
  expect(stored).toEqual(['a new, b new, c new']);
  await pass();
  expect([stored.length, due.length]).toEqual([1, 0]);
});

test('no step has more than two hundred', async () => {
  const { note, stored, polled, pass } = notes();
  for (let n = 0; n < 450; n++) await note(polled(`a${n}`));
  await pass();
  expect(stored.map((text) => text.split(', ').length)).toEqual([200, 200, 50]);
});

test('what is forgotten is not stored, and what is settled is stored at once', async () => {
  const { note, forget, settle, stored, polled, pass } = notes();
  await note(polled('a'));
  await note(polled('b'));
  await forget('a');
  await settle('b');
  await settle('nobody');
  expect(stored).toEqual(['b c']);
  await pass();
  expect(stored).toEqual(['b c']);
});

test('newer things of an account wait until its note is stored, whatever becomes of that', async () => {
  let fail = (_: Error): void => {};
  const { note, forget, polled, pass } = notes(() => new Promise((_, reject) => (fail = reject)));
  await note(polled('a'));
  await pass();
  let isForgotten = false;
  const forgotten = forget('a').then(() => {
    isForgotten = true;
  });
  await pass();
  expect(isForgotten).toBe(false);
  fail(new Error('the disk is full'));
  await forgotten;
});

test('an account whose store takes nothing waits with its next note, and is told of the error', async () => {
  const failing: ((error: Error) => void)[] = [];
  const { note, stored, polled, pass } = notes(() => new Promise((_, reject) => failing.push(reject)));
  await note(polled('a'));
  await pass();
  await note(polled('b'));
  const next = note(polled('a', 'next'));
  await pass();
  expect(stored).toEqual(['a c', 'b c']);
  failing[0]?.(new Error('the disk is full'));
  await expect(next).rejects.toThrow('the disk is full');
});
