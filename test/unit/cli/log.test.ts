import { expect, test } from 'vitest';
import { createLog } from '../../../src/cli/log.ts';

function logged(format: 'text' | 'json'): string {
  let written = '';
  const log = createLog({
    write: (text) => {
      written += text;
    },
    clock: { now: () => Date.UTC(2026, 10, 22, 13) } as Parameters<typeof createLog>[0]['clock'],
    level: 'debug',
    format,
    showsText: false,
    colors: false,
  });
  log.debug('it failed', { message: '73', attempt: 2 });
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
