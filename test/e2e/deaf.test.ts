import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/time/clock.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines } from '../helpers/wxagent.ts';

/** The true time, with no pause longer than a moment. */
const impatient = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 300), signal),
};

test('an account that goes deaf: told once, in status and doctor with what the vendor needs, until it is well again', async () => {
  const simulator = await simulate();
  const { home, user, id } = loggedIn(simulator);
  // No mail at first.
  writeFileSync(
    join(home, 'tell.sh'),
    '[ -e failed ] || { touch failed; exit 1; }; cat >>told.json; cat "$1" >>told.txt',
  );
  const on = ['--on', 'undelivered=sh ./tell.sh'];
  const run = startHere(['run', '--json', '--echo', ...on, '--pace', '0', '--no-typing'], {
    home,
    clock: impatient,
  });
  simulator.control.message({ text: 'hi' });
  await answered(simulator, 1);
  expect((await runHere(['doctor', '--json'], { home })).stdout).toContain('no sign that messages');

  simulator.control.changeSettings({ sendAnswer: 'ret' });
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'drop' });
  for (const text of ['one', 'two', 'three']) await runHere(['send', text], { home });
  await run.says('stderr', `${id} may be deaf: 3 messages to ${user} were accepted without an ID since`);
  expect(run.stderr).toMatch(/without an ID since \d{4}-\d\d-\d\d \d\d:\d\d; look/);
  const told = (): string =>
    existsSync(join(home, 'told.txt')) ? readFileSync(join(home, 'told.txt'), 'utf8') : '';
  await pollUntil('the command has the text', () => told().includes('may be deaf'));
  expect((await runHere(['status'], { home })).stdout).toContain(`${id} may be deaf: 3 messages`);
  const [status] = jsonLines((await runHere(['status', '--json'], { home })).stdout);
  expect(status?.accounts).toMatchObject([{ deaf: { sign: 'unconfirmed', user, count: 3 } }]);
  const doctor = await runHere(['doctor'], { home });
  expect(doctor.code).toBe(76);
  expect(doctor.stderr).toMatch(new RegExp(`tell the vendor: bot ${id}, user ${user}, messages wxagent:`));
  const chinese = await runHere(['doctor', '--lang', 'zh'], { home });
  expect(chinese.stdout).toContain('可能收不到消息');

  simulator.control.clearFaults();
  simulator.control.changeSettings({ sendAnswer: 'number' });
  expect((await runHere(['send', 'four'], { home })).code).toBe(0);
  let deaf: unknown;
  const look = setInterval(async () => {
    const [shown] = jsonLines((await runHere(['status', '--json'], { home })).stdout);
    deaf = (shown?.accounts as { deaf: unknown }[] | undefined)?.[0]?.deaf;
  }, 300);
  await pollUntil('it is well again', () => deaf === null).finally(() => clearInterval(look));
  expect((await runHere(['doctor', '--json'], { home })).code).toBe(0);
  const end = await run.stop();
  expect(end.code, end.stderr).toBe(0);
  expect(jsonLines(end.stdout).filter(({ type }) => type === 'undelivered')).toMatchObject([
    { about: 'account', account: id, user, sign: 'unconfirmed', count: 3, parts: [{}, {}, {}] },
  ]);
  expect(jsonLines(readFileSync(join(home, 'told.json'), 'utf8'))).toHaveLength(1);
});
