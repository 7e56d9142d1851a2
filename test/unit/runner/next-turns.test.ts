import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../../src/core/message/message.ts';
import type { RunnerOptions } from '../../../src/runner/port/options.ts';
import type { Turns } from '../../../src/runner/turns/turns.ts';
import type { Store } from '../../../src/store/port/port.ts';
import { ACCOUNT, createDesk, type Desk, OWNER } from '../store/conformance/desk.ts';
import { makeSqliteStores } from '../store/sqlite-stores.ts';
import { wireText } from './support.ts';
import { createUndelivered } from './undelivered.ts';

/** A lane that goes on: the turn of the message behind begins in the commit that ends the one before. */

let folder: string;
let data: Awaited<ReturnType<typeof makeSqliteStores>>;
let desk: Desk;
/** Steps that the store was asked for, in order. */
let steps: string[];
/** What the agent was asked. */
let asked: string[];
let outcome: Outcome;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-next-'));
  data = await makeSqliteStores();
  desk = await createDesk(data.open('me'));
  [steps, asked, outcome] = [[], [], { kind: 'reply', pieces: [{ text: 'answer' }] }];
});
afterEach(async () => {
  await data.dispose();
  await rm(folder, { recursive: true, force: true });
});

function turnsOf(over: Partial<RunnerOptions> = {}, store: Partial<Store> = {}): Turns {
  return createUndelivered({
    store: {
      ...desk.store,
      async startTurn(input) {
        steps.push(`start ${input.seq}`);
        return desk.store.startTurn(input);
      },
      async finishTurn(input) {
        steps.push(`end ${input.turn.seq}${input.next ? `, start ${input.next.seq}` : ''}`);
        return desk.store.finishTurn(input);
      },
      ...store,
    },
    agent: {
      name: 'test',
      async answer({ text }) {
        asked.push(text);
        return outcome;
      },
    },
    folder,
    over,
  });
}

const says = (text: string): Promise<number> =>
  desk.says(OWNER, { raw: Buffer.from(JSON.stringify(wireText('1', text))) });
const stateOf = async (seq: number): Promise<string | undefined> =>
  (await desk.store.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 10 })).find(
    (one) => one.seq === seq,
  )?.state;
const NONE = (): null => null;

test('a message that waits costs one step less', async () => {
  const [one, two] = [await says('one'), await says('two')];
  const turns = turnsOf();
  expect(await turns.run(one, OWNER, () => two)).toEqual({ kind: 'next', begun: two });
  expect(await stateOf(two)).toBe('running');
  expect(await turns.run(two, OWNER, NONE)).toEqual({ kind: 'next', begun: null });
  expect(steps).toEqual([`start ${one}`, `end ${one}, start ${two}`, `end ${two}`]);
  expect(asked).toEqual(['one', 'two']);
});

describe('nothing begins', () => {
  test('where this one has to run again', async () => {
    const [one, two] = [await says('one'), await says('two')];
    outcome = { kind: 'retry', afterMs: 0, detail: '' };
    await turnsOf().run(one, OWNER, () => two);
    expect(steps).toEqual([`start ${one}`, `end ${one}`]);
  });

  test('where messages are counted (--max-messages)', async () => {
    const [one, two] = [await says('one'), await says('two')];
    const turns = turnsOf({ maxMessages: 1 });
    await turns.run(one, OWNER, () => two);
    expect(await turns.run(two, OWNER, NONE)).toEqual({ kind: 'halt' });
    expect(steps).toEqual([`start ${one}`, `end ${one}`]);
  });

  test('where wxagent stops', async () => {
    const [one, two] = [await says('one'), await says('two')];
    const turns = turnsOf();
    const next = (): number => {
      turns.stop();
      return two;
    };
    // Told to go on just before the stop.
    await turns.run(one, OWNER, next);
    await turns.giveBack();
    expect(asked).toEqual(['one']);
    expect(await desk.start(two)).toMatchObject({ attempt: 2, failures: 0 });
    const three = await says('three');
    await turns.run(three, OWNER, next);
    expect(steps.at(-1)).toBe(`end ${three}`);
  });
});

test('a message that is cancelled while its turn begins is not given to the agent', async () => {
  const [one, two] = [await says('one'), await says('two')];
  const turns = turnsOf(
    {},
    {
      // As after a `/stop` that was committed right behind the step, and is told first.
      async finishTurn(input) {
        const ended = await desk.store.finishTurn(input);
        if (input.next) {
          await desk.finish(two, { kind: 'done' });
          turns.cancel(two);
        }
        return ended;
      },
    },
  );
  expect(await turns.run(one, OWNER, () => two)).toEqual({ kind: 'next', begun: null });
  expect(await turns.run(two, OWNER, NONE)).toEqual({ kind: 'next' });
  expect(asked).toEqual(['one']);
});

test('a turn that has begun waits for an older message that came in between, and runs then', async () => {
  // As with `/again` or `retry` while the end of the turn before was being committed.
  const [older, one, two] = [await says('older'), await says('one'), await says('two')];
  const turns = turnsOf();
  expect(await turns.run(one, OWNER, () => two)).toEqual({ kind: 'next', begun: two });
  expect(await turns.run(older, OWNER, () => two)).toEqual({ kind: 'next', begun: two });
  await turns.run(two, OWNER, NONE);
  expect(asked).toEqual(['one', 'older', 'two']);
  expect(await stateOf(two)).toBe('done');
});

test('a message that is stopped and run again while its turn begins is not lost', async () => {
  const [one, two] = [await says('one'), await says('two')];
  const turns = turnsOf(
    {},
    {
      // As after a `/stop` and an `/again` of one poll that were committed right before the step, and are told first.
      finishTurn(input) {
        if (input.next) turns.cancel(two);
        return desk.store.finishTurn(input);
      },
    },
  );
  expect(await turns.run(one, OWNER, () => two)).toEqual({ kind: 'next', begun: null });
  await turns.run(two, OWNER, NONE);
  expect(asked).toEqual(['one', 'two']);
});
