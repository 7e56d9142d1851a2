import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { agent, lives } from '../helpers/agents.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { longLine } from '../helpers/long-line.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, configPath, loggedIn, simulate } from '../helpers/simulated.ts';
import { BIN, jsonLines, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

/** An agent that hangs at its first attempt, its pid in `pid`, and answers at every later one. */
const HANGS_ONCE = [
  '--exec',
  `text=$(cat); if [ "$WXAGENT_ATTEMPT" = 1 ]; then echo stale >"$WXAGENT_REPLY_DIR/stale.txt"; echo $$ >pid.new; mv pid.new pid; exec sleep 600; fi; printf '%s: %s' "$WXAGENT_ATTEMPT" "$text"`,
];

/** The pid an agent noted, once it has. */
async function pidOf(home: string): Promise<number> {
  const read = (): number => {
    try {
      return Number(readFileSync(join(home, 'pid'), 'utf8'));
    } catch {
      return 0;
    }
  };
  await pollUntil('the agent runs', () => read() > 0);
  return read();
}

test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s: a clean stop; what an agent was at runs again at the next start',
  async (signal) => {
    const simulator = await simulate();
    const { home, id } = loggedIn(simulator);
    simulator.control.message({ text: 'hello' });
    const run = startWxagent(['run', '--json', ...QUICK, ...HANGS_ONCE], { home });
    const pid = await pidOf(home);
    // As npx does, which passes on what the terminal has sent to both.
    run.signal(signal);
    run.signal(signal);
    const end = await run.exited;
    expect(end.code, end.stderr).toBe(0);
    expect(end.stderr).toContain('stopping; 1 in progress (once more to stop at once)');
    expect(jsonLines(end.stdout).at(-1)).toEqual({ v: 1, type: 'stopped', account: id, unread: 0 });
    expect(lives(pid)).toBe(false);
    expect(answers(simulator)).toEqual([]);
    expect(simulator.control.bots()[0]?.announced).toBe(false);
    const next = await runHere(['run', '--once', ...QUICK, ...HANGS_ONCE], { home });
    expect(next.code).toBe(0);
    expect(answers(simulator)).toEqual(['2: hello']);
  },
);

test.each([
  ['bash', 'SIGHUP', 'nohup "$0" "$@"'],
  ['bash', 'SIGHUP', 'trap "" HUP; "$0" "$@"; exit $?'],
  ['sh', 'SIGHUP', 'trap "" HUP; "$0" "$@"; exit $?'],
  ['sh', 'SIGINT', 'trap "" INT HUP; "$0" "$@"; exit $?'],
] as const)('%s: %s that was ignored at the start stays ignored: %s', async (shell, signal, line) => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const through = [shell, '-c', line, process.execPath, BIN] as const;
  const agentLine = 'cat; echo $PPID >parent.new; mv parent.new parent';
  const run = startWxagent(['run', '--json', ...QUICK, '--exec', agentLine], { home, through: [...through] });
  simulator.control.message({ text: 'one' });
  await pollUntil('the first answer', () => answers(simulator).includes('one'));
  const pid = Number(readFileSync(join(home, 'parent'), 'utf8'));
  process.kill(pid, signal);
  simulator.control.message({ text: 'two' });
  await pollUntil('the second answer', () => answers(simulator).includes('two'));
  process.kill(pid, 'SIGTERM');
  expect(await run.exited).toMatchObject({ code: 0 });
});

test('an agent that says goodbye when it is stopped: its message is answered once all the same', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hello' });
  const run = startHere(['run', ...QUICK, '--', ...agent('misbehave', 'say-goodbye', '50')], { home });
  await run.says('stderr', 'agent: ready');
  const end = await run.stop();
  expect(end).toMatchObject({ code: 0, stdout: '' });
  const next = await runHere(['run', '--once', ...QUICK, '--exec', 'echo goodbye'], { home });
  expect(next.code).toBe(0);
  expect(answers(simulator)).toEqual(['goodbye']);
});

test('a second signal ends it at once, with 143 or 130; nothing is lost', async () => {
  const simulator = await simulate();
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const { home, user } = loggedIn(simulator, { user: `o9${signal}@im.wechat` });
    const { messageId } = simulator.control.message({ user, text: signal });
    // Ends by itself a second after it was told to.
    const run = startWxagent(
      ['run', '--grace', '1m', ...QUICK, '--', ...agent('misbehave', 'say-goodbye', '1000')],
      { home },
    );
    await run.says('stderr', 'agent: ready');
    run.signal(signal);
    await run.says('stderr', 'stopping; 1 in progress');
    // One signal that arrives twice at once is one; a later one counts.
    await pollUntil('it ends', () => {
      run.signal(signal);
      return run.child.exitCode !== null;
    });
    expect(await run.exited).toMatchObject({ code, stdout: '' });
    const kept = jsonLines((await runHere(['messages', '--json'], { home })).stdout)[0] as {
      messages: object[];
    };
    expect(kept.messages.at(-1)).toMatchObject({ id: messageId, state: 'running', attempt: 1 });
  }
});

test('stopped while the server answers a poll: what it hands out is kept, and answered by the next run', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.addFault({
    endpoint: 'getupdates',
    kind: 'delay',
    processed: true,
    afterMs: 100,
    count: 1,
  });
  simulator.control.message({ text: 'handed out' });
  const run = startHere(['run', ...QUICK, ...HANGS_ONCE], { home });
  await pollUntil('it is handed out', () => simulator.control.stats().counts.handedOut === 1);
  expect(await run.stop()).toMatchObject({ code: 0 });
  expect((await runHere(['run', '--once', '--echo', ...QUICK], { home })).code).toBe(0);
  expect(answers(simulator)).toEqual(['handed out']);
  expect(simulator.control.lost()).toEqual([]);
});

test('stopped while the server holds a poll: what it hands out before it hears of that is kept', async () => {
  const simulator = await simulate({ holdMs: 30_000 });
  const { url } = await longLine(simulator.baseUrl, 100);
  const { home } = loggedIn({ ...simulator, baseUrl: url });
  const run = startWxagent(['run', ...QUICK, ...HANGS_ONCE], { home });
  await run.says('stderr', 'ready');
  run.signal('SIGTERM');
  simulator.control.message({ text: 'handed out' });
  expect((await run.exited).code).toBe(0);
  simulator.control.changeSettings({ holdMs: 100 });
  expect((await runHere(['run', '--once', '--echo', ...QUICK], { home })).code).toBe(0);
  expect(answers(simulator)).toEqual(['handed out']);
  expect(simulator.control.lost()).toEqual([]);
});

test('SIGKILL in the middle of a turn: the message is answered once, after the end of that agent', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.messages([{ text: 'one' }, { text: 'two' }]);
  const run = startWxagent(
    [
      'run',
      ...QUICK,
      ...HANGS_ONCE.map((word) => word.replace('"$WXAGENT_ATTEMPT" = 1', '"$text-$WXAGENT_ATTEMPT" = one-1')),
    ],
    { home },
  );
  const pid = await pidOf(home);
  run.signal('SIGKILL');
  expect(await run.exited).toMatchObject({ code: null, signal: 'SIGKILL' });
  expect(lives(pid)).toBe(true);
  const next = startHere(['run', '--json', ...QUICK, '--exec', 'printf "%s: " "$WXAGENT_ATTEMPT"; cat'], {
    home,
  });
  await next.says('stderr', 'ended the agent of a former runner');
  expect(await answered(simulator, 2)).toEqual(['2: one', '1: two']);
  expect(lives(pid)).toBe(false);
  const end = await next.stop();
  expect(end.code).toBe(0);
  expect(jsonLines(end.stdout).filter(({ type }) => type === 'outcome')).toMatchObject([
    { outcome: 'reply', attempt: 2 },
    { outcome: 'reply', attempt: 1 },
  ]);
  expect(simulator.control.stats().counts.sendsAccepted).toBe(2);
});

test('SIGKILL while an answer is on its way: the same request again, shown once', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'hang', processed: true, count: 1 });
  simulator.control.message({ text: 'hello' });
  const run = startWxagent(['run', '--echo', ...QUICK], { home });
  await pollUntil(
    'the request is there',
    () => simulator.control.requests({ endpoint: 'sendmessage' }).length === 1,
  );
  run.signal('SIGKILL');
  await run.exited;
  expect(answers(simulator)).toEqual(['hello']);
  const next = await runHere(['run', '--echo', '--once', ...QUICK], { home });
  expect(next.code).toBe(0);
  const bodies = simulator.control.requests({ endpoint: 'sendmessage' }).map(({ body }) => body);
  expect(bodies).toHaveLength(2);
  expect(bodies[1]).toEqual(bodies[0]);
  expect(answers(simulator)).toEqual(['hello']);
});

test('a send that looks for messages is waited for, and said', async () => {
  const simulator = await simulate({ holdMs: 3_000 });
  const { home } = loggedIn(simulator);
  const send = startHere(['send', '--wait', '1s', 'hi'], { home });
  const isLooking = () => simulator.control.bots().some(({ polls }) => polls > 0);
  await pollUntil('it looks', isLooking);
  const run = startHere(['run', '--echo', ...QUICK], { home });
  await run.says('stderr', 'is checking for messages of');
  await run.says('stderr', 'ready');
  expect((await send.exited).code).toBe(75);
  expect((await run.stop()).code).toBe(0);
});

test('one runner for an account: the second is told who has it; another account is free', async () => {
  const simulator = await simulate();
  const { home, id } = loggedIn(simulator, { name: 'one' });
  loggedIn(simulator, { home, user: 'o9two@im.wechat', name: 'two' });
  const run = startWxagent(['run', '--echo', '--account', 'one'], { home });
  await run.says('stderr', 'ready: one');
  for (const args of [['run', '--echo'], ['listen']]) {
    const second = await runHere(args, { home });
    expect(second, second.stderr).toMatchObject({ code: 75, stdout: '' });
    expect(second.stderr).toContain(`wxagent: process ${run.pid} on `);
    expect(second.stderr).toContain(`receives the messages of ${id} already\nhint: wxagent status\n`);
  }
  const status = jsonLines((await runHere(['status', '--json'], { home })).stdout)[0];
  expect(status?.accounts).toMatchObject([{ runner: { pid: run.pid } }, { runner: null }]);
  const other = await runHere(['run', '--echo', '--once', '--account', 'two'], { home });
  expect(other.code).toBe(0);
  expect((await run.stop()).code).toBe(0);
  expect((await runHere(['run', '--echo', '--once'], { home })).code).toBe(0);
});

test('a dead login: 77, everything kept, said in status; a new login of the owner goes on', async () => {
  const simulator = await simulate();
  const { home, id } = loggedIn(simulator);
  const run = startHere(['run', '--json', '--exec', 'cat', ...QUICK, '--on', 'expired=cat >expired.json'], {
    home,
  });
  await run.says('stdout', '"ready"');
  simulator.control.kill();
  const end = await run.exited;
  expect(end.code, end.stderr).toBe(77);
  expect(
    jsonLines(end.stdout)
      .slice(1)
      .map(({ type }) => type),
  ).toEqual(['expired', 'stopped']);
  expect(jsonLines(end.stdout)[1]).toEqual({ v: 1, type: 'expired', account: id });
  expect(end.stderr).toContain('hint: wxagent login');
  expect(jsonLines(readFileSync(join(home, 'expired.json'), 'utf8'))).toMatchObject([
    { type: 'expired', account: id },
  ]);
  const status = jsonLines((await runHere(['status', '--json'], { home })).stdout)[0];
  expect(status?.accounts).toMatchObject([{ id, login: 'expired', runner: null }]);

  simulator.control.message({ text: 'are you there?' });
  expect((await runHere(['login', '--force', '--base-url', simulator.baseUrl], { home })).code).toBe(0);
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  expect(answers(simulator)).toEqual(['are you there?']);
  const after = jsonLines((await runHere(['status', '--json'], { home })).stdout)[0];
  expect(after?.accounts).toMatchObject([{ login: 'ok' }]);
});

test('a token for another host is not sent there', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const file = JSON.parse(readFileSync(configPath(home), 'utf8')) as {
    accounts: { namedUrl: string | null }[];
  };
  for (const account of file.accounts) account.namedUrl = null;
  writeFileSync(configPath(home), JSON.stringify(file));
  const run = await runHere(['run', '--echo', '--once'], { home });
  expect([run.code, run.stdout], run.stderr).toEqual([78, '']);
  expect(run.stderr).toContain(simulator.baseUrl);
  expect(simulator.control.requests()).toEqual([]);
});
