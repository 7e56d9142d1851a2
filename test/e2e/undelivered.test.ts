import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/core/time/clock.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { blocksOf, readPage } from '../helpers/pages.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { createWeekClock } from '../helpers/week-clock.ts';
import { jsonLines, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

/** The true time, with no pause longer than a moment. */
const impatient = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 200), signal),
};

/** A command that keeps what it gets, one file for each start. */
const KEEPS = 'cat >$$.part; cp "$1" told.$$.txt; mv $$.part told.$$.json; set --';
const asCommand = (home: string, body: string): string => {
  writeFileSync(join(home, 'tell.sh'), `${body}\n`);
  return 'undelivered=sh ./tell.sh';
};

function told(home: string): { id: string; text: string; attempt: number; verdict: string }[] {
  return readdirSync(home)
    .filter((name) => /^told\..*\.json$/.test(name))
    .map((name) => JSON.parse(readFileSync(join(home, name), 'utf8')))
    .sort((a, b) => Number(a.id) - Number(b.id));
}

async function verdicts(home: string, ...ids: string[]): Promise<string[]> {
  const ends = await Promise.all(
    ids.map((id) => runHere(['send', '--wait', '0', '--json', '--id', id, '-'], { home })),
  );
  return ends.flatMap(({ stdout }) =>
    ((jsonLines(stdout)[0]?.parts ?? []) as { verdict: string }[]).map(({ verdict }) => verdict),
  );
}

test('what is held for too long goes to the command, once: JSON on stdin, the text in a file; the phone never gets it', async () => {
  const simulator = await simulate();
  const { home, user, id } = loggedIn(simulator);
  expect((await runHere(['send', '--id', 'a', 'the disk\nis full'], { home })).code).toBe(75);
  const run = startHere(
    ['run', '--json', '--echo', '--on', asCommand(home, KEEPS), '--within', '1s', ...QUICK],
    { home, clock: impatient },
  );
  await pollUntil('it is told', () => told(home).length === 1);
  await run.says('stderr', 'not confirmed in time (first-contact): told another way');
  expect(told(home)).toMatchObject([
    {
      v: 1,
      type: 'undelivered',
      about: 'message',
      account: id,
      user,
      id: '1',
      parts: ['1'],
      text: 'the disk\nis full',
      files: [],
      verdict: 'held',
      reason: 'first-contact',
      attempt: 1,
    },
  ]);
  const [text] = readdirSync(home).filter((name) => name.endsWith('.txt'));
  expect(readFileSync(join(home, text ?? ''), 'utf8')).toBe('the disk\nis full');
  simulator.control.message({ text: 'hi' });
  expect(await answered(simulator, 1)).toEqual(['hi']);
  const end = await run.stop();
  expect(end.code, end.stderr).toBe(0);
  expect(jsonLines(end.stdout).filter(({ verdict }) => verdict === 'fallback')).toMatchObject([
    { type: 'part', account: id, reason: 'first-contact' },
  ]);
  expect(await verdicts(home, 'a')).toEqual(['fallback']);
  expect(told(home)).toHaveLength(1);
});

/** An alert that does not go, and then the end of the login and of the run. */
async function alertAtDeadLogin(
  simulator: Awaited<ReturnType<typeof simulate>>,
  home: string,
  run: ReturnType<typeof startHere>,
): Promise<void> {
  await run.says('stderr', 'ready');
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'status', status: 503 });
  simulator.control.message({ text: 'hi' });
  await runHere(['send', '--wait', '0', 'alert'], { home });
  simulator.control.kill();
  expect((await run.exited).code).toBe(77);
}

test('a run whose login dies hands over what waits before it ends; the next one repeats nothing', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const on = ['--on', asCommand(home, KEEPS), ...QUICK];
  const run = startHere(['run', '--echo', ...on], { home });
  await alertAtDeadLogin(simulator, home, run);
  expect(told(home)).toMatchObject([{ text: 'alert' }]);
  expect((await runHere(['run', '--echo', ...on], { home })).code).toBe(77);
  expect(told(home)).toHaveLength(1);
});

test('a run whose login dies starts a command that fails once more before it ends', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const fails = '[ -e failed ] || { touch failed; exit 1; }';
  const on = ['--on', asCommand(home, `${fails}\n${KEEPS}`), ...QUICK];
  const run = startHere(['run', '--echo', ...on], { home, clock: { ...impatient, now: quick(60) } });
  await alertAtDeadLogin(simulator, home, run);
  expect(told(home)).toMatchObject([{ text: 'alert', attempt: 2 }]);
});

test('the alarm of a text that is missing goes there too', async () => {
  const simulator = await simulate();
  const { home, user } = loggedIn(simulator);
  await runHere(['expect', 'backup', '--every', '1m', '--to', user], { home });
  const clock = { ...impatient, now: () => systemClock.now() + 2 * 60_000 };
  const on = ['--on', asCommand(home, KEEPS), '--within', '1s', ...QUICK];
  const run = startHere(['run', '--echo', ...on], { home, clock });
  await pollUntil('it is told', () => told(home).length === 1);
  expect(told(home)).toMatchObject([
    { text: expect.stringContaining('"backup" is missing'), verdict: 'held', reason: 'first-contact' },
  ]);
  expect((await run.stop()).code).toBe(0);
});

test('an accepted text without an ID goes there too; one with an ID does not', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--echo', '--on', asCommand(home, KEEPS), '--within', '1s', ...QUICK], {
    home,
    clock: impatient,
  });
  simulator.control.message({ text: 'hi' });
  await answered(simulator, 1);
  expect((await runHere(['send', 'confirmed'], { home })).code).toBe(0);
  simulator.control.changeSettings({ sendAnswer: 'ret' });
  expect((await runHere(['send', 'unconfirmed'], { home })).code).toBe(0);
  await pollUntil('it is told', () => told(home).length === 1);
  expect(told(home)).toMatchObject([{ text: 'unconfirmed', verdict: 'unconfirmed' }]);
  expect((await run.stop()).code).toBe(0);
});

test('a command that fails is started again; what it has printed is in the log', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  await runHere(['send', '--id', 'a', 'alert'], { home });
  const fails = '[ -e failed ] || { touch failed; echo no mail today >&2; exit 1; }';
  const run = startHere(['run', '--echo', '--on', asCommand(home, `${fails}\n${KEEPS}`), '--within', '0'], {
    home,
    clock: { ...impatient, now: quick(60) },
  });
  await run.says('stderr', /the command of --on undelivered failed: .*no mail today/s);
  await pollUntil('it is told', () => told(home).length === 1);
  expect(told(home)).toMatchObject([{ text: 'alert', attempt: 2 }]);
  expect((await run.stop()).code).toBe(0);
  expect(await verdicts(home, 'a')).toEqual(['fallback']);
});

/** A wall clock that goes so many times as fast. */
function quick(times: number): () => number {
  const startMs = Date.now();
  return () => startMs + (Date.now() - startMs) * times;
}

test('a command that has failed for good gives the text back to WeChat, which gets it at once', async () => {
  const simulator = await simulate({ dateOffsetMs: null });
  const { home } = loggedIn(simulator);
  expect((await runHere(['send', 'the disk is full'], { home })).code).toBe(75);
  const clock = createWeekClock();
  const failed = async (times: number): Promise<void> => {
    const told = /--on undelivered failed: exit code 3/g;
    await pollUntil(`it has failed ${times} times`, () => run.stderr.match(told)?.length === times);
  };
  const run = startHere(['run', '--echo', '--on', 'undelivered=exit 3', '--within', '10m', ...QUICK], {
    home,
    clock,
  });
  await run.says('stderr', 'ready');
  clock.advance(600_000);
  await failed(1);
  simulator.control.message({ text: 'hello' });
  expect(await answered(simulator, 1)).toEqual(['hello']);
  clock.advance(30_000);
  await failed(2);
  clock.advance(120_000);
  await failed(3);
  expect(await answered(simulator, 2)).toEqual(['hello', 'the disk is full']);
});

test('kill -9 in the middle of the command: the next run starts it once more, and says so', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  await runHere(['send', '--id', 'a', 'alert'], { home });
  const on = [
    '--on',
    asCommand(home, `[ -e begun ] || { touch begun; exec sleep 600; }\n${KEEPS}`),
    '--within',
    '0',
  ];
  const run = startWxagent(['run', '--echo', ...on, ...QUICK], { home });
  await pollUntil('the command runs', () => existsSync(join(home, 'begun')));
  run.child.kill('SIGKILL');
  await run.exited;
  expect(told(home)).toEqual([]);
  // Meanwhile WeChat does not get it: the command may have told it.
  simulator.control.message({ text: 'hi' });
  const next = startWxagent(['run', '--echo', ...on, ...QUICK], { home });
  await pollUntil('it is told', () => told(home).length === 1);
  expect(told(home)).toMatchObject([{ text: 'alert', attempt: 2 }]);
  expect(await answered(simulator, 1)).toEqual(['hi']);
  next.child.kill('SIGTERM');
  expect((await next.exited).code).toBe(0);
  expect(answers(simulator)).toEqual(['hi']);
  expect(await verdicts(home, 'a')).toEqual(['fallback']);
});

test.each([
  [['--on', 'undelivered=cat', '--on', 'undelivered=true'], '--on undelivered takes one command'],
  [['--on', 'undelivered='], '--on takes event=command'],
  [['--on', 'undelivered=./no-such-program'], 'no-such-program'],
])('%j is refused', async (args, sentence) => {
  const { home } = loggedIn(await simulate());
  const end = await runHere(['run', '--echo', '--once', ...args], { home });
  expect(end.code).not.toBe(0);
  expect(end.stderr).toContain(sentence);
});

test('source add --fallback: wxagent web alone runs the command for a push that is held, at once if it is important', async () => {
  const simulator = await simulate();
  const { home, id, user } = loggedIn(simulator);
  asCommand(home, KEEPS);
  const added = await runHere(
    ['source', 'add', 'nas', '--json', '--important', '--fallback', 'sh ./tell.sh', '--within', '1h'],
    { home },
  );
  expect(added.code, added.stderr).toBe(0);
  const [source] = jsonLines(added.stdout);
  expect(source).toMatchObject({ fallback: { command: 'sh ./tell.sh', withinMs: 3_600_000 } });
  const web = startHere(['web', '--listen', '127.0.0.1:0'], { home, clock: impatient });
  await web.says('stderr', /http:\S+/);
  const [url = ''] = /http:\S+/.exec(web.stderr) ?? [];
  const pushed = await fetch(`${url}/push/${source?.token}`, { method: 'POST', body: 'disk full' });
  expect(pushed.status).toBe(200);
  await pollUntil('it is told', () => told(home).length === 1);
  expect(told(home)).toMatchObject([
    { account: id, user, text: 'disk full', source: 'nas', verdict: 'held' },
  ]);
  simulator.control.message({ text: 'hi' });
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  expect(answers(simulator)).toEqual(['hi']);
  expect((await web.stop()).code).toBe(0);
});

test.each([
  [['--within', '5m'], '--within goes with --fallback'],
  [['--fallback', './no-such-program'], 'no-such-program'],
])('source add %j is refused', async (args, sentence) => {
  const { home } = loggedIn(await simulate());
  const end = await runHere(['source', 'add', 'nas', ...args], { home });
  expect(end.code).not.toBe(0);
  expect(end.stderr).toContain(sentence);
});

test('the recipes hand the text on: by mail, ntfy, a second bot, a gateway', async () => {
  const { home } = loggedIn(await simulate());
  const page = readPage('docs/recipes.md');
  const commands = [...page.matchAll(/--on undelivered=(?:'([^']*)'|(\S+))/g)].map(
    ([, a, b]) => a ?? b ?? '',
  );
  const script = blocksOf(page).find(({ text }) => text.includes('SMS_TOKEN'))?.text ?? '';
  writeFileSync(join(home, 'sms.sh'), script, { mode: 0o755 });
  const bin = join(home, 'bin');
  mkdirSync(bin);
  // Each notes its arguments, stdin, and the file that an argument names.
  const noting = `#!/bin/sh
echo "$0 $*"; for one; do case $one in /*) cat "$one";; text@*) cat "\${one#text@}";; esac; done
[ "\${0##*/}" = curl ] || cat
`;
  for (const name of ['mail', 'curl', 'wxagent']) writeFileSync(join(bin, name), noting, { mode: 0o755 });
  writeFileSync(join(home, 'text'), 'disk full');
  expect(commands).toHaveLength(4);
  for (const command of commands) {
    const { stdout, status } = spawnSync('/bin/sh', ['-c', `${command} "$@"`, 'sh', join(home, 'text')], {
      cwd: home,
      env: { PATH: `${bin}:${process.env.PATH}`, SMS_TOKEN: 's' },
      input: '{}',
      encoding: 'utf8',
    });
    expect(status, command).toBe(0);
    expect(stdout, command).toContain('disk full');
  }
});
