import { expect, test } from 'vitest';
import { createPatience, watchUploads } from '../../../../src/cli/send/patience.ts';

/** A watch of uploads with `--wait 1s`, on a clock of its own; what is left of the time. */
function watch() {
  let nowMs = 0;
  const patience = createPatience({ now: () => 0, monotonic: () => nowMs, sleep: async () => {} }, 1_000);
  const uploads = watchUploads(patience, () => {});
  return {
    uploads,
    /** As a waiting command looks: what is left after so long. */
    after(ms: number): number {
      nowMs += ms;
      if (uploads.isAnswerDue()) patience.renew();
      return patience.leftMs();
    },
  };
}

const at = (sentBytes: number) => ({ sentBytes, totalBytes: 10 });

test('bytes that come forward renew the time, bytes that have gone up before do not', () => {
  const { uploads, after } = watch();
  uploads.see(1, at(4));
  expect(after(900)).toBe(100);
  uploads.see(1, at(5));
  expect(after(900)).toBe(100);
  uploads.see(1, at(5));
  uploads.see(1, at(2));
  expect(after(100)).toBe(0);
});

test('the answer to the whole of a file is waited for once, however long it takes, and then there is time again', () => {
  const { uploads, after } = watch();
  uploads.see(1, at(10));
  expect(after(60_000)).toBe(1_000);
  uploads.see(1, null);
  expect(after(999)).toBe(1);
  // The same file once more.
  uploads.see(1, at(10));
  expect(after(1)).toBe(0);
  // Another one.
  uploads.see(2, at(10));
  expect(after(60_000)).toBe(1_000);
});

test('a second try begins in the midst of the first one', () => {
  const { uploads, after } = watch();
  uploads.see(1, at(10));
  expect(after(60_000)).toBe(1_000);
  uploads.see(1, at(3));
  uploads.see(1, at(10));
  expect(after(1_000)).toBe(0);
});

test('the upload of another process counts by what the store tells of it, until it tells nothing more', () => {
  const { uploads, after } = watch();
  uploads.seeStored({ seq: 1, progress: null });
  expect(after(900)).toBe(100);
  uploads.seeStored({ seq: 1, progress: at(5) });
  uploads.seeStored({ seq: 1, progress: at(5) });
  expect(after(900)).toBe(100);
  uploads.seeStored({ seq: 1, progress: at(10) });
  uploads.seeStored({ seq: 1, progress: at(10) });
  expect(after(60_000)).toBe(1_000);
  // Its process was killed.
  uploads.seeStored(null);
  expect(after(1_000)).toBe(0);
});

test('an upload of this process is not seen twice', () => {
  const { uploads, after } = watch();
  uploads.see(1, at(10));
  uploads.seeStored({ seq: 1, progress: at(10) });
  expect(after(60_000)).toBe(1_000);
});
