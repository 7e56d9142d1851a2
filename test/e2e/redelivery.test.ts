import { expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

test('every kind of duplicate, with every kind of id and time: answered once', async () => {
  const simulator = await simulate({ quota: 0 });
  const { home } = loggedIn(simulator);
  const { control } = simulator;
  const run = startHere(['run', '--echo', ...QUICK], { home });
  const written: string[] = [];
  for (const duplicate of ['same-id', 'new-id', 'no-id'] as const) {
    for (const ids of ['number', 'all-numbers', 'string', 'missing'] as const) {
      for (const createTime of ['ms', 'seconds', 'missing'] as const) {
        control.changeSettings({ duplicate, ids, createTime });
        const text = `${duplicate}, ${ids}, ${createTime}`;
        written.push(text);
        control.message({ text });
        await answered(simulator, written.length);
      }
    }
  }
  await pollUntil('both of each are fetched', () => {
    const [bot] = control.bots();
    return bot?.waiting === 0 && bot.polls === 1;
  });
  expect((await run.stop()).code).toBe(0);
  expect(control.stats().counts.handedOut).toBe(2 * written.length);
  expect(answers(simulator)).toEqual(written);
  // What stopped in between is not taken for new after a restart.
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  expect(answers(simulator)).toEqual(written);
});

test('ids above 2^53 stay as they are, and tell messages apart', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const first = simulator.control.message({ text: 'one' }).messageId ?? '';
  const second = simulator.control.message({ text: 'two' }).messageId ?? '';
  expect(Number(first)).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
  const run = await runHere(['run', '--json', '--once', ...QUICK, '--exec', 'echo "$WXAGENT_MESSAGE_ID"'], {
    home,
  });
  expect(run.code, run.stderr).toBe(0);
  expect(answers(simulator)).toEqual([first, second]);
  expect(
    jsonLines(run.stdout)
      .filter(({ type }) => type === 'message')
      .map(({ id }) => id),
  ).toEqual([first, second]);
});

test('a refusal that arrives after the next message of the user is sent once more, not held', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const { control } = simulator;
  control.addFault({
    endpoint: 'sendmessage',
    kind: 'answer',
    body: { ret: -2, errmsg: 'prepare failed' },
    afterMs: 1_500,
    count: 1,
  });
  control.message({ text: 'one' });
  const run = startHere(['run', '--json', '--echo', ...QUICK], { home });
  await pollUntil(
    'its answer is on the way',
    () => control.requests({ endpoint: 'sendmessage' }).length === 1,
  );
  control.message({ text: 'two' });
  expect(await answered(simulator, 2)).toEqual(['one', 'two']);
  const end = await run.stop();
  expect(end.code, end.stderr).toBe(0);
  expect(control.faults()).toMatchObject([{ struck: 1 }]);
  const verdicts = jsonLines(end.stdout)
    .filter(({ type }) => type === 'part')
    .map(({ verdict }) => verdict);
  expect(verdicts).not.toContain('held');
  expect(verdicts.filter((verdict) => verdict === 'confirmed')).toHaveLength(2);
});
