import { expect, test } from 'vitest';
import { createDeadline, watchUploads } from '../../../../src/cli/send/deadline.ts';

/** A watch of uploads with `--wait 1s`, on a clock of its own; what is left of the time. */
function watch() {
  let nowMs = 0;
  const deadline = createDeadline({ now: () => 0, monotonic: () => nowMs, sleep: async () => {} }, 1_000);
  const uploads = watchUploads(deadline, () => {});
  return {
    uploads,
    /** As a waiting command looks: what is left after so long. */
    after(ms: number): number {
      nowMs += ms;
      if (uploads.isAnswerDue()) deadline.extend();
      return deadline.leftMs();
    },
  };
}

const at = (sentBytes: number) => ({ sentBytes, totalBytes: 10 });

test('bytes that come forward renew the time, bytes that have gone up before do not', () => {
  const { uploads, after } = watch();
  uploads.update(1, at(4));
  expect(after(900)).toBe(100);
  uploads.update(1, at(5));
  expect(after(900)).toBe(100);
  uploads.update(1, at(5));
  uploads.update(1, at(2));
  expect(after(100)).toBe(0);
});

test('the answer to the whole of a file is waited for once, however long it takes, and then there is time again', () => {
  const { uploads, after } = watch();
  uploads.update(1, at(10));
  expect(after(60_000)).toBe(1_000);
  uploads.update(1, null);
  expect(after(999)).toBe(1);
  // The same file once more.
  uploads.update(1, at(10));
  expect(after(1)).toBe(0);
  // Another one.
  uploads.update(2, at(10));
  expect(after(60_000)).toBe(1_000);
});

test('a second try begins in the midst of the first one', () => {
  const { uploads, after } = watch();
  uploads.update(1, at(10));
  expect(after(60_000)).toBe(1_000);
  uploads.update(1, at(3));
  uploads.update(1, at(10));
  expect(after(1_000)).toBe(0);
});

test('the upload of another process counts by what the store tells of it, until it tells nothing more', () => {
  const { uploads, after } = watch();
  uploads.updateStored({ seq: 1, progress: null });
  expect(after(900)).toBe(100);
  uploads.updateStored({ seq: 1, progress: at(5) });
  uploads.updateStored({ seq: 1, progress: at(5) });
  expect(after(900)).toBe(100);
  uploads.updateStored({ seq: 1, progress: at(10) });
  uploads.updateStored({ seq: 1, progress: at(10) });
  expect(after(60_000)).toBe(1_000);
  // Its process was killed.
  uploads.updateStored(null);
  expect(after(1_000)).toBe(0);
});

test('an upload of this process is not seen twice', () => {
  const { uploads, after } = watch();
  uploads.update(1, at(10));
  uploads.updateStored({ seq: 1, progress: at(10) });
  expect(after(60_000)).toBe(1_000);
});
