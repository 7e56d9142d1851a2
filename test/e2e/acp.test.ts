import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { lives } from '../helpers/agents.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, makeFolder, startWxagent } from '../helpers/wxagent.ts';

/** Nothing of the phone's side that takes time of its own. */
const QUICK = ['--pace', '0', '--no-typing'];

/** An ACP agent of the fixtures as a line for the shell. */
function line(name: 'acp' | 'acp-misbehave' | 'acp-real', ...args: string[]): string {
  const file = fileURLToPath(new URL(`../fixtures/agents/${name}.mjs`, import.meta.url));
  return ['exec', process.execPath, file, ...args]
    .map((word) => (word === 'exec' ? word : `'${word}'`))
    .join(' ');
}

test('an ACP agent answers, and its session is there again after a restart', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const sessions = join(home, 'sessions');
  mkdirSync(sessions);
  const run = () =>
    runHere(['run', '--once', ...QUICK, '--acp', line('acp')], { home, env: { SESSIONS: sessions } });
  simulator.control.message({ text: 'hello' });
  expect(await run()).toMatchObject({ code: 0, stdout: '' });
  simulator.control.message({ text: 'again' });
  const { stderr } = await run();
  expect(stderr).toContain('agent: parrot 1 is ready');
  expect(answers(simulator)).toEqual(['s1/1: hello', 's1/1: again']);
});

test('--permission ask: the question is in the chat, the user’s next message decides, and /stop ends the turn', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', ...QUICK, '--acp', line('acp-misbehave', 'permission')], { home });
  simulator.control.message({ text: 'clean up' });
  expect((await answered(simulator, 1))[0]).toContain('rm -rf build');
  simulator.control.message({ text: 'y' });
  await run.says('stderr', 'agent: allowed (--permission ask): Run a command rm -rf build');
  await answered(simulator, 2);
  simulator.control.message({ text: 'and again' });
  expect((await answered(simulator, 3))[2]).toContain('rm -rf build');
  simulator.control.message({ text: '/stop' });
  expect((await answered(simulator, 4))[3]).toContain('Stopped');
  await run.says('stderr', 'ended: cancelled by the user');
  expect(await run.stop()).toMatchObject({ code: 0, stdout: '' });
  expect(answers(simulator)).toHaveLength(4);
});

test('--permission ask: a no is told to the agent, and who says nothing has said no when the turn is over', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const agent = ['--timeout', '3s', '--grace', '1s', '--acp', line('acp-misbehave', 'permission')];
  const run = startHere(['run', ...QUICK, ...agent], { home });
  simulator.control.message({ text: 'clean up' });
  // The turn ends before the five minutes.
  expect((await answered(simulator, 1))[0]).toMatch(/rm -rf build[\s\S]*within [123] seconds/);
  simulator.control.message({ text: 'n' });
  await run.says('stderr', 'agent: denied (--permission ask): Run a command rm -rf build');
  expect((await answered(simulator, 2))[1]).toBe('no');

  simulator.control.message({ text: 'clean up' });
  await answered(simulator, 3);
  // The question and the turn end at the same moment: the agent may still say what the no was to it.
  expect((await answered(simulator, 4))[3]).toMatch(/took too long|^no$/);
  // Nobody is asked any more: a message like any other.
  simulator.control.message({ text: 'y' });
  expect((await answered(simulator, 5))[4]).toContain('rm -rf build');
  expect(await run.stop()).toMatchObject({ code: 0, stdout: '' });
  expect(run.stderr.split('allowed (').length).toBe(1);
});

test('a killed runner leaves no agent behind for long: the next one ends it', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const pidOf = (stderr: string): number => Number(/is ready \(pid (\d+)\)/.exec(stderr)?.[1]);
  const first = startWxagent(['run', ...QUICK, '--acp', line('acp-misbehave', 'stay')], { home });
  await first.says('stderr', 'is ready');
  const pid = pidOf(first.stderr);
  first.signal('SIGKILL');
  await first.exited;
  expect(lives(pid)).toBe(true);

  const second = startHere(['run', ...QUICK, '--acp', line('acp')], { home });
  await second.says('stderr', `ended the agent of a former runner (pid ${pid})`);
  await pollUntil('the end of the orphan', () => !lives(pid));
  simulator.control.message({ text: 'hello' });
  await answered(simulator, 1);
  const own = pidOf(second.stderr);
  expect(await second.stop()).toMatchObject({ code: 0 });
  expect(lives(own)).toBe(false);
});

test('an agent that ignores everything holds neither a lane nor a stop', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const args = ['--timeout', '2500ms', '--grace', '1s', '--json', '--acp', line('acp-misbehave', 'deaf')];
  const run = startHere(['run', ...QUICK, ...args], { home });
  simulator.control.message({ text: 'hang' });
  simulator.control.message({ text: 'hello' });
  const [notice, answer] = await answered(simulator, 2);
  expect(notice).toContain('took too long');
  expect(answer).toBe('fine');
  simulator.control.message({ text: 'hang' });
  await pollUntil('the third turn', () => run.stdout.split('"type":"message"').length > 3);
  expect(await run.stop()).toMatchObject({ code: 0 });
  const outcomes = jsonLines(run.stdout).filter(({ type }) => type === 'outcome');
  expect(outcomes.slice(0, 2)).toMatchObject([
    { outcome: 'failed', reason: 'timeout' },
    { outcome: 'reply', reason: null },
  ]);
});

test.each([
  [['--acp', ''], 64, '--acp needs a command or a name'],
  [['--acp', 'goose'], 66, 'goose is not installed: goose is not on PATH'],
  [
    ['--acp', 'claude'],
    66,
    'Claude Code is not installed: claude-agent-acp is not on PATH, and neither is npx',
  ],
  [['--acp', 'nosuch'], 66, '"nosuch" is neither an agent wxagent knows by name nor a program on PATH'],
  [['--acp', './nothing'], 66, 'the command "./nothing" does not exist'],
  [
    ['--acp', `${process.execPath} y`, '--permission', 'maybe'],
    64,
    '--permission is one of allow, deny, ask, agent, not "maybe"',
  ],
  [['--echo', '--acp', 'x y'], 64, 'run takes one agent, not 2: --acp, --echo'],
])('run %s is refused', async (args, code, message) => {
  const home = makeFolder();
  const run = await runHere(['run', ...args], { home, env: { PATH: home } });
  expect(run).toMatchObject({ code, stdout: '' });
  expect(run.stderr).toContain(`wxagent: ${message}\n`);
});

test('an agent that nothing makes ask is refused under --allow-all, unless it was said what may happen', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const runWith = (who: string) => ['run', ...QUICK, '--allow-all', '--acp', line('acp-real', who)];
  const refused = await runHere(runWith('bare'), { home });
  expect(refused).toMatchObject({ code: 64, stdout: '' });
  expect(refused.stderr).toContain('has no mode in which it asks before it acts');
  expect(await runHere([...runWith('options'), '--exit-idle', '1s'], { home })).toMatchObject({ code: 0 });
  const chosen = startHere([...runWith('bare'), '--permission', 'deny'], { home });
  await pollUntil('the warning', () => chosen.stderr.includes('it may act without (--permission deny)'));
  expect(await chosen.stop()).toMatchObject({ code: 0 });
});

test('an agent that needs a newer Node.js than the one on PATH is refused at the start', async () => {
  const home = makeFolder();
  const install = (name: string, script: string) => writeFileSync(join(home, name), script, { mode: 0o755 });
  install('node', '#!/bin/sh\necho v22.18.1\n');
  install('kimi', '#!/usr/bin/env node\n');
  const run = await runHere(['run', '--acp', 'kimi'], { home, env: { PATH: `${home}:/usr/bin:/bin` } });
  expect(run).toMatchObject({ code: 66 });
  expect(run.stderr).toContain('Kimi Code needs Node.js 22.19.0 or newer; the one on PATH is 22.18.1');
});

test('wxagent agents tells which presets are on PATH, and what the others would take', async () => {
  const home = makeFolder();
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const install = (name: string): string => {
    writeFileSync(join(bin, name), '#!/bin/sh\nexit 1\n');
    chmodSync(join(bin, name), 0o755);
    return join(bin, name);
  };
  const gemini = install('gemini');
  const options = { home, env: { PATH: bin } };

  const table = await runHere(['agents'], options);
  expect(table).toMatchObject({ code: 0, stderr: 'hint: wxagent run --acp gemini\n' });
  expect(table.stdout).toMatch(/^gemini +Gemini CLI +installed: .*\/bin\/gemini$/m);
  expect(table.stdout).toMatch(/^codex +Codex +not installed: codex-acp is not on PATH$/m);

  const npx = install('npx');
  rmSync(gemini);
  expect(await runHere(['agents'], options)).toMatchObject({ stderr: 'hint: wxagent run --acp claude\n' });
  install('gemini');
  const json = await runHere(['agents', '--json'], options);
  expect(json).toMatchObject({ code: 0, stderr: '' });
  const [{ type, agents } = {}] = jsonLines(json.stdout) as {
    type?: string;
    agents?: Record<string, unknown>[];
  }[];
  expect(type).toBe('agents');
  const named = (name: string) => agents?.find((one) => one.name === name);
  expect(named('gemini')).toMatchObject({ installed: true, path: gemini, command: [gemini, '--acp'] });
  expect(named('codex')).toMatchObject({
    installed: false,
    path: null,
    command: [npx, '-y', '@agentclientprotocol/codex-acp'],
  });
  expect(named('goose')).toMatchObject({ installed: false, path: null, command: null });
});

test('a preset is started by its name', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  writeFileSync(join(home, 'gemini'), `#!/bin/sh\n[ "$1" = --acp ] && ${line('acp')}\n`, { mode: 0o755 });
  simulator.control.message({ text: 'hello' });
  const run = await runHere(['run', '--once', ...QUICK, '--acp', 'gemini'], {
    home,
    env: { PATH: `${home}:${process.env.PATH}` },
  });
  expect(run.code).toBe(0);
  expect(answers(simulator)).toEqual(['s1/1: hello']);
});
