import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loggedIn, simulate } from '../helpers/simulated.ts';
import { BIN, jsonLines, makeFolder, wxagent } from '../helpers/wxagent.ts';

/** The environment in which a file of test/fixtures is loaded before the program. */
function preloading(name: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${new URL(`../fixtures/${name}`, import.meta.url).href}` };
}

test('the log of many messages at once takes few writes', async () => {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator);
  for (let n = 0; n < 100; n++) simulator.control.message({ user: `${n % 20}@im.wechat`, text: `${n}` });
  const writes = join(home, 'writes');
  const args = ['--echo', '--max-messages', '100', '--concurrency', '20', '--allow-all', '--pace', '0'];
  const env = { ...preloading('counted-writes.mjs'), WRITES: writes };
  const run = await wxagent(['run', ...args], { home, env });
  expect(run.code, run.stderr).toBe(0);
  const lines = run.stderr.split('\n').length - 1;
  expect(run.stderr.match(/ <- | -> /g)).toHaveLength(200);
  expect(Number(readFileSync(writes, 'utf8'))).toBeLessThan(lines / 4);
});

/** Ends when nobody reads it any more. */
const TICKS = `trap '' TERM; while echo "tick $((n=n+1))" >&2; do sleep 0.05; done`;

test.each([
  ['error', 1, /ended by the test/],
  ['rejection', 1, /ended by the test/],
  ['signal', 143, /^$/],
  ['reader', 0, /^$/],
])('ended by %s before the turn of a line is over: the line is out', async (by, code, after) => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const last = join(home, 'last');
  const env = { ...preloading('ends-in-turn.mjs'), ENDS_BY: by, ENDS_WITH: last };
  const run = await wxagent(['run', '--no-typing', '--log-format', 'json', '--exec', TICKS], { home, env });
  expect(run.code, run.stderr).toBe(code);
  const line = readFileSync(last, 'utf8');
  expect(line).toContain('tick');
  expect(run.stderr).toContain(`${line}\n`);
  expect(run.stderr.split(`${line}\n`)[1]).toMatch(after);
});

test.runIf(existsSync('/dev/full'))('a stdout that takes nothing ends in a sentence: 73', async () => {
  const home = makeFolder();
  const full = (args: string[]) =>
    wxagent([...args, BIN], { home, through: ['sh', '-c', 'bin=$2; exec node "$bin" "$0" "$1" >/dev/full'] });
  expect(await full(['help', 'send'])).toMatchObject({
    code: 73,
    stderr: expect.stringMatching(/^wxagent: stdout cannot be written: .+\nhint: .+\n$/),
  });
  const json = await full(['config', '--json']);
  expect([json.code, jsonLines(json.stderr)]).toEqual([
    73,
    [expect.objectContaining({ kind: 'cannot-create' })],
  ]);
  // What went wrong before is not hidden by it.
  expect((await full(['status', '--quiet'])).code).toBe(77);
});
