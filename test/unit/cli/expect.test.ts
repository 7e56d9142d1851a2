import { expect, test } from 'vitest';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { answered, answers, loggedIn, simulate } from '../../helpers/simulated.ts';
import { HOUR_MS, wallClock } from '../../helpers/wall-clock.ts';
import { jsonLines } from '../../helpers/wxagent.ts';

test('the runner tells of what is missing, once, and when it is over', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const before = wallClock();
  before.set(-2 * HOUR_MS);
  expect(await runHere(['expect', 'backup', '--every', '1h'], { home, clock: before })).toMatchObject({
    code: 0,
  });
  expect(await runHere(['expect', 'weekly', '--every', '8d'], { home })).toMatchObject({ code: 0 });
  const run = () => startHere(['run', '--exec', 'true', '--no-typing'], { home });
  const first = run();
  // What was held until the user wrote says when it was told.
  expect((await answered(simulator, 1))[0]).toMatch(
    /^(\[\d\d:\d\d\]\n)?⏰ "backup" is missing: expected every 1 h, none since \d\d-\d\d \d\d:\d\d$/,
  );
  const { stdout } = await runHere(['expect', '--json'], { home });
  expect(jsonLines(stdout)).toMatchObject([
    {
      type: 'expected',
      expected: [
        { key: 'backup', everyMs: HOUR_MS, lastSeenAt: null, missingSince: expect.any(String) },
        { key: 'weekly', missingSince: null },
      ],
    },
  ]);
  await first.stop();
  expect((await runHere(['send', '--key', 'backup', 'backup finished'], { home })).code).toBe(0);
  const second = run();
  expect((await answered(simulator, 3))[2]).toMatch(/^✅ "backup" has come again: /);
  await second.stop();
  expect(answers(simulator)).toHaveLength(3);
  const list = (await runHere(['expect', 'list'], { home })).stdout.split('\n');
  expect(list[0]).toMatch(/^backup {2}1h {2}\d{4}-\d\d-\d\d \d\d:\d\d$/);
  expect(list[1]).toMatch(/^weekly {2}8d {2}-$/);
  expect((await runHere(['expect', 'remove', 'backup'], { home })).code).toBe(0);
  expect(await runHere(['expect', 'remove', 'backup'], { home })).toMatchObject({ code: 66 });
});

test.each([
  [['expect', 'backup'], 64, 'expect needs --every'],
  [['expect', '--every', '1h'], 64, 'a key is a text'],
  [['expect', 'backup', '--every', '1s'], 64, '--every takes at least 1m'],
  [['expect', 'a\nb', '--every', '1h'], 64, 'a key is a text'],
  [['expect', 'backup', '--every', '1h', '--to', 'nobody'], 66, 'there is no user "nobody"'],
  [['expect', 'backup', 'more', '--every', '1h'], 64, 'too many arguments'],
])('%j is refused', async (args, code, why) => {
  const { home } = loggedIn(await simulate());
  const ran = await runHere(args, { home });
  expect([ran.code, ran.stdout]).toEqual([code, '']);
  expect(ran.stderr).toContain(why);
  expect((await runHere(['expect'], { home })).stderr).toBe('Nothing is expected.\n');
});
