import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { BIN, startOnTerminal, startWxagent, wxagent } from '../helpers/wxagent.ts';

async function owner() {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  return { simulator, home };
}

test('signals go through, as often as they come, and the command’s end is told', async () => {
  const { simulator, home } = await owner();
  const script = 'trap "echo one" TERM; trap "echo two; exit 9" USR1; echo up; while :; do sleep 0.05; done';
  const running = startWxagent(['exec', '--title', 'job', '--', 'sh', '-c', script], { home });
  await running.says('stdout', 'up');
  running.signal('SIGTERM');
  await running.says('stdout', 'one');
  running.signal('SIGTERM');
  await running.says('stdout', 'one\none');
  running.signal('SIGUSR1');
  expect(await running.exited).toMatchObject({ code: 9, stdout: 'up\none\none\ntwo\n', stderr: '' });
  expect(answers(simulator)[0]).toContain('❌ job: exit code 9, ');
  expect(await wxagent(['exec', '--', 'sh', '-c', 'kill -9 $$'], { home })).toMatchObject({ code: 137 });
  expect((await answered(simulator, 2))[1]).toContain(': SIGKILL, ');
});

test('stdin is the command’s; one file for both streams keeps the order of its lines', async () => {
  const { home } = await owner();
  const cat = await wxagent(['exec', '--', 'cat'], { home, input: 'in\n' });
  expect(cat).toMatchObject({ code: 0, stdout: 'in\n' });
  const script = 'for n in 1 2 3 4 5; do echo out$n; echo err$n >&2; done';
  const both = await startWxagent(
    ['-c', `exec "$0" "$@" >both 2>&1`, process.execPath, BIN, 'exec', '--', 'sh', '-c', script],
    {
      home,
      through: ['/bin/sh'],
    },
  ).exited;
  expect(both.code).toBe(0);
  const lines = [1, 2, 3, 4, 5].flatMap((n) => [`out${n}`, `err${n}`]);
  expect(readFileSync(join(home, 'both'), 'utf8').trim().split('\n')).toEqual(lines);
});

test('how a command ends is told also where nobody reads its output, or its folder is gone', async () => {
  const { simulator, home } = await owner();
  const through = async (script: string, ...args: string[]) => {
    const given = ['-c', script, process.execPath, BIN, ...args];
    return startWxagent(given, { home, through: ['/bin/sh'] }).exited;
  };
  await through(
    '"$0" "$@" | head -n 1',
    'exec',
    '--title',
    'read',
    '--',
    'sh',
    '-c',
    'while :; do echo y; done',
  );
  expect(answers(simulator)[0]).toContain('❌ read: SIGPIPE, ');
  await through('"$0" "$@" >/dev/full', 'exec', '--title', 'full', '--', 'sh', '-c', 'echo y; exit 5');
  expect(answers(simulator)[1]).toContain('❌ full: exit code 5, ');
  const gone = await through('mkdir gone && cd gone && rmdir ../gone && "$0" "$@"', 'send', 'from nowhere');
  expect(gone).toMatchObject({ code: 0, stderr: '' });
  expect(answers(simulator)[2]).toBe('from nowhere');
});

test('on a terminal it is the command’s own', async () => {
  const { simulator, home } = await owner();
  const script = 'test -t 0 && test -t 2 && read line && echo "read $line" >&2; exit 4';
  const running = startOnTerminal(['exec', '--title', 'typed', 'sh', '-c', `"${script}"`.slice(1, -1)], {
    home,
    stdout: '/dev/null',
  });
  running.child.stdin?.write('hello\n');
  expect((await running.exited).code).toBe(4);
  expect(running.stdout).toContain('read hello');
  expect(answers(simulator)[0]).toMatch(/^❌ typed: exit code 4, /);
});

test('what a command leaves running keeps nothing waiting, and a hangup that is ignored stays ignored', async () => {
  const { home } = await owner();
  const left = await wxagent(['exec', '--', 'sh', '-c', 'sleep 600 & echo $!'], { home });
  expect(left.code).toBe(0);
  process.kill(Number(left.stdout), 'SIGKILL');
  const hangup = startWxagent(
    [
      '-c',
      'trap "" HUP; "$0" "$@"; exit $?',
      process.execPath,
      BIN,
      'exec',
      '--',
      'sh',
      '-c',
      'kill -HUP $$; echo still here',
    ],
    { home, through: ['/bin/sh'] },
  );
  expect(await hangup.exited).toMatchObject({ code: 0, stdout: 'still here\n' });
});
