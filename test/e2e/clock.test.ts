import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDatabase } from '../../src/sqlite/database.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { DAY_MS, HOUR_MS, wallClock } from '../helpers/wall-clock.ts';

const QUICK = ['--no-typing'];
/** A text without the time at which it was written, which one that was held may have. */
const unstamped = (text: string): string => text.replace(/^\[.*\]\n/, '');
/** The first attempt is to be run again, which is in 5 s. */
const LATER_ONCE = [
  '--exec',
  'text=$(cat); [ "$WXAGENT_ATTEMPT" != 1 ] || [ "$text" != later ] || exit 75; echo "$text"',
];

test.each([
  ['back', -DAY_MS],
  ['forward', DAY_MS],
])(
  'a clock set %s by a day while it runs: everything goes on, nothing is asked more often',
  async (_, shiftMs) => {
    const simulator = await simulate({ strangers: true, holdMs: 400 });
    const { home } = loggedIn(simulator);
    const clock = wallClock();
    // A text that is held stays held.
    const held = await runHere(['send', '--to', 'o9silent@im.wechat', 'for later'], { home, clock });
    expect(held.code).toBe(75);
    const run = startHere(['run', '--max-age', '0', ...QUICK, ...LATER_ONCE], { home, clock });
    simulator.control.messages([{ text: 'one' }, { text: 'later' }]);
    await run.says('stderr', 'will run again in 5 s');
    expect((await runHere(['messages', '--json'], { home, clock })).stdout).toContain('"state":"waiting"');
    clock.set(shiftMs);
    const asked = simulator.control.requests().length;
    const startedAt = performance.now();
    // The wait of the retry is neither longer nor shorter than it was, and the pace holds nothing up.
    expect(await answered(simulator, 2)).toEqual(['one', 'later']);
    const seconds = (performance.now() - startedAt) / 1_000;
    const polls = simulator.control.requests().length - asked;
    expect(polls).toBeLessThan(10 + seconds * 10);
    simulator.control.message({ text: 'after it' });
    expect(await answered(simulator, 3)).toEqual(['one', 'later', 'after it']);
    expect((await runHere(['send', 'beside it'], { home, clock })).code).toBe(0);
    expect((await runHere(['outbox', '--json'], { home, clock })).stdout).toContain('"verdict":"held"');
    expect((await run.stop()).code).toBe(0);
    // Without a runner, under the new clock.
    simulator.control.message({ text: 'unanswered' });
    expect((await runHere(['send', 'alone'], { home, clock })).code).toBe(0);
    expect(answers(simulator).slice(3)).toEqual(['beside it', 'alone']);
  },
);

test('a clock that was set back by a day before a restart: what waits does not wait for a day', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const clock = wallClock();
  simulator.control.messages([{ text: 'later' }]);
  const run = startHere(['run', '--pace', '0', ...QUICK, ...LATER_ONCE], { home, clock });
  await run.says('stderr', 'will run again in 5 s');
  expect((await run.stop()).code).toBe(0);
  clock.set(-DAY_MS);
  const next = startHere(['run', '--pace', '0', ...QUICK, ...LATER_ONCE], { home, clock });
  expect(await answered(simulator, 1)).toEqual(['later']);
  expect((await next.stop()).code).toBe(0);
});

test('the lease of a process on another host, taken before this clock was set back by a day, blocks nothing', async () => {
  const simulator = await simulate();
  const { home, id, user } = loggedIn(simulator);
  const echo = ['run', '--once', '--echo', '--pace', '0', ...QUICK];
  simulator.control.message({ text: 'one' });
  expect((await runHere(echo, { home })).code).toBe(0);
  const database = openDatabase(join(home, 'wx', 'state', 'wxagent.db'));
  const lease = ['another-host/1/boot:1', Date.now() + DAY_MS, id, user] as const;
  const takeLease = () =>
    database.run('UPDATE users SET lease = ?, lease_until = ? WHERE account = ? AND user = ?', ...lease);
  takeLease();
  simulator.control.message({ text: 'two' });
  expect((await runHere(echo, { home })).code).toBe(0);
  takeLease();
  expect((await runHere(['send', 'alone'], { home })).code).toBe(0);
  database.close();
  expect(answers(simulator)).toEqual(['one', 'two', 'alone']);
});

test.each([
  ['ahead', 25 * HOUR_MS],
  ['behind', -10 * DAY_MS],
])('a clock that is far %s: said, and nobody is too late', async (_, shiftMs) => {
  const simulator = await simulate({ strangers: true, holdMs: 400 });
  const { home } = loggedIn(simulator);
  const clock = wallClock();
  clock.set(shiftMs);
  const run = startHere(['run', '--allow-all', ...QUICK, '--exec', 'cat'], { home, clock });
  simulator.control.message({ text: 'one' });
  await run.says('stderr', 'the clock of this machine is');
  expect(await answered(simulator, 1)).toEqual(['one']);
  // It jumps once more, for a moment, in which a text with a short life is queued, and one that is held goes.
  const silent = 'o9silent@im.wechat';
  const send = (...args: string[]) =>
    runHere(['send', '--ttl', '1h', '--wait', '0', ...args], { home, clock });
  expect((await send('--to', silent, 'held')).code).toBe(75);
  clock.set(shiftMs + 2 * DAY_MS);
  simulator.control.message({ user: silent, text: 'two' });
  expect((await answered(simulator, 3)).map(unstamped)).toEqual(['one', 'held', 'two']);
  expect((await send('beside it')).code).not.toBe(69);
  expect(await answered(simulator, 4)).toContain('beside it');
  // What was held under one clock is not too old under another.
  expect((await send('--to', 'o9other@im.wechat', 'kept')).code).toBe(75);
  expect((await run.stop()).code).toBe(0);
  clock.set(0);
  const next = startHere(['run', '--allow-all', ...QUICK, '--exec', 'cat'], { home, clock });
  simulator.control.message({ user: 'o9other@im.wechat', text: 'three' });
  expect((await answered(simulator, 6)).slice(4).map(unstamped)).toEqual(['kept', 'three']);
  expect((await next.stop()).code).toBe(0);
});

test('a server whose Date is days ahead of its own messages: said, and they are answered', async () => {
  const simulator = await simulate({ holdMs: 400, dateOffsetMs: 3 * DAY_MS });
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'before' });
  const run = startHere(['run', ...QUICK, '--exec', 'cat'], { home });
  expect(await answered(simulator, 1)).toEqual(['before']);
  simulator.control.message({ text: 'after' });
  expect(await answered(simulator, 2)).toEqual(['before', 'after']);
  // The window is that of the phone, and open.
  simulator.control.message({ text: '/status' });
  const [, , status = ''] = await answered(simulator, 3);
  const asked = simulator.control.phone().shown.find(({ text }) => text === '/status');
  const end = new Date((asked?.timeMs ?? 0) + DAY_MS);
  const two = (n: number) => String(n).padStart(2, '0');
  expect(status).toContain(`(by ${two(end.getMonth() + 1)}-${two(end.getDate())} ${two(end.getHours())}:`);
  expect((await run.stop()).stderr).toContain('the clock of this machine is 72 h behind');
  const { accounts } = JSON.parse((await runHere(['status', '--json'], { home })).stdout) as {
    accounts: { users: { budgetLeft: number; tokenAgeMs: number }[] }[];
  };
  const [user] = accounts[0]?.users ?? [];
  // A Date has whole seconds: what was sent in the second before the last message may count as sent after it.
  expect([7, 8, 9]).toContain(user?.budgetLeft);
  expect(user?.tokenAgeMs).toBeCloseTo(0, -6);
});
