import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../src/sqlite/database.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const LINES = [...QUICK, '--output', 'jsonl'];

/** A shell command that prints these words as texts; `|` waits until the test lets it go on, `$` is the attempt. */
function words(home: string, said: string, name = 'agent.sh'): string {
  const file = join(home, name);
  const steps = [...said].map((one) =>
    one === '|'
      ? 'while [ ! -e go ]; do sleep 0.02; done'
      : `echo '{"text":"'${one === '$' ? '"$WXAGENT_ATTEMPT"' : one}'"}'`,
  );
  writeFileSync(file, ['#!/bin/sh', ...steps].join('\n'));
  chmodSync(file, 0o700);
  return file;
}

function outcomes(run: { stdout: string }): Record<string, unknown>[] {
  return jsonLines(run.stdout).filter(({ type }) => type === 'outcome');
}

test('what an agent says arrives while it runs, and its files at the end', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  writeFileSync(join(home, 'a.txt'), 'content');
  const exec = `echo '{"text":"one"}'; echo '{"file":"a.txt","name":"b.txt"}'; while [ ! -e go ]; do sleep 0.02; done; echo '{"text":"two"}'; echo x >"$WXAGENT_REPLY_DIR/c.txt"`;
  const run = startHere(['run', '--json', ...LINES, '--exec', exec], { home });
  simulator.control.message({ text: 'hi' });
  await answered(simulator, 2);
  expect(outcomes(run)).toEqual([]);
  writeFileSync(join(home, 'go'), '');
  await answered(simulator, 4);
  const shown = simulator.control.phone().shown.filter(({ from }) => from === 'bot');
  expect(shown.map(({ text, fileName }) => fileName ?? text)).toEqual(['one', 'b.txt', 'two', 'c.txt']);
  expect(simulator.control.file(shown[1]?.messageId ?? '')?.toString()).toBe('content');
  const end = await run.stop();
  expect(outcomes(end)).toMatchObject([{ outcome: 'reply', reason: null, parts: 4 }]);
  expect(end.stderr).not.toContain('no reply');
});

test('the log counts every part once, those said before the end too', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', ...LINES, '--exec', words(home, 'a|bc')], { home });
  simulator.control.message({ text: 'hi' });
  await run.says('stderr', '-> 1 part confirmed');
  writeFileSync(join(home, 'go'), '');
  await answered(simulator, 3);
  const { stderr } = await run.stop();
  const told = [...stderr.matchAll(/-> (\d) parts? confirmed/g)].map(([, count]) => Number(count));
  expect(
    told.reduce((sum, count) => sum + count),
    stderr,
  ).toBe(3);
});

test('a line nobody can act on: what was said stays, the notice follows, the log says which line', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const exec = `echo '{"text":"one"}'; echo 'Traceback:'; exec sleep 600`;
  const run = await runHere(['run', '--once', '--json', ...LINES, '--exec', exec], { home });
  expect(run.code, run.stderr).toBe(0);
  expect(answers(simulator)).toEqual(['one', expect.stringContaining('⚠️')]);
  expect(outcomes(run)).toMatchObject([{ outcome: 'failed', reason: 'bad-output', parts: 2 }]);
  expect(run.stderr).toContain('agent failed: bad-output: a line is not a JSON object: Traceback:\n');
  expect(run.stderr).toContain('hint: each line is {"text": "..."}');
});

test('a flood arrives as its first pieces, the beginning of the rest, and a file', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const exec = `yes '{"text":"a few words"}' | head -100000`;
  const run = await runHere(['run', '--once', ...LINES, '--exec', exec], { home });
  expect(run.code, run.stderr).toBe(0);
  const shown = simulator.control.phone().shown.filter(({ from }) => from === 'bot');
  expect(shown.map(({ kind }) => kind)).toEqual(['text', 'text', 'text', 'text', 'file']);
  const rest = simulator.control.file(shown[4]?.messageId ?? '')?.toString('utf8') ?? '';
  expect(rest.split('\n\n')).toHaveLength(99_997);
});

/** Ends a runner in the middle of answers to some users, and lets the next one finish them; what each phone shows. */
async function ended(how: 'SIGKILL' | 'SIGTERM', said: Record<string, string>): Promise<string[][]> {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator);
  const agents = Object.entries(said);
  for (const [name, steps] of agents) words(home, steps, `${name}.sh`);
  const args = ['run', '--json', '--allow-all', ...LINES, '--exec', 'exec "./$(cat).sh"'];
  const users = agents.map(([name]) => `${name}@im.wechat`);
  for (const [index, [name]] of agents.entries()) {
    simulator.control.message({ user: users[index] as string, text: name });
  }
  const run = startWxagent(args, { home });
  for (const [index, [, steps]] of agents.entries()) {
    await answered(simulator, steps.indexOf('|'), users[index] as string);
  }
  run.signal(how);
  await run.exited;
  writeFileSync(join(home, 'go'), '');
  const next = startHere(args, { home });
  await pollUntil('all have an answer', () => outcomes(next).length === agents.length);
  const attempt2 = { outcome: 'reply', attempt: 2 };
  expect(outcomes(next)).toMatchObject(agents.map(() => attempt2));
  await next.stop();
  return users.map((user) => answers(simulator, user));
}

test('SIGKILL in the middle of streamed answers: what is the same is not said again, what differs is', async () => {
  expect(await ended('SIGKILL', { same: 'ab|c', other: 'a$b|c' })).toEqual([
    ['a', 'b', 'c'],
    ['a', '1', 'b', '2', 'b', 'c'],
  ]);
});

test('a stop in the middle of a streamed answer: nothing is said twice', async () => {
  expect(await ended('SIGTERM', { same: 'ab|c' })).toEqual([['a', 'b', 'c']]);
});

test('SIGKILL while what was said is on its way: each piece is shown once, in order', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'hang', processed: true, count: 1 });
  simulator.control.message({ text: 'hi' });
  const args = ['run', ...LINES, '--exec', words(home, 'ab|c')];
  const run = startWxagent(args, { home });
  const kept = (): unknown => simulator.control.requests({ endpoint: 'sendmessage' }).length;
  await pollUntil('the first request', () => kept() === 1);
  // Both pieces are queued, though only the first one is on its way.
  await pollUntil('the second piece is queued', () => queuedOf(home) === 2);
  run.signal('SIGKILL');
  await run.exited;
  writeFileSync(join(home, 'go'), '');
  const next = startHere(args, { home });
  expect(await answered(simulator, 3)).toEqual(['a', 'b', 'c']);
  await next.stop();
});

/** Parts that are not final. */
function queuedOf(home: string): number {
  const database = openDatabase(join(home, 'wx', 'state', 'wxagent.db'));
  try {
    return Number(database.one("SELECT count(*) AS n FROM parts WHERE state IN ('queued', 'sending')")?.n);
  } finally {
    database.close();
  }
}

test('a line and a text of `send` arrive in the order in which they were committed', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const exec = `echo '{"text":"one"}'; while [ ! -e said ]; do sleep 0.02; done; "$WXAGENT_BIN" send two; echo '{"text":"three"}'`;
  const run = startHere(['run', ...LINES, '--exec', exec], { home });
  await answered(simulator, 1);
  writeFileSync(join(home, 'said'), '');
  expect(await answered(simulator, 3)).toEqual(['one', 'two', 'three']);
  await run.stop();
});

test('--silence-timeout ends an agent that says nothing more; one that shows life may take its time', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const flags = ['run', '--once', '--json', ...LINES, '--silence-timeout', '1s'];
  const silent = await runHere([...flags, '--exec', `echo '{"text":"one"}'; exec sleep 600`], { home });
  expect(outcomes(silent)).toMatchObject([{ outcome: 'failed', reason: 'timeout', parts: 2 }]);
  expect(silent.stderr).toContain('timeout: no output for longer than --silence-timeout');
  simulator.control.message({ text: 'hi' });
  const slow = `for n in 1 2 3 4 5 6; do echo '{"typing":true}'; sleep 0.25; done; echo '{"text":"two"}'`;
  const alive = await runHere([...flags, '--exec', slow], { home });
  expect(outcomes(alive)).toMatchObject([{ outcome: 'reply', reason: null }]);
  expect(answers(simulator).at(-1)).toBe('two');
});

test('--working-notice tells a user who waits, in their language, unless it is off', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const answer = async (text: string, notice: string, exec: string): Promise<string[]> => {
    const before = answers(simulator).length;
    simulator.control.message({ text });
    const run = await runHere(
      ['run', '--once', ...QUICK, '--working-notice', notice, '--exec', `sleep 0.4; ${exec}`],
      { home },
    );
    expect(run.code, run.stderr).toBe(0);
    return answers(simulator).slice(before);
  };
  expect(await answer('hi', '100ms', 'echo done')).toEqual([expect.stringContaining('⏳ Still'), 'done']);
  expect(await answer('你好', '100ms', 'exit 3')).toEqual([
    expect.stringContaining('还在处理'),
    expect.stringContaining('⚠️'),
  ]);
  expect(await answer('hi', 'off', 'echo done')).toEqual(['done']);
});

test('the phone shows "typing" until the last word, however slowly it is said', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const run = startHere(['run', '--pace', '0', '--output', 'jsonl', '--exec', words(home, 'a|b')], {
    home,
  });
  const told = (): number[] =>
    simulator.control
      .requests({ endpoint: 'sendtyping' })
      .map(({ body }) => (body as { status: number }).status);
  await answered(simulator, 1);
  await pollUntil('it is shown', () => told().length > 0);
  expect(told()).not.toContain(2);
  writeFileSync(join(home, 'go'), '');
  await answered(simulator, 2);
  await pollUntil('it ends', () => told().at(-1) === 2);
  await run.stop();
});

test('lines of a service arrive while it answers; a stop in between repeats nothing', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  let attempts = 0;
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write('{"text":"one"}\n{"text":"two"}\n');
    if (++attempts === 2) response.end('{"text":"three"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  simulator.control.message({ text: 'hi' });
  const args = ['run', '--json', ...QUICK, '--http', url];
  const run = startHere(args, { home });
  expect(await answered(simulator, 2)).toEqual(['one', 'two']);
  expect(outcomes(await run.stop())).toMatchObject([{ outcome: 'retry', attempt: 1, parts: 2 }]);
  const next = startHere(args, { home });
  expect(await answered(simulator, 3)).toEqual(['one', 'two', 'three']);
  expect(outcomes(await next.stop())).toMatchObject([{ outcome: 'reply', attempt: 2, parts: 1 }]);
});

test.each([
  ['--output', 'json', 'one of text, jsonl'],
  ['--silence-timeout', '30', '30s'],
  ['--working-notice', 'never', 'never'],
])('%s %s is refused before anything starts', async (flag, value, said) => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = await runHere(['run', '--echo', flag, value], { home });
  expect([run.code, run.stdout]).toEqual([64, '']);
  expect(run.stderr).toContain(said);
  expect(simulator.control.requests()).toEqual([]);
});
