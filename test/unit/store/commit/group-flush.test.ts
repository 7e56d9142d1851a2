import { expect, test } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { createGroupSync } from '../../../../src/store/commit/group-flush.ts';

/** A disk that is done when it is told, or by itself, and how often it was waited for. */
function createDisk({ byItself = false } = {}) {
  const disk = {
    waits: [] as ('alone' | 'together')[],
    finish: (() => {}) as (error?: Error) => void,
    sync() {
      disk.waits.push('together');
      if (byItself) return Promise.resolve();
      return new Promise<void>((resolve, reject) => {
        disk.finish = (error) => (error ? reject(error) : resolve());
      });
    },
    syncBlocking() {
      disk.waits.push('alone');
    },
  };
  return disk;
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('one alone is served at once', async () => {
  const disk = createDisk();
  const group = createGroupSync(disk, systemClock);
  await group.wait();
  await group.wait();
  expect(disk.waits).toEqual(['alone', 'alone']);
});

test('not where others have just waited, or wait soon: the event loop stays free', async () => {
  const disk = createDisk({ byItself: true });
  const group = createGroupSync(disk, systemClock);
  await Promise.all([group.wait(), group.wait()]);
  await group.wait();
  await group.wait();
  expect(disk.waits).toEqual(['together', 'together', 'alone']);
  await Promise.all([group.wait('soon'), group.wait()]);
  expect(disk.waits.at(-1)).toBe('together');
});

test('who asks in the same turn of the event loop shares one wait', async () => {
  const disk = createDisk();
  const group = createGroupSync(disk, systemClock);
  const served: string[] = [];
  const all = ['a', 'b', 'c'].map(async (name) => {
    await Promise.resolve();
    await group.wait();
    served.push(name);
  });
  await turn();
  expect(served).toEqual([]);
  disk.finish();
  await Promise.all(all);
  expect([served, disk.waits]).toEqual([['a', 'b', 'c'], ['together']]);
});

test('who asks while the disk works waits for it once more: what he committed may have come too late', async () => {
  const disk = createDisk();
  const group = createGroupSync(disk, systemClock);
  const first = Promise.all([group.wait(), group.wait()]);
  await turn();
  let late = false;
  const second = group.wait().then(() => {
    late = true;
  });
  await turn();
  expect(late).toBe(false);
  disk.finish();
  await first;
  await turn();
  expect(disk.waits).toEqual(['together', 'together']);
  disk.finish();
  await second;
});

test('soon: joins the next who waits, after him, and waits by itself when nobody comes', async () => {
  const disk = createDisk({ byItself: true });
  const group = createGroupSync(disk, systemClock);
  const served: string[] = [];
  const soon = group.wait('soon').then(() => served.push('soon'));
  const now = group.wait('now').then(() => served.push('now'));
  await Promise.all([soon, now]);
  expect([served, disk.waits]).toEqual([['now', 'soon'], ['together']]);
  await group.wait('soon');
  expect(disk.waits).toEqual(['together', 'together']);
});

test('soon: begins to wait behind what the message has set off, and the request that comes of that', async () => {
  const order: string[] = [];
  const clock = { ...systemClock, sleep: async () => void order.push('wait') };
  const done = createGroupSync(createDisk({ byItself: true }), clock).wait('soon');
  // As undici does before it writes on a connection at rest.
  setImmediate(() => order.push('request'));
  await done;
  expect(order).toEqual(['request', 'wait']);
});

test('tells who waits when the disk is about to begin with what he waits for', async () => {
  const disk = createDisk();
  const group = createGroupSync(disk, systemClock);
  const begun: string[] = [];
  const noted = (name: string) => () => void begun.push(name);
  const first = Promise.all([group.wait('now', noted('a')), group.wait('soon', noted('b'))]);
  expect(begun).toEqual([]);
  await turn();
  disk.finish();
  await first;
  const second = Promise.all([group.wait('now', noted('c')), group.wait()]);
  await turn();
  expect(begun).toEqual(['a', 'b', 'c']);
  const third = group.wait('now', noted('d'));
  await turn();
  expect(begun).toHaveLength(3);
  disk.finish();
  await second;
  await turn();
  disk.finish();
  await third;
  expect(begun.at(-1)).toBe('d');
});

test('a disk that fails fails all who wait, and the next is tried anew', async () => {
  const disk = createDisk();
  const group = createGroupSync(disk, systemClock);
  const failing = Promise.allSettled([group.wait(), group.wait(), group.wait('soon')]);
  await turn();
  disk.finish(new Error('broken'));
  expect((await failing).map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected']);
  const next = group.wait();
  await turn();
  disk.finish();
  await next;
  expect(disk.waits).toEqual(['together', 'together']);
});

test('idle: when nobody waits any more, those of soon included', async () => {
  const disk = createDisk();
  const group = createGroupSync(disk, systemClock);
  let served = false;
  void group.wait('soon').then(() => {
    served = true;
  });
  const idle = group.idle();
  await turn();
  disk.finish();
  await idle;
  expect(served).toBe(true);
});
