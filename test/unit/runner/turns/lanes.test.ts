import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLanes, type LaneStep, type Lanes } from '../../../../src/runner/turns/lanes.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';

const NEXT: LaneStep = { kind: 'next' };

/** Lanes whose runs end when the test says so, and what was started. */
function createBench(concurrency: number, clock = createJumpClock()) {
  const started: number[] = [];
  const running = new Map<number, (step: LaneStep) => void>();
  const lanes: Lanes = createLanes({
    concurrency,
    clock,
    run: (seq) =>
      new Promise((resolve) => {
        started.push(seq);
        running.set(seq, resolve);
      }),
  });
  return {
    clock,
    lanes,
    started,
    add: (user: string, ...seqs: number[]) => {
      for (const seq of seqs) lanes.add({ seq, user, notBeforeMs: null });
    },
    /** Ends a run and lets the lanes go on. */
    async end(seq: number, step: LaneStep = NEXT) {
      const resolve = running.get(seq);
      if (!resolve) throw new Error(`${seq} does not run`);
      running.delete(seq);
      resolve(step);
      await new Promise((done) => setImmediate(done));
    },
  };
}

/** A clock on which nobody's wait ends by itself. */
const patient = (): ReturnType<typeof createJumpClock> & { waits: number } => {
  const clock = {
    ...createJumpClock(),
    waits: 0,
    async sleep(_: number, signal?: AbortSignal) {
      clock.waits++;
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    },
  };
  return clock;
};

test('whatever is added and however long it takes: in order per user, never too many at once, all of it', async () => {
  const message = fc.record({
    user: fc.constantFrom('a', 'b', 'c', 'd'),
    // How often it has to come again before it is done.
    again: fc.nat({ max: 2 }),
    waitMs: fc.constantFrom(0, 1, 60_000),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      fc.scheduler(),
      async (messages, concurrency, scheduler) => {
        const clock = createJumpClock();
        const left = messages.map((one) => one.again);
        const runs: number[] = [];
        const done: number[] = [];
        const atWork = new Set<string>();
        const faults: string[] = [];
        const lanes = createLanes({
          concurrency,
          clock,
          async run(seq, user) {
            if (atWork.has(user)) faults.push(`two of ${user} at once`);
            atWork.add(user);
            if (atWork.size > concurrency) faults.push(`${atWork.size} at once`);
            // As the store would say of a message that was added again while it ran.
            if (done.includes(seq)) {
              atWork.delete(user);
              return NEXT;
            }
            runs.push(seq);
            await scheduler.schedule(Promise.resolve(), `run ${seq}`);
            atWork.delete(user);
            const { waitMs } = messages[seq] as (typeof messages)[0];
            if ((left[seq] as number) > 0) {
              left[seq] = (left[seq] as number) - 1;
              return { kind: 'later', notBeforeMs: clock.now() + waitMs };
            }
            done.push(seq);
            return NEXT;
          },
        });
        for (const [seq, { user }] of messages.entries()) {
          lanes.add({ seq, user, notBeforeMs: null });
          lanes.add({ seq, user, notBeforeMs: null });
          if (seq % 3 === 0 && scheduler.count() > 0) await scheduler.waitOne();
          if (seq % 4 === 0) lanes.wake(user);
        }
        let isIdle = false;
        const idle = lanes.idle().then(() => {
          isIdle = true;
        });
        for (let n = 0; n < 1_000 && !isIdle; n++) {
          if (scheduler.count() > 0) await scheduler.waitOne();
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(isIdle).toBe(true);
        await idle;
        expect(faults).toEqual([]);
        for (const user of ['a', 'b', 'c', 'd']) {
          const own = (seqs: number[]) => seqs.filter((seq) => messages[seq]?.user === user);
          expect(own(done)).toEqual(own([...messages.keys()]));
        }
        expect(runs).toHaveLength(messages.reduce((sum, one) => sum + one.again + 1, 0));
        expect([lanes.size, lanes.running]).toEqual([0, 0]);
      },
    ),
    { seed: 20_261_122, numRuns: 100 },
  );
});

test('nobody starves: a user with a long queue gives way after each message', async () => {
  const bench = createBench(1);
  bench.add('busy', 1, 2, 3, 4);
  bench.add('other', 5);
  bench.add('third', 6);
  for (const seq of [1, 5, 6, 2]) await bench.end(seq);
  expect(bench.started).toEqual([1, 5, 6, 2, 3]);
});

test('as many users at once as allowed, and no more', async () => {
  const bench = createBench(2);
  bench.add('a', 1);
  bench.add('b', 2);
  bench.add('c', 3);
  expect(bench.started).toEqual([1, 2]);
  await bench.end(2);
  expect(bench.started).toEqual([1, 2, 3]);
});

test('a message that waits already is not run twice, one that is done may come again', async () => {
  const bench = createBench(1);
  bench.add('a', 1, 2, 2);
  await bench.end(1);
  await bench.end(2);
  expect(bench.started).toEqual([1, 2]);
  bench.add('a', 2);
  expect(bench.started).toEqual([1, 2, 2]);
});

test('one that is to run again while it runs is looked at once more, before those behind it', async () => {
  const bench = createBench(1);
  bench.add('a', 1, 2);
  bench.add('a', 1);
  for (const seq of [1, 1, 2]) await bench.end(seq);
  expect(bench.started).toEqual([1, 1, 2]);
  expect(bench.lanes.size).toBe(0);
});

describe('a lane that is woken', () => {
  const later = (bench: ReturnType<typeof createBench>): LaneStep => ({
    kind: 'later',
    notBeforeMs: bench.clock.now() + 60_000,
  });
  test('starts its head at once, and another one waits on', async () => {
    const clock = patient();
    const bench = createBench(2, clock);
    bench.add('a', 1);
    bench.add('b', 2);
    await bench.end(1, later(bench));
    await bench.end(2, later(bench));
    expect([bench.started, clock.waits]).toEqual([[1, 2], 2]);
    bench.lanes.wake('a');
    bench.lanes.wake('nobody');
    await pollUntil('the start', () => bench.started.length === 3);
    expect(bench.started).toEqual([1, 2, 1]);
  });

  test('does not begin to wait when what ran wanted to', async () => {
    const bench = createBench(1, patient());
    bench.add('a', 1, 2);
    bench.lanes.wake('a');
    await bench.end(1, later(bench));
    expect(bench.started).toEqual([1, 1]);
    await bench.end(1);
    expect(bench.started).toEqual([1, 1, 2]);
  });

  test('waits again for its head when that says so', async () => {
    const clock = patient();
    const bench = createBench(1, clock);
    bench.add('a', 1);
    await bench.end(1, later(bench));
    bench.lanes.wake('a');
    await pollUntil('the start', () => bench.started.length === 2);
    await bench.end(1, later(bench));
    expect([bench.started, clock.waits]).toEqual([[1, 1], 2]);
  });
});

test('an older message that is to run again goes before the younger ones that wait', async () => {
  const bench = createBench(1);
  bench.add('a', 5, 7, 9);
  bench.add('a', 3, 8);
  for (const seq of [5, 3, 7, 8, 9]) await bench.end(seq);
  expect(bench.started).toEqual([5, 3, 7, 8, 9]);
});

describe('later', () => {
  test('the user waits, the others go on, and the clock decides', async () => {
    const bench = createBench(1);
    bench.add('a', 1, 2);
    bench.add('b', 3);
    await bench.end(1, { kind: 'later', notBeforeMs: bench.clock.now() + 5_000 });
    expect(bench.started.slice(0, 2)).toEqual([1, 3]);
    await bench.end(3);
    await pollUntil('the message runs again', () => bench.started.length === 3);
    expect(bench.started).toEqual([1, 3, 1]);
    expect(bench.clock.slept).toEqual([5_000]);
  });

  test('an older message does not wait for the time of a younger one, which keeps it', async () => {
    const bench = createBench(1, patient());
    bench.add('a', 5);
    await bench.end(5, { kind: 'later', notBeforeMs: bench.clock.now() + 60_000 });
    bench.add('a', 3);
    await pollUntil('the older one starts', () => bench.started.length === 2);
    await bench.end(3);
    expect(bench.started).toEqual([5, 3]);
    bench.lanes.wake('a');
    await pollUntil('the younger one starts', () => bench.started.length === 3);
    expect(bench.started).toEqual([5, 3, 5]);
  });

  test('a wait that the store tells of before its run has ended is no call to run at once', async () => {
    const bench = createBench(1, patient());
    bench.add('a', 1);
    const notBeforeMs = bench.clock.now() + 60_000;
    bench.lanes.add({ seq: 1, user: 'a', notBeforeMs });
    await bench.end(1, { kind: 'later', notBeforeMs });
    expect(bench.started).toEqual([1]);
  });

  test('a message that must not start yet does not', async () => {
    const bench = createBench(1);
    const notBeforeMs = bench.clock.now() + 1_000;
    bench.lanes.add({ seq: 1, user: 'a', notBeforeMs });
    expect(bench.started).toEqual([]);
    await pollUntil('it starts', () => bench.started.length === 1);
    expect(bench.clock.now()).toBeGreaterThanOrEqual(notBeforeMs);
  });

  test('a time further off than any wait was told before the clock was set back: now', async () => {
    const bench = createBench(1);
    const days = 60 * 24 * 3_600_000;
    bench.lanes.add({ seq: 1, user: 'a', notBeforeMs: bench.clock.now() + days });
    await pollUntil('it starts', () => bench.started.length === 1);
    expect(bench.clock.slept).toEqual([]);
  });

  test('a clock that jumps while it waits is asked again', async () => {
    const bench = createBench(1);
    bench.lanes.add({ seq: 1, user: 'a', notBeforeMs: bench.clock.now() + 1_000 });
    bench.clock.advance(-500);
    await pollUntil('it starts', () => bench.started.length === 1);
    expect(bench.clock.slept).toEqual([1_000, 500]);
  });
});

test('a lane that is halted starts nothing more, the others do', async () => {
  const bench = createBench(1);
  bench.add('a', 1, 2);
  bench.add('b', 3);
  await bench.end(1, { kind: 'halt' });
  await bench.end(3);
  expect(bench.started).toEqual([1, 3]);
  expect(bench.lanes.size).toBe(2);
});

describe('stop', () => {
  test('nothing starts any more, and it is told when what runs has ended', async () => {
    const bench = createBench(1);
    bench.add('a', 1, 2);
    bench.add('b', 3);
    let isStopped = false;
    const stopped = bench.lanes.stop().then(() => {
      isStopped = true;
    });
    bench.add('c', 4);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isStopped).toBe(false);
    await bench.end(1);
    await stopped;
    expect(bench.started).toEqual([1]);
  });

  test('who waits for a time is not waited for', async () => {
    const bench = createBench(1);
    bench.add('a', 1);
    await bench.end(1, { kind: 'later', notBeforeMs: bench.clock.now() + 8e7 });
    await bench.lanes.stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect(bench.started).toEqual([1]);
  });
});

test('without anything to do it is idle at once', async () => {
  await createBench(1).lanes.idle();
});

test('a pause begins nothing, ends with the turns that run, and what came meanwhile follows in order', async () => {
  const { lanes, started, add, end } = createBench(2);
  add('a', 1, 2);
  add('b', 3);
  let isAtRest = false;
  const resting = lanes.pause().then(() => {
    isAtRest = true;
  });
  await end(1);
  add('c', 4);
  expect([started, isAtRest]).toEqual([[1, 3], false]);
  await end(3);
  await resting;
  expect([started, lanes.running, lanes.size]).toEqual([[1, 3], 0, 2]);
  lanes.resume();
  expect(started).toEqual([1, 3, 2, 4]);
  // It goes on before they have ended.
  const late = lanes.pause();
  lanes.resume();
  add('d', 5);
  await end(2);
  expect(started).toEqual([1, 3, 2, 4, 5]);
  await end(4);
  await end(5);
  await late;
});
