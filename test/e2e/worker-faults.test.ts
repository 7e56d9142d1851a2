import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { startCuttingProxy } from '../helpers/cutting-proxy.ts';
import { startHere } from '../helpers/in-this-process.ts';
import { expectOnePoller, watchPolls } from '../helpers/one-poller.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, upstreamOf, withParts } from '../helpers/postgres.ts';
import { createQuickClock } from '../helpers/quick-clock.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { makeFolder, type Running, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const LINES = ['--output', 'jsonl', '--exec'];
const PARROT = fileURLToPath(new URL('../fixtures/agents/acp.mjs', import.meta.url));
/** Waits and leases pass so many times as fast, except at the server. More, and each hiccup of a busy machine would cost a lease. */
const TIMES = 5;

/** Each named as issues and documents name it; all of them at once, and by chance, are in test/integration/chaos-workers.test.ts. */
describe.skipIf(SERVER === null)('a worker of a server', () => {
  let schema: string;
  let url: string;
  beforeEach(() => {
    schema = uniqueName();
    url = withParts(SERVER as string, { schema });
  });
  afterEach(() => administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema} CASCADE`));

  const expire = (): Promise<unknown> =>
    administer(SERVER as string, `UPDATE ${schema}.workers SET expires_at = 1`);

  function accountOf(simulator: Awaited<ReturnType<typeof simulate>>) {
    const { home, token } = loggedIn(simulator);
    const env = { WXAGENT_TOKEN: token, WXAGENT_BASE_URL: simulator.baseUrl, WXAGENT_STORE: url };
    const takeOver = (agent: string[], offMs = 0): Running =>
      startHere(['run', ...QUICK, ...agent], {
        ...{ home: makeFolder(), cwd: home, env },
        clock: createQuickClock(TIMES, offMs),
      });
    return { home, env, takeOver };
  }

  // Windows has no signal that stops a process.
  test.skipIf(process.platform === 'win32').each(['replay', 'destructive'] as const)(
    'stands still in a held poll past its lease, the phone writes, and another answers; then it goes on (%s)',
    async (mode) => {
      const simulator = await simulate({ mode, holdMs: 600_000 });
      const polls = watchPolls(simulator.control);
      const { home, env, takeOver } = accountOf(simulator);
      const agent = [...LINES, `read -r text; echo '{"text":"'"$text"'"}'`];
      const first = startWxagent(['run', ...QUICK, ...agent], { home, env });
      await first.says('stderr', 'ready');
      const [bot] = simulator.control.bots();
      const held = () => simulator.control.bots().find(({ id }) => id === bot?.id)?.polls;
      simulator.control.message({ text: '0' });
      await answered(simulator, 1);
      await pollUntil('its next poll is held', () => held() === 1);
      process.kill(first.pid, 'SIGSTOP');
      await expire();
      const second = takeOver(agent);
      await pollUntil('the poll of another is held, too', () => held() === 2);
      // The longest waiting poll gets it: that of the stopped one, and in `destructive` no other.
      simulator.control.message({ text: '1' });
      simulator.control.message({ text: '2' });
      const early = mode === 'replay' ? ['0', '1', '2'] : ['0', '2'];
      expect(await answered(simulator, early.length)).toEqual(early);
      process.kill(first.pid, 'SIGCONT');
      expect((await first.exited).code).toBe(75);
      await answered(simulator, 3);
      simulator.control.message({ text: '3' });
      await answered(simulator, 4);
      expect(answers(simulator)).toEqual([...early, ...(mode === 'replay' ? [] : ['1']), '3']);
      expect((await second.stop()).code).toBe(0);
      expectOnePoller(polls.end());
    },
  );

  test('loses the answers to many a COMMIT: nothing is done twice, and nothing is left out', async () => {
    const simulator = await simulate();
    const { home, env } = accountOf(simulator);
    const proxy = await startCuttingProxy(upstreamOf(SERVER as string));
    onTestFinished(() => proxy.close());
    const store = withParts(url, { host: '127.0.0.1', port: proxy.port });
    const agent = `read -r text; echo '{"text":"'"$text"'"}'; echo '{"text":"'"$text"'!"}'`;
    const run = startHere(['run', ...QUICK, ...LINES, agent], {
      home,
      env: { ...env, WXAGENT_STORE: store },
    });
    await run.says('stderr', 'ready');
    let commits = 0;
    proxy.rule = (from, bytes) =>
      from === 'server' && bytes.includes('COMMIT\0') && ++commits % 3 === 0 ? 'cut' : 'pass';
    const texts = Array.from({ length: 5 }, (_, n) => `${n}`);
    for (const text of texts) simulator.control.message({ text });
    await answered(simulator, 10);
    expect((await run.stop()).code).toBe(0);
    expect(answers(simulator)).toEqual(texts.flatMap((text) => [text, `${text}!`]));
    expect(commits).toBeGreaterThan(20);
    expect(simulator.control.requests({ endpoint: 'sendmessage' })).toHaveLength(10);
  });

  test('dies in the middle of an answer that it has begun to send: another says the rest, and nothing again', async () => {
    const simulator = await simulate();
    const { home, env, takeOver } = accountOf(simulator);
    const agent = (wait: string) => [
      ...LINES,
      `echo '{"text":"a"}'; echo '{"text":"b"}'; ${wait}; echo '{"text":"c"}'`,
    ];
    const first = startWxagent(['run', ...QUICK, ...agent('sleep 600')], { home, env });
    simulator.control.message({ text: 'hi' });
    await answered(simulator, 2);
    first.signal('SIGKILL');
    await first.exited;
    await expire();
    const second = takeOver(agent('true'));
    expect(await answered(simulator, 3)).toEqual(['a', 'b', 'c']);
    simulator.control.message({ text: 'again' });
    expect(await answered(simulator, 6)).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
    expect((await second.stop()).code).toBe(0);
  });

  test('dies in a turn of an ACP agent: another runs it, in the session that the agent knows', async () => {
    const simulator = await simulate();
    const { home, env, takeOver } = accountOf(simulator);
    // A folder that both machines share, as the one in which they run the agent.
    const sessions = makeFolder();
    const awaited = join(home, 'go');
    writeFileSync(awaited, '');
    const acp = ['--acp', `exec '${process.execPath}' '${PARROT}'`];
    Object.assign(env, { SESSIONS: sessions });
    const first = startWxagent(['run', ...QUICK, ...acp], { home, env: { ...env, AWAITED: awaited } });
    simulator.control.message({ text: 'hello' });
    expect(await answered(simulator, 1)).toEqual(['s1/1: hello']);
    rmSync(awaited);
    simulator.control.message({ text: 'again' });
    await pollUntil('the agent is at it', () => existsSync(`${awaited}.wanted`));
    first.signal('SIGKILL');
    await first.exited;
    await expire();
    const second = takeOver(acp);
    expect(await answered(simulator, 2)).toEqual(['s1/1: hello', 's1/1: again']);
    expect((await second.stop()).code).toBe(0);
  });

  test.each([
    ['ahead', 3_600_000],
    ['behind', -3_600_000],
  ])('whose clock is an hour %s takes no lease too early, and keeps none too long', async (_, offMs) => {
    const simulator = await simulate();
    const { home, env, takeOver } = accountOf(simulator);
    const proxy = await startCuttingProxy(upstreamOf(SERVER as string));
    onTestFinished(() => proxy.close());
    const wrong = startHere(['run', ...QUICK, ...LINES, `echo '{"text":"wrong"}'; sleep 600`], {
      home,
      env: { ...env, WXAGENT_STORE: withParts(url, { host: '127.0.0.1', port: proxy.port }) },
      clock: createQuickClock(TIMES, offMs),
    });
    await wrong.says('stderr', 'ready');
    simulator.control.message({ text: 'one' });
    await answered(simulator, 1);
    // A living one is told apart, whatever its clock says.
    const refused = takeOver(['--echo']);
    expect((await refused.exited).code).toBe(75);
    await proxy.refuse();
    await expire();
    // In the middle of a turn, of which the clock says that it began in the future, or long ago.
    const right = takeOver([...LINES, `echo '{"text":"wrong"}'; echo '{"text":"right"}'`]);
    expect(await answered(simulator, 2)).toEqual(['wrong', 'right']);
    expect((await right.stop()).code).toBe(0);
    await proxy.accept();
    simulator.control.message({ text: 'two' });
    expect(await answered(simulator, 3)).toEqual(['wrong', 'right', 'wrong']);
    expect((await wrong.stop()).code).toBe(0);
  });
});
