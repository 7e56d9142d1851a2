import { expect, test } from 'vitest';
import { createLog } from '../../../../src/cli/terminal/stderr-log.ts';

const START_MS = Date.UTC(2026, 10, 22, 13);

function logged(format: 'text' | 'json', times: readonly number[] = [START_MS]): string {
  let written = '';
  let nowMs = 0;
  const log = createLog({
    write: (text) => {
      written += text;
    },
    clock: { now: () => nowMs } as Parameters<typeof createLog>[0]['clock'],
    level: 'debug',
    format,
    showsText: false,
    chalk: null,
    translate: (sentence) => sentence,
  });
  for (nowMs of times) log.debug('it failed', { message: '73', attempt: 2 });
  return written;
}

test('a line in JSON has its text, and the message it is about', () => {
  expect(JSON.parse(logged('json'))).toEqual({
    time: '2026-11-22T13:00:00.000Z',
    level: 'debug',
    message: 'it failed',
    messageId: '73',
    attempt: 2,
  });
});

test('a line for people has the facts only with --verbose', () => {
  expect(logged('text')).toMatch(/^\d\d:00:00 it failed \(message=73 attempt=2\)\n$/);
});

test('each line has its own time, also where the clock is set back', () => {
  const times = [0, 400, 999, 1_000, 61_000, 60_999, 0].map((ms) => START_MS + ms);
  const shown = [...logged('text', times).matchAll(/^\d\d:(\d\d:\d\d) /gm)].map(([, time]) => time);
  expect(shown).toEqual(['00:00', '00:00', '00:00', '00:01', '01:01', '01:00', '00:00']);
});
