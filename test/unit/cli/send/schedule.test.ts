import { expect, test } from 'vitest';
import { runHere, startHere } from '../../../helpers/in-this-process.ts';
import { answered, answers, loggedIn, simulate } from '../../../helpers/simulated.ts';
import { jsonLines } from '../../../helpers/wxagent.ts';

async function owner() {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  return { simulator, home, here: (...args: string[]) => runHere(args, { home }) };
}

test('a text waits in the outbox, and a runner sends it at its time', async () => {
  const { simulator, home, here } = await owner();
  // Receives the message, without which nothing can be sent.
  expect((await here('send', 'first')).code).toBe(0);
  const sent = await here('send', '--json', '--at', '+1s', 'soon');
  expect([sent.code, sent.stderr]).toEqual([0, '']);
  expect(jsonLines(sent.stdout)).toMatchObject([{ type: 'scheduled', id: 'at-1', at: expect.any(String) }]);
  expect((await here('send', '--at', '+3h', '--format', 'code', 'later')).code).toBe(0);
  const listed = jsonLines((await here('outbox', '--json')).stdout);
  expect(listed).toMatchObject([
    {
      type: 'outbox',
      parts: [],
      scheduled: [
        { id: 'at-1', text: 'soon' },
        { id: 'at-2', text: '```\nlater\n```' },
      ],
    },
  ]);
  expect((await here('outbox')).stdout).toMatch(
    /^at-1 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}\S+ {2}scheduled {2}soon\nat-2 /,
  );
  const run = startHere(['run', '--exec', 'true', '--no-typing'], { home });
  expect(await answered(simulator, 2)).toEqual(['first', 'soon']);
  await run.stop();
  expect((await here('outbox', 'drop', 'at-2')).stderr).toBe('Dropped.\n');
  expect((await here('outbox', 'drop', 'at-2')).code).toBe(66);
  expect((await here('outbox')).stderr).toBe('Nothing is queued.\n');
  expect(answers(simulator)).toHaveLength(2);
});

test.each([
  [['--at', 'soon', 'x'], '--at takes a time'],
  [['--at', 'today 0:00', 'x'], 'is past already'],
  [['--at', '+1h', '--no-hold', 'x'], '--at goes without'],
  [['--at', '+1h', '--file', process.execPath], '--at takes a text'],
])('%j is refused', async (args, why) => {
  const { here } = await owner();
  const ran = await here('send', ...args);
  expect([ran.code, ran.stdout]).toEqual([64, '']);
  expect(ran.stderr).toContain(why);
});
