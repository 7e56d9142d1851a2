import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { agent, lives } from '../helpers/agents.ts';
import { startHere } from '../helpers/in-this-process.ts';
import { blocksOf, ROOT, readPage } from '../helpers/pages.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, type Running, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

/** The arguments of `run` with the coprocess of the fixtures. */
function argsOf(args: string[] = [], ways: string[] = []): string[] {
  const command = `exec ${agent('coprocess', ...ways).join(' ')}`;
  return ['run', '--json', '--allow-all', ...QUICK, '--coprocess', command, ...args];
}

const start = (home: string, ...given: Parameters<typeof argsOf>): Running =>
  startHere(argsOf(...given), { home });

const outcomesOf = (run: Running) => jsonLines(run.stdout).filter(({ type }) => type === 'outcome');

test('one process for all users, each in order; it ends with the run', async () => {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator);
  const run = start(home);
  await run.says('stderr', 'agent: ready');
  const users = ['o9ann@im.wechat', 'o9bob@im.wechat'];
  for (const text of ['pid', 'late 50', 'echo last']) {
    for (const user of users) simulator.control.message({ user, text });
  }
  const [ann, bob] = [await answered(simulator, 3, users[0]), await answered(simulator, 3, users[1])];
  expect(ann).toEqual([expect.stringMatching(/^\d+$/), 'too late', 'last']);
  expect(bob).toEqual(ann);
  expect(await run.stop()).toMatchObject({ code: 0 });
  expect(lives(Number(ann[0]))).toBe(false);
  expect(run.stderr).not.toContain('the coprocess ended');
});

test('a file that it makes in the folder of the turn arrives, and the folder goes', async () => {
  const simulator = await simulate();
  const { home, id } = loggedIn(simulator);
  const run = start(home);
  simulator.control.message({ text: 'make-file what it says' });
  const file = () => simulator.control.phone({}).shown.find(({ fileName }) => fileName !== null);
  await pollUntil('the file', () => file() !== undefined);
  expect(file()).toMatchObject({ from: 'bot', fileName: 'made.txt', sizeBytes: 12 });
  expect(await run.stop()).toMatchObject({ code: 0 });
  expect(answers(simulator)).toHaveLength(1);
  expect(readdirSync(join(home, 'wx', 'media', 'turn', id))).toEqual([]);
});

test('one process for each user', async () => {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator);
  const run = start(home, ['--coprocess-per', 'user']);
  const users = ['o9ann@im.wechat', 'o9bob@im.wechat'];
  for (const user of users) simulator.control.message({ user, text: 'pid' });
  const pids = [await answered(simulator, 1, users[0]), await answered(simulator, 1, users[1])].map(Number);
  expect(new Set(pids).size).toBe(2);
  expect(await run.stop()).toMatchObject({ code: 0 });
  expect(pids.filter(lives)).toEqual([]);
});

/** What users write, what they read, and how the turns ended. */
const MISBEHAVIOUR: [how: string, shown: string[] | RegExp, outcomes: object[]][] = [
  ['nothing', [], [{ outcome: 'silent' }]],
  ['error no idea', /reported an error/, [{ outcome: 'failed', reason: 'exit' }]],
  ['garbage', /not understood/, [{ outcome: 'failed', reason: 'bad-output' }]],
  ['overlong', /not understood/, [{ outcome: 'failed', reason: 'bad-output' }]],
  ['wrong-first', ['mine'], [{ outcome: 'reply' }]],
  ['twice', ['once'], [{ outcome: 'reply' }]],
  ['never', /took too long/, [{ outcome: 'failed', reason: 'timeout' }]],
  ['retry', ['at last'], [{ outcome: 'retry' }, { outcome: 'reply', attempt: 2 }]],
  ['crash', ['survived'], [{ outcome: 'retry' }, { outcome: 'reply', attempt: 2 }]],
];

test('a coprocess that misbehaves: each turn its outcome, and no lane is held', async () => {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator);
  const run = start(home, ['--coprocess-per', 'user', '--timeout', '8s', '--concurrency', '20']);
  const userOf = (how: string): string => `o9${how.split(' ')[0]}@im.wechat`;
  for (const [how] of MISBEHAVIOUR) {
    simulator.control.message({ user: userOf(how), text: how });
    simulator.control.message({ user: userOf(how), text: 'echo next' });
  }
  for (const [how, shown, outcomes] of MISBEHAVIOUR) {
    const user = userOf(how);
    await pollUntil(`the answer after ${how}`, () => answers(simulator, user).at(-1) === 'next');
    const got = answers(simulator, user).slice(0, -1);
    expect(got, how).toEqual(shown instanceof RegExp ? [expect.stringMatching(shown)] : shown);
    const ended = () => outcomesOf(run).filter((line) => line.user === user);
    // The phone may show an answer before the line of its turn is out.
    await pollUntil(`the turns of ${how} are told`, () => ended().length > outcomes.length);
    expect(ended(), how).toMatchObject([...outcomes, { outcome: 'reply' }]);
  }
  expect(run.stderr).toContain('agent: boom');
  expect(run.stderr).toMatch(/the coprocess ended: exit code 3: boom; starting it again in [\d.]+ s/);
  expect(await run.stop()).toMatchObject({ code: 0 });
});

test('SIGKILL of the runner: the next one ends what it left, although that had nothing to do', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startWxagent(argsOf([], ['stubborn']), { home });
  simulator.control.message({ text: 'pid' });
  const pid = Number((await answered(simulator, 1))[0]);
  await pollUntil('nothing is under way', () => outcomesOf(run).length === 1);
  run.signal('SIGKILL');
  await run.exited;
  expect(lives(pid)).toBe(true);
  const next = start(home, ['--grace', '1s']);
  await next.says('stderr', `ended the agent of a former runner (pid ${pid})`);
  await pollUntil('it is gone', () => !lives(pid));
  simulator.control.message({ text: 'echo anew' });
  expect((await answered(simulator, 2)).at(-1)).toBe('anew');
  expect(await next.stop()).toMatchObject({ code: 0 });
  const third = start(home);
  await third.says('stderr', 'agent: ready');
  expect((await third.stop()).stderr).not.toContain('former runner');
});

test('stopped in the middle of a turn, it does not hold up the stop, and the message runs again', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = start(home, ['--grace', '1s'], ['stubborn']);
  const { messageId } = simulator.control.message({ text: 'never' });
  await run.says('stdout', '"type":"message"');
  expect(await run.stop()).toMatchObject({ code: 0 });
  expect(outcomesOf(run)).toMatchObject([{ id: messageId, outcome: 'retry', attempt: 1 }]);
});

test('a command that does not work is told at the start', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--coprocess', 'echo nothing here >&2; exit 127'], { home });
  await run.says('stderr', /the coprocess ended: exit code 127: .*; starting it again in [\d.]+ s/);
  await run.says('stderr', 'hint: the shell did not find a command');
  expect(await run.stop()).toMatchObject({ code: 0, stdout: '' });
});

const EXAMPLES: [needs: string, command: string][] = [
  ['python3', 'python3 "$WXAGENT_HOME"/agent.py'],
  ['python3', 'python3 examples/coprocess/agent.py'],
  ['jq', 'sh examples/coprocess/agent.sh'],
  ['go', 'go run examples/coprocess/agent.go'],
];

/** Whether a program is on the PATH. */
function exists(program: string): boolean {
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

for (const [needs, command] of EXAMPLES) {
  test.skipIf(!exists(needs))(`the example: ${command}`, async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator);
    simulator.control.messages([{ text: 'hello "你"' }, { text: 'and\nagain' }]);
    const [ofThePage] = blocksOf(readPage('docs/coprocess.md')).filter(({ file }) => file === 'agent.py');
    writeFileSync(join(home, 'wx', 'agent.py'), ofThePage?.text ?? '');
    // Go keeps what it has compiled below HOME.
    const env = { HOME: process.env.HOME, WXAGENT_HOME: join(home, 'wx') };
    const run = startHere(['run', ...QUICK, '--coprocess', command], { home, cwd: ROOT, env });
    const [first, second] = await answered(simulator, 2);
    expect(first).toMatch(/you said:? hello "你"$/i);
    expect(second).toMatch(/you said:? and\nagain$/i);
    expect(await run.stop()).toMatchObject({ code: 0, stdout: '' });
  });
}
