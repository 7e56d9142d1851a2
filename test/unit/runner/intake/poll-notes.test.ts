import { expect, test } from 'vitest';
import { createPollNotes } from '../../../../src/runner/intake/poll-notes.ts';

/** Notes whose time is up when the test says so. */
function notes() {
  const due: (() => void)[] = [];
  const made = createPollNotes({ sleep: () => new Promise((resolve) => due.push(resolve)) });
  const stored: string[] = [];
  const store = (what: string) => async () => void stored.push(what);
  const pass = async (): Promise<void> => {
    for (const end of due.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { ...made, stored, store, pass, due };
}

test('what many accounts note is stored at one moment, the newest of each, by one timer', async () => {
  const { note, stored, store, pass, due } = notes();
  for (const what of ['old', 'new'])
    for (const one of ['a', 'b', 'c']) await note(one, store(`${one} ${what}`));
  expect([stored, due.length]).toEqual([[], 1]);
  await pass();
  expect(stored).toEqual(['a new', 'b new', 'c new']);
  await pass();
  expect([stored.length, due.length]).toEqual([3, 0]);
});

test('what is forgotten is not stored, and what is settled is stored at once', async () => {
  const { note, forget, settle, stored, store, pass } = notes();
  await note('a', store('a'));
  await note('b', store('b'));
  forget('a');
  await settle('b');
  await settle('nobody');
  expect(stored).toEqual(['b']);
  await pass();
  expect(stored).toEqual(['b']);
});

test('an account whose store takes nothing waits with its next note, and is told of the error', async () => {
  const { note, stored, store, pass } = notes();
  let fail = (_: Error): void => {};
  await note('a', () => new Promise((_, reject) => (fail = reject)));
  await pass();
  await note('b', store('b'));
  const next = note('a', store('a'));
  await pass();
  expect(stored).toEqual(['b']);
  fail(new Error('the disk is full'));
  await expect(next).rejects.toThrow('the disk is full');
});
