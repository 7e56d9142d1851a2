import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/time/clock.ts';
import { quietHoursShown } from '../../src/core/time/quiet-hours.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { HOUR_MS } from '../helpers/wall-clock.ts';
import { jsonLines } from '../helpers/wxagent.ts';

const ECHO = ['--echo', '--pace', '0', '--no-typing'];
const WORD = 'Send me any word';

/** The true time, with no pause longer than a moment: what is done every half minute is done at once. */
const impatient = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 300), signal),
};

/** Quiet hours around the time that it is then, by the clock of the wall. */
function around(ms: number): string {
  const hour = new Date(ms).getHours();
  return quietHoursShown({ fromMinute: ((hour + 23) % 24) * 60, toMinute: ((hour + 2) % 24) * 60 });
}

async function status(home: string) {
  const [shown] = jsonLines((await runHere(['status', '--json'], { home })).stdout);
  return (shown?.accounts as { keepWindow: unknown; users: { asksAt: string | null }[] }[] | undefined)?.[0];
}

test('a user is asked for a word two hours before their window ends, once, and status shows when', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--keep-window', ...ECHO], { home, clock: impatient });
  const timeMs = Date.now();
  simulator.control.message({ text: 'hi' });
  await answered(simulator, 1);
  expect((await status(home))?.keepWindow).toEqual({ quietHours: null, text: null });
  const asksAt = Date.parse((await status(home))?.users[0]?.asksAt ?? '');
  expect(Math.abs(asksAt - timeMs - 22 * HOUR_MS)).toBeLessThan(5_000);
  expect((await runHere(['status'], { home })).stdout).toMatch(/asks for a word at \d{4}-/);

  simulator.control.advance(20 * HOUR_MS);
  await run.says('stderr', "behind the server's");
  expect(answers(simulator)).toHaveLength(1);
  simulator.control.advance(2 * HOUR_MS + 60_000);
  expect((await answered(simulator, 2))[1]).toContain(WORD);
  expect((await status(home))?.users[0]?.asksAt).toBe(null);

  // A word opens the window again. The account is kept from now on, whoever runs it.
  simulator.control.message({ text: 'word' });
  await answered(simulator, 3);
  expect((await run.stop()).code).toBe(0);
  const again = startHere(['run', ...ECHO], { home, clock: impatient });
  simulator.control.advance(23 * HOUR_MS);
  expect((await answered(simulator, 4))[3]).toContain(WORD);
  expect((await again.stop()).code).toBe(0);
  const off = await runHere(['run', '--keep-window', 'off', '--once', ...ECHO], { home, clock: impatient });
  expect(off.code, off.stderr).toBe(0);
  expect((await status(home))?.keepWindow).toBe(null);
});

test('nobody is asked in quiet hours, and the text is as given', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const quiet = around(Date.now() + 22 * HOUR_MS);
  const run = startHere(
    ['run', '--keep-window', '--quiet-hours', quiet, '--keep-text', '还在吗？', ...ECHO],
    {
      home,
      clock: impatient,
    },
  );
  simulator.control.message({ text: 'hi' });
  await answered(simulator, 1);
  expect(await status(home)).toMatchObject({ keepWindow: { quietHours: quiet, text: '还在吗？' } });
  // It was not running before the quiet hours.
  simulator.control.advance(22 * HOUR_MS);
  await run.says('stderr', "behind the server's");
  const polls = simulator.control.stats().counts.getupdates ?? 0;
  await pollUntil('it has looked', () => (simulator.control.stats().counts.getupdates ?? 0) > polls + 10);
  expect(answers(simulator)).toHaveLength(1);
  expect((await run.stop()).code).toBe(0);
});

test('an empty text is the usual one', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--keep-window', '--keep-text', ' ', ...ECHO], { home, clock: impatient });
  simulator.control.message({ text: 'hi' });
  await answered(simulator, 1);
  simulator.control.advance(23 * HOUR_MS);
  expect((await answered(simulator, 2))[1]).toContain(WORD);
  expect((await run.stop()).code).toBe(0);
});

test('what the server does not take at that moment is asked as soon as it does', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--keep-window', ...ECHO], { home, clock: impatient });
  simulator.control.message({ text: 'hi' });
  await answered(simulator, 1);
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'status', status: 429 });
  const sends = () => simulator.control.stats().counts.sendmessage ?? 0;
  const before = sends();
  simulator.control.advance(23 * HOUR_MS);
  await pollUntil('it was tried', () => sends() > before);
  simulator.control.clearFaults();
  expect((await answered(simulator, 2))[1]).toContain(WORD);
  expect((await run.stop()).code).toBe(0);
});

test('with more to say than the user may get, the last but one asks for a word', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  expect((await runHere(['run', '--once', ...ECHO], { home })).code).toBe(0);
  for (let n = 1; n <= 12; n++)
    await runHere(['send', '--wait', '0', `alert ${n}`], { home, env: { WXAGENT_LOG: 'error' } });
  const run = startHere(['run', '--keep-window', ...ECHO], { home, clock: impatient });
  const shown = await answered(simulator, 10);
  expect(shown.findIndex((text) => text.includes(WORD))).toBe(8);
  simulator.control.message({ text: 'word' });
  await pollUntil('nothing is missing', () =>
    Array.from({ length: 12 }, (_, n) => `alert ${n + 1}`).every((text) =>
      answers(simulator).some((one) => one.includes(text)),
    ),
  );
  expect(answers(simulator).filter((text) => text.includes(WORD))).toHaveLength(1);
  expect((await run.stop()).code).toBe(0);
});

test.each([
  [['--quiet-hours', '23:00-07:00'], '--quiet-hours goes with --keep-window'],
  [['--keep-text', 'x'], '--keep-text goes with --keep-window'],
  [['--keep-window', '--quiet-hours', 'at night'], 'takes two times of the day'],
  [['--keep-window', 'maybe'], '--keep-window is one of on, off'],
  [['--keep-window', '--keep-text', 'x'.repeat(4_001)], '--keep-text takes at most 4000 characters'],
])('%j is refused', async (args, sentence) => {
  const { home } = loggedIn(await simulate());
  const end = await runHere(['run', '--echo', '--once', ...args], { home });
  expect(end).toMatchObject({ code: 64, stderr: expect.stringContaining(sentence) });
});
