import { expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { HOUR_MS } from '../helpers/wall-clock.ts';
import { jsonLines } from '../helpers/wxagent.ts';

/** More requests than two in a second would be a burst, which has a hold of its own. */
const burstIsOver = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_100));

const QUICK = ['--pace', '0', '--no-typing'];

/** A bot that answers, and whose login then idles until the server takes its token no more. */
async function asleep(loginWakes: 'any-poll' | 'new-cursor') {
  const simulator = await simulate({ loginIdleMs: 8 * HOUR_MS, loginWakes });
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--json', '--echo', ...QUICK], { home });
  simulator.control.message({ text: 'good night' });
  await answered(simulator, 1);
  return { simulator, home, run };
}

test.each(['any-poll', 'new-cursor'] as const)(
  'a login that idled for hours is woken by a beginning and a poll (%s), and is not said to have expired',
  async (loginWakes) => {
    const { simulator, run } = await asleep(loginWakes);
    simulator.control.advance(9 * HOUR_MS);
    const woken = () => simulator.control.requests({ endpoint: 'notifystart' }).length === 2;
    await pollUntil('it is woken', () => woken() && simulator.control.bots()[0]?.polls === 1);
    simulator.control.message({ text: 'good morning' });
    expect(await answered(simulator, 2)).toEqual(['good night', 'good morning']);
    const end = await run.stop();
    expect(end.code, end.stderr).toBe(0);
    expect(jsonLines(end.stdout).filter(({ type }) => type === 'expired')).toEqual([]);
  },
);

test('send alone wakes such a login as well', async () => {
  const { simulator, home, run } = await asleep('new-cursor');
  await run.stop();
  simulator.control.advance(9 * HOUR_MS);
  const sent = await runHere(['send', 'from cron'], { home });
  expect(sent.code, sent.stderr).toBe(0);
  expect(answers(simulator)).toEqual(['good night', 'from cron']);
});

test('a login that is dead is dead: one beginning, a poll with the cursor, one without', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--echo', ...QUICK], { home });
  await run.says('stderr', 'ready');
  const before = simulator.control.requests().length;
  simulator.control.kill();
  expect((await run.exited).code).toBe(77);
  const asked = simulator.control
    .requests()
    .slice(before)
    .map(({ endpoint, body }) => [endpoint, (body as { get_updates_buf?: string }).get_updates_buf === '']);
  expect(asked.slice(-3)).toEqual([
    ['notifystart', false],
    ['getupdates', false],
    ['getupdates', true],
  ]);
  expect((await runHere(['send', 'x'], { home })).code).toBe(77);
});

test('-2 though the user has just written: the poll session is ended and begun once, and the answer arrives', async () => {
  const simulator = await simulate({ sessionMs: HOUR_MS });
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--echo', ...QUICK], { home });
  simulator.control.message({ text: 'one' });
  await answered(simulator, 1);
  simulator.control.advance(2 * HOUR_MS);
  await run.says('stderr', 'ages are counted by the server');
  simulator.control.message({ text: 'two' });
  expect(await answered(simulator, 2)).toEqual(['one', 'two']);
  // No cure: held after one try, as before.
  simulator.control.changeSettings({ sessionMs: null });
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'answer', body: { ret: -2 }, count: 2 });
  await burstIsOver();
  simulator.control.message({ text: 'three' });
  await run.says('stderr', /held.*context/);
  simulator.control.message({ text: 'four' });
  expect((await answered(simulator, 4)).slice(2)).toEqual(['three', 'four']);
  expect(simulator.control.requests({ endpoint: 'notifystop' })).toHaveLength(2);
  expect((await run.stop()).code).toBe(0);
});
