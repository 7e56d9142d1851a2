import { describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/core/time/clock.ts';
import { startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, withParts } from '../helpers/postgres.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { makeFolder, startWxagent, wxagent } from '../helpers/wxagent.ts';

const QUESTION = ['ask', 'Deploy?', '--choices', 'yes,no'];

/** A home whose owner has just written. */
async function owner() {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  return { simulator, home, says: (text: string) => simulator.control.message({ text }) };
}

test('kill -9 of ask: the answer is kept, and the same command gets it without asking again', async () => {
  const { simulator, home, says } = await owner();
  const run = startWxagent(['run', '--exec', 'true', '--no-typing'], { home });
  const killed = startWxagent(QUESTION, { home });
  await answered(simulator, 1);
  killed.signal('SIGKILL');
  await killed.exited;
  says('yes');
  expect((await answered(simulator, 2))[1]).toContain('Your answer to question #1 is stored.');
  expect(await wxagent(QUESTION, { home })).toMatchObject({ code: 0, stdout: 'yes\n', stderr: '' });
  // Fetched once: the next one asks again.
  const next = startWxagent(QUESTION, { home });
  expect((await answered(simulator, 3))[2]).toContain('#2 Deploy?');
  next.signal('SIGINT');
  expect(await next.exited).toMatchObject({ code: 130, stdout: '' });
  says('#2 no');
  expect((await answered(simulator, 4))[3]).toContain('Question #2 is closed');
  await run.stop();
});

test('kill -9 of the runner: ask takes over, and what is no answer waits for the next run', async () => {
  const { simulator, home, says } = await owner();
  const run = startWxagent(['run', '--exec', 'cat', '--no-typing'], { home });
  await answered(simulator, 1);
  const ask = startWxagent(QUESTION, { home });
  await answered(simulator, 2);
  run.signal('SIGKILL');
  await run.exited;
  const before = simulator.control.requests({ endpoint: 'getupdates' }).length;
  await pollUntil('ask polls', () => simulator.control.requests({ endpoint: 'getupdates' }).length > before);
  says('this is for the agent of the next run, whenever that is');
  says('no');
  expect(await ask.exited).toMatchObject({ code: 1, stdout: 'no\n', stderr: '' });
  expect(answers(simulator)).toHaveLength(2);
  const again = startWxagent(['run', '--exec', 'cat', '--no-typing', '--once'], { home });
  expect((await again.exited).code).toBe(0);
  expect(answers(simulator).slice(2)).toEqual(['this is for the agent of the next run, whenever that is']);
});

test('a runner starts beside an ask that waits, and three that wait alone share the polls', async () => {
  const { simulator, home, says } = await owner();
  const asks = ['One?', 'Two?', 'Three?'].map((text) =>
    startWxagent(['ask', text, '--choices', 'y,n', '--json'], { home }),
  );
  const texts = await answered(simulator, 3);
  const numberOf = (text: string): string =>
    /#\d/.exec(texts.find((one) => one.includes(text)) ?? '')?.[0] ?? '';
  says(`${numberOf('Two?')} n`);
  expect(await asks[1]?.exited).toMatchObject({ code: 1 });
  const run = startWxagent(['run', '--exec', 'true', '--no-typing'], { home });
  await run.says('stderr', 'ready');
  says(`${numberOf('Three?')} y`);
  says('y');
  expect((await asks[0]?.exited)?.stdout).toContain('"answer":"y"');
  expect(await asks[2]?.exited).toMatchObject({ code: 0 });
  await run.stop();
});

test.each([0, 40_000])(
  'an answer by a quote that has only a time, with a clock %s ms ahead of the server',
  async (aheadMs) => {
    const { simulator, home } = await owner();
    simulator.control.changeSettings({ sendAnswer: 'ret' });
    const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    const ask = startHere([...QUESTION, '--timeout', '5s'], { home, clock });
    await answered(simulator, 1);
    const asked = simulator.control.phone().shown.findLast(({ from }) => from === 'bot');
    simulator.control.message({ text: 'no', quote: { id: asked?.messageId ?? '', form: 'full' } });
    expect(await ask.exited).toMatchObject({ code: 1, stdout: 'no\n' });
  },
);

describe.skipIf(SERVER === null)('with a store on a server', () => {
  test('a runner of another home serves the question', async () => {
    const schema = uniqueName();
    onTestFinished(async () => {
      await administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    });
    const simulator = await simulate();
    const [home, other] = [makeFolder(), makeFolder()];
    const env = {
      WXAGENT_STORE: withParts(SERVER, { schema }),
      WXAGENT_STORE_KEY: Buffer.alloc(32, 7).toString('base64'),
    };
    const login = await wxagent(['login', '--qr', 'none', '--base-url', simulator.baseUrl], { home, env });
    expect(login.code, login.stderr).toBe(0);
    const says = (text: string) => simulator.control.message({ text });
    says('hi');
    const run = startWxagent(['run', '--exec', 'true', '--no-typing'], { home: other, env });
    await run.says('stderr', 'ready');
    const first = startWxagent(QUESTION, { home, env });
    await answered(simulator, 1);
    says('yes');
    expect(await first.exited).toMatchObject({ code: 0, stdout: 'yes\n' });
    await run.stop();
  });
});
