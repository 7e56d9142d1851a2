import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CommandContext } from '../../../../src/cli/port/context.ts';
import { createHooks } from '../../../../src/cli/run/hooks.ts';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { groupAlive, killLeftover, recordingLog } from '../../agents/support.ts';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'wxagent-hooks-'));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const READY = { type: 'ready', account: 'me', name: null } as const;

/** Hooks of a run, and what is to be seen of them. */
function hooksOf(command: string, grace = 60_000) {
  const log = recordingLog();
  const stop = new AbortController();
  const context = {
    clock: systemClock,
    cwd,
    log,
    environment: { all: process.env, get: () => undefined },
    settings: { grace },
    stopSignal: () => stop.signal,
  } as unknown as CommandContext;
  return { hooks: createHooks(context, [`ready=${command}`]), log, stop };
}

const written = (name: string): string =>
  existsSync(join(cwd, name)) ? readFileSync(join(cwd, name), 'utf8') : '';

test('what a hook leaves running keeps nothing waiting, and lives on', async () => {
  const { hooks, log } = hooksOf('cat >event; sleep 600 & echo $! >pid');
  hooks.fire(READY);
  await hooks.end();
  expect(JSON.parse(written('event'))).toMatchObject({ type: 'ready', account: 'me' });
  expect(log.lines).toEqual([]);
  killLeftover(Number(written('pid')));
});

test.each(['by itself', 'by a signal'])(
  'a run that ends %s waits for no hook beyond --grace',
  async (how) => {
    const { hooks, log, stop } = hooksOf("echo $$ >pid; trap '' TERM; while :; do sleep 1; done", 300);
    for (let n = 0; n < 6; n++) hooks.fire(READY);
    await pollUntil('a hook runs', () => written('pid') !== '');
    if (how === 'by a signal') stop.abort('SIGTERM');
    await hooks.end();
    expect(groupAlive(Number(written('pid')))).toBe(false);
    expect(log.lines).toEqual([
      'commands of --on that were not run, because wxagent ends: 2',
      ...Array(4).fill('the command of --on ready failed: stopped'),
    ]);
  },
);

test('four run at once, and the others have their turn', async () => {
  const { hooks, log } = hooksOf('echo + >>log; sleep 0.1; yes | head -c 3000000; echo - >>log');
  for (let n = 0; n < 10; n++) hooks.fire(READY);
  await hooks.end();
  let atOnce = 0;
  const counts = written('log')
    .trim()
    .split('\n')
    .map((sign) => (atOnce += sign === '+' ? 1 : -1));
  expect(counts).toHaveLength(20);
  expect(Math.max(...counts)).toBeLessThanOrEqual(4);
  expect(log.lines).toEqual([]);
});

test('a hook that fails is named with the last thing it said', async () => {
  const { hooks, log } = hooksOf('echo first >&2; echo no route >&2; echo "}" >&2; exit 3');
  hooks.fire(READY);
  await hooks.end();
  expect(log.lines).toEqual(['the command of --on ready failed: exit code 3: no route']);
});
