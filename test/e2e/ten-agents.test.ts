import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/sqlite/database.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const USERS = Array.from({ length: 10 }, (_, n) => `o9user${n}@im.wechat`);

test('stopped with ten agents at work: nothing lost, all answered by the next run, no retry counted', async () => {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator);
  for (const user of USERS)
    simulator.control.messages([
      { user, text: 'first' },
      { user, text: 'second' },
    ]);
  const run = startHere(
    [
      'run',
      '--allow-all',
      '--concurrency',
      '10',
      ...QUICK,
      '--exec',
      ': >"started-$WXAGENT_USER"; exec sleep 600',
    ],
    { home },
  );
  const started = (): number => readdirSync(home).filter((name) => name.startsWith('started-')).length;
  await pollUntil('ten are at work', () => started() === 10);
  const end = await run.stop();
  expect(end).toMatchObject({ code: 0, stdout: '' });
  expect(end.stderr).toContain('stopping; 10 in progress');
  expect(answers(simulator)).toEqual([]);
  const [status] = jsonLines((await runHere(['status', '--json'], { home })).stdout);
  expect(status?.accounts).toMatchObject([{ inbox: { received: 20, running: 0, failed: 0 } }]);
  const database = openDatabase(join(home, 'wx', 'state', 'wxagent.db'));
  expect(database.all('SELECT DISTINCT failures FROM inbox')).toEqual([{ failures: 0 }]);
  database.close();

  const next = await runHere(
    [
      'run',
      '--allow-all',
      '--once',
      '--retries',
      '0',
      ...QUICK,
      '--exec',
      'printf "%s: " "$WXAGENT_ATTEMPT"; cat',
    ],
    { home },
  );
  expect(next.code, next.stderr).toBe(0);
  for (const user of USERS) expect(answers(simulator, user)).toEqual(['2: first', '1: second']);
});

test('a message that fails says why in `messages --json`, with the end of stderr', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.messages([{ text: 'short' }, { text: 'long' }, { text: 'fine' }]);
  const agent =
    'case $(cat) in short) echo "no key" >&2; exit 3;; long) seq 1 4000 >&2; exit 4;; esac; echo fine';
  const run = await runHere(['run', '--once', ...QUICK, '--exec', agent], { home });
  expect(run.code).toBe(0);
  const [listed] = jsonLines((await runHere(['messages', '--json'], { home })).stdout) as {
    messages: { detail: string | null }[];
  }[];
  const details = listed?.messages.map(({ detail }) => detail) ?? [];
  expect(details).toEqual(['exit code 3: no key', expect.any(String), null]);
  const long = details[1]?.split('\n') ?? [];
  expect(long[0]).toBe('exit code 4: 4000');
  expect(long.slice(-3)).toEqual(['3998', '3999', '4000']);
  expect(Buffer.byteLength(long.slice(1).join('\n'))).toBeGreaterThan(4_000);
  expect(Buffer.byteLength(long.slice(1).join('\n'))).toBeLessThanOrEqual(4_096);
  // What the agent said is not for the chat.
  expect(answers(simulator).join('\n')).not.toMatch(/no key|4000/);
});
