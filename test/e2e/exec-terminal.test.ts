import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { BIN, startWxagent, type Wxagent } from '../helpers/wxagent.ts';

const EXEC = `'${process.execPath}' '${BIN}' exec --title job --`;

/** A line for a shell on a terminal of 31 rows and 91 columns, whose stdin, stdout and stderr it is. */
async function onTerminal(line: string) {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  writeFileSync(join(home, 'line'), `stty rows 31 cols 91\n${line}\n`);
  const running = startWxagent([], {
    home,
    input: 'open',
    env: { TERM: 'xterm', SHELL: '/bin/sh' },
    through: ['script', '-qec', 'sh ./line', '/dev/null'],
  });
  return { simulator, home, running, type: (keys: string) => running.child.stdin?.write(keys) };
}

/** Waits for a line that a command writes, and not for the keys that a terminal shows. */
const writes = (running: Wxagent, line: string) => running.says('stdout', `${line}\r\n`);

test('the command has a terminal of the same size, and the text has what a person would have read', async () => {
  const script =
    'test -t 0 && test -t 1 && test -t 2 && stty size; printf "\\033[31mred\\033[0m\\n"; ' +
    'printf "10%%\\r50%%\\r100%%\\n"; printf "\\033[?1049heditor\\033[?1049l"; echo err >&2; printf "没有换行"; exit 3';
  const { simulator, running } = await onTerminal(`${EXEC} sh -c '${script}'`);
  expect((await running.exited).code).toBe(3);
  expect(running.stdout).toContain('\u001b[31mred\u001b[0m\r\n10%\r50%\r100%\r\n\u001b[?1049heditor');
  const [text] = answers(simulator);
  expect(text).toMatch(/^❌ job: exit code 3, \d+ (ms|s)\n```\n31 91\nred\n100%\nerr\n没有换行\n```$/);
});

test('a password is read from the terminal, and is in no text', async () => {
  const ask =
    'stty -echo </dev/tty; printf "Password: " >/dev/tty; read -r word </dev/tty; stty echo </dev/tty';
  const { simulator, running, type } = await onTerminal(`${EXEC} sh -c '${ask}; echo; echo "got \${#word}"'`);
  await running.says('stdout', 'Password: ');
  type('hunter22\r');
  expect((await running.exited).code).toBe(0);
  expect(answers(simulator)[0]).toContain('\n```\nPassword: \ngot 8\n```');
  expect(running.stdout).not.toContain('hunter22');
});

test('Ctrl-C is the command’s, and so is a signal to wxagent', async () => {
  const traps = 'trap "echo int" INT; trap "echo term; exit 9" TERM; echo up; while :; do sleep 0.05; done';
  const { simulator, home, running, type } = await onTerminal(
    `sh -c 'echo $$ >pid; exec "$@"' sh ${EXEC} sh -c '${traps}'`,
  );
  await writes(running, 'up');
  type('\u0003');
  await running.says('stdout', 'int\r\n');
  process.kill(Number(readFileSync(join(home, 'pid'), 'utf8')), 'SIGTERM');
  expect((await running.exited).code).toBe(9);
  expect(answers(simulator)[0]).toMatch(/^❌ job: exit code 9, .*\n```\nup\n\^Cint\nterm\n```$/);
});

test('the signal that ends a command is 128 and its number, without a word of a shell', async () => {
  const { simulator, running } = await onTerminal(`${EXEC} sh -c 'kill -9 $$'`);
  expect((await running.exited).code).toBe(137);
  expect(answers(simulator)[0]).toMatch(/^❌ job: exit code 137, \d+ ms$/);
});

test('Ctrl-Z stops both and gives the terminal back; fg goes on', async () => {
  const { simulator, home, running, type } = await onTerminal('exec sh -i');
  type(`stty -g >before; ${EXEC} sh -c 'echo up; until [ -e go ]; do sleep 0.05; done; echo on; exit 4'\r`);
  await writes(running, 'up');
  type('\u001a');
  await running.says('stdout', 'Stopped');
  type('stty -g >stopped; touch go; echo shell: $?\r');
  await writes(running, 'shell: 0');
  const state = (name: string): string => readFileSync(join(home, name), 'utf8');
  expect(state('stopped')).toBe(state('before'));
  expect(answers(simulator)).toEqual([]);
  type('fg; echo code: $?; stty -g >after; exit\r');
  await writes(running, 'code: 4');
  await running.exited;
  expect(state('after')).toBe(state('before'));
  expect(answers(simulator)[0]).toMatch(/^❌ job: exit code 4, .*\n```\nup\n\^Zon\n```$/);
});

test('in the background, and beside another program of the terminal, the command has our terminal', async () => {
  const { simulator, running } = await onTerminal(
    `exec sh -ic '${EXEC} sh -c "echo one" & wait; ${EXEC} sh -c "echo two; echo three >&2" | cat'`,
  );
  const texts = await answered(simulator, 2);
  await running.exited;
  expect(running.stdout).toMatch(/one[\s\S]*two/);
  expect(texts[0]).toMatch(/exit code 0, .*\n\(What went to the terminal is not in this message\.\)$/);
  expect(texts[1]).toMatch(/\n```\ntwo\n```\n\(What went to the terminal is not in this message\.\)$/);
});

test('with another `script`, such as that of macOS, the command has our terminal', async () => {
  const fake = `mkdir bin; printf '#!/bin/sh\\nexit 1\\n' >bin/script; chmod +x bin/script; PATH="$PWD/bin:$PATH"`;
  const { simulator, running } = await onTerminal(`${fake}; ${EXEC} sh -c 'test -t 1 && exit 5'`);
  expect((await running.exited).code).toBe(5);
  expect(answers(simulator)[0]).toMatch(
    /exit code 5, .*\n\(What went to the terminal is not in this message\.\)$/,
  );
});

test('what the command leaves running goes on, and nobody waits for it', async () => {
  const { home, running } = await onTerminal(`${EXEC} sh -c 'sleep 600 & echo $! >left; echo done'`);
  expect((await running.exited).code).toBe(0);
  const left = Number(readFileSync(join(home, 'left'), 'utf8'));
  process.kill(left, 0);
  process.kill(left, 'SIGKILL');
  await pollUntil('its end', () => {
    try {
      process.kill(left, 0);
      return false;
    } catch {
      return true;
    }
  });
});
