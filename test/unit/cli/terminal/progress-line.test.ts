import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { wordsOf } from '../../../../src/cli/i18n/language.ts';
import { createProgressLine, progressText } from '../../../../src/cli/terminal/progress-line.ts';

const MIB = 1024 * 1024;

test.each([
  [
    { doneBytes: 5 * MIB, totalBytes: 20 * MIB, elapsedMs: 1_000 },
    '5.0 MiB of 20.0 MiB, 5.0 MiB/s, 3 s left',
  ],
  [{ doneBytes: 5 * MIB, totalBytes: null, elapsedMs: 2_000 }, '5.0 MiB, 2.5 MiB/s'],
  [
    { doneBytes: 20 * MIB, totalBytes: 20 * MIB, elapsedMs: 500 },
    '20.0 MiB of 20.0 MiB, 40.0 MiB/s, 0 s left',
  ],
  [{ doneBytes: 1, totalBytes: 2, elapsedMs: 0 }, '0.0 MiB, 0.0 MiB/s'],
])('%j', (state, text) => {
  expect(progressText(wordsOf('en'), state)).toBe(text);
});

test('in Chinese', () => {
  const state = { doneBytes: 5 * MIB, totalBytes: 20 * MIB, elapsedMs: 1_000 };
  expect(progressText(wordsOf('zh'), state)).toBe('5.0 MiB / 20.0 MiB，5.0 MiB/s，还需 3 秒');
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function line(isShown: boolean) {
  const written: string[] = [];
  const clock = { now: () => 0, monotonic: () => performance.now(), sleep: async () => {} };
  const io = { err: (text: string) => void written.push(text) };
  return { written, line: createProgressLine({ io, isShown, clock, words: wordsOf('en'), count: 2 }) };
}

test('several files count together, on one line that goes away', () => {
  const { written, line: progress } = line(true);
  progress.track(0)(MIB, 2 * MIB);
  progress.track(1)(MIB, 2 * MIB);
  vi.advanceTimersByTime(250);
  progress.end();
  vi.advanceTimersByTime(1_000);
  expect(written).toHaveLength(2);
  expect(written[0]?.split('\u001b')[0]).toMatch(/^\r2\.0 MiB of 4\.0 MiB, \d+\.\d MiB\/s, \d+ s left$/);
  expect(written[1]).toBe('\r\u001b[K');
});

test('nothing where nobody looks, and nothing for what is done at once', () => {
  const hidden = line(false);
  hidden.line.track(0)(MIB, MIB);
  vi.advanceTimersByTime(1_000);
  hidden.line.end();
  const fast = line(true);
  fast.line.track(0)(MIB, MIB);
  fast.line.end();
  expect([hidden.written, fast.written]).toEqual([[], []]);
});
