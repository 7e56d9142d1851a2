import { expect, test } from 'vitest';
import type { Log } from '../../../../src/core/log.ts';
import { createPollReports } from '../../../../src/runner/intake/poll-reports.ts';

/** Reports whose time is up when the test says so; lines of an account begin with its name. */
function reports() {
  const lines: string[] = [];
  const due: (() => void)[] = [];
  let nowMs = 0;
  const logOf = (name: string): Log => ({
    debug() {},
    info: (line) => void lines.push(`${name}${line}`),
    warn: (line) => void lines.push(`${name}${line}`),
    error() {},
    showsText: false,
  });
  const clock = { monotonic: () => nowMs, sleep: () => new Promise<void>((resolve) => due.push(resolve)) };
  const made = createPollReports(clock, logOf(''));
  const accounts = (count: number) =>
    Array.from({ length: count }, (_, n) => {
      const report = made.of(`a${n}`, logOf(`a${n}: `));
      return { ...report, fail: (reason: string) => report.failed(`polling failed: ${reason}`, reason, {}) };
    });
  /** What was said since the last time. */
  const said = (): string[] => lines.splice(0);
  const pass = async (ms = 1_000): Promise<string[]> => {
    nowMs += ms;
    for (const end of due.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
    return said();
  };
  return { accounts, said, pass };
}

test('an account by itself is told of at once, each time', () => {
  const { accounts, said } = reports();
  const [one] = accounts(1);
  one?.fail('HTTP 500');
  one?.fail('HTTP 500');
  one?.works();
  expect(said()).toEqual([
    'a0: polling failed: HTTP 500',
    'a0: polling failed: HTTP 500',
    'a0: polling works again',
  ]);
});

test('a few of many are told of one by one', async () => {
  const { accounts, said, pass } = reports();
  const [first, second] = accounts(1_000);
  first?.fail('HTTP 500');
  second?.fail('HTTP 403');
  expect(await pass()).toEqual(['a0: polling failed: HTTP 500', 'a1: polling failed: HTTP 403']);
  first?.works();
  second?.fail('HTTP 403');
  second?.end();
  expect([said(), await pass()]).toEqual([['a0: polling works again'], []]);
});

test('an outage for all is one line, said again from time to time, and one line when it is over', async () => {
  const { accounts, said, pass } = reports();
  const all = accounts(1_000);
  for (const [n, account] of all.entries()) account.fail(n === 7 ? 'socket hang up' : 'connect ECONNREFUSED');
  const line = 'polling failed for 1000 accounts: connect ECONNREFUSED; each tries again by itself';
  expect([said(), await pass()]).toEqual([[], [line]]);
  for (const account of all) account.fail('connect ECONNREFUSED');
  expect(await pass()).toEqual([]);
  for (const account of all) account.fail('connect ECONNREFUSED');
  expect(await pass(30_000)).toEqual([line]);
  for (const account of all.slice(2)) account.works();
  for (const account of all.slice(0, 2)) account.fail('HTTP 500');
  expect([said(), await pass()]).toEqual([
    [],
    ['polling works again for 998 accounts', 'a0: polling failed: HTTP 500', 'a1: polling failed: HTTP 500'],
  ]);
  for (const account of all.slice(0, 2)) account.works();
  expect(said()).toEqual(['a0: polling works again', 'a1: polling works again']);
});

test('the last accounts that work again after an outage are not told of by themselves', async () => {
  const { accounts, said, pass } = reports();
  const all = accounts(10);
  for (const account of all) account.fail('HTTP 500');
  expect((await pass()).length).toBe(1);
  for (const account of all.slice(1)) account.works();
  expect([said(), await pass()]).toEqual([[], []]);
  all[0]?.works();
  expect([said(), await pass()]).toEqual([[], ['polling works again for 10 accounts']]);
});

test('accounts that end while the server fails for all are not waited for', async () => {
  const { accounts, pass } = reports();
  const all = accounts(5);
  for (const account of all) account.fail('HTTP 500');
  expect((await pass()).length).toBe(1);
  for (const account of all) account.end();
  expect(await pass()).toEqual([]);
});
