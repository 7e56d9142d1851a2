import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/time/clock.ts';
import type { Foreground } from './spawn.ts';

/** So much fits into one argument of a program on Linux, with room for what stands around it. */
const MAX_LINE_BYTES = 120_000;
/** How often a command that was stopped looks whether it is in the foreground again. */
const FOREGROUND_MS = 200;

/**
 * What runs on the terminal inside: a shell with job control, which waits for the command. It says the command's process,
 * and when Ctrl-Z has stopped it; a line sends it on. Its own remarks (`Killed`) are nobody's.
 */
const INSIDE = `exec 4>&2 2>/dev/null
trap : HUP INT TERM
sh -c 'echo "$$" >&3; exec "$@" 2>&4 3>&- 4>&-' sh "$@"
code=$?
while jobs %1 >/dev/null; do
  echo stopped >&3
  read -r line <&3
  fg >/dev/null
  code=$?
done
exit "$code"`;

/** What is to run on a terminal of its own. */
export interface TerminalCommand {
  argv: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** What a shell does first. */
  before: string;
}

/** Whether a command can get a terminal: by `script` of util-linux only, and not in the background. */
export function canHaveTerminal(command: TerminalCommand): boolean {
  if (!isInForeground() || Buffer.byteLength(lineFor(command)) > MAX_LINE_BYTES) return false;
  const version = spawnSync('script', ['--version'], { encoding: 'utf8', timeout: 5_000 });
  return version.status === 0 && version.stdout.includes('util-linux');
}

/** Starts a command on a terminal of its own; `child.stdout` is what it shows. Ctrl-Z stops us too; `fg` wakes both. */
export function startOnOwnTerminal(command: TerminalCommand, clock: Pick<Clock, 'sleep'>): Foreground {
  // script starts what is in SHELL, and without one /bin/sh.
  const { SHELL: _, ...env } = command.env;
  const usual = ttyState();
  const child = spawn('script', ['-qec', lineFor(command), '/dev/null'], {
    cwd: command.cwd,
    env,
    stdio: ['inherit', 'pipe', 'inherit', 'pipe'],
  });
  const inside = child.stdio[3] as Duplex;
  inside.on('error', () => {}); // it has ended
  const waiting: NodeJS.Signals[] = [];
  let pid: number | null = null;
  let isStopped = false;
  let raw: string | null = null;

  createInterface({ input: inside }).on('line', (line) => {
    if (line === 'stopped') return void stop();
    pid = Number(line);
    for (const name of waiting) send(name);
  });

  function send(name: NodeJS.Signals): void {
    try {
      if (pid === null) waiting.push(name);
      else process.kill(pid, name);
    } catch {
      // It has ended, or is another user's now.
    }
  }

  async function stop(): Promise<void> {
    // Somebody has ended it in the background meanwhile.
    if (!isInForeground()) return void inside.write('\n');
    isStopped = true;
    // It would go on reading keys that are the shell's now.
    child.kill('SIGSTOP');
    raw = ttyState();
    setTty(usual);
    process.kill(0, 'SIGTSTP');
    do await clock.sleep(FOREGROUND_MS);
    while (isStopped && !isInForeground());
    goOn();
  }

  function goOn(): void {
    if (!isStopped) return;
    isStopped = false;
    if (isInForeground()) setTty(raw);
    child.kill('SIGCONT');
    inside.write('\n');
  }

  return {
    child,
    signal(name) {
      send(name);
      // What is stopped would hear of it only later.
      goOn();
    },
  };
}

/** The line that `script` gives to a shell. */
function lineFor({ argv, env: { SHELL }, before }: TerminalCommand): string {
  const variable = SHELL === undefined ? '' : `SHELL=${quoted(SHELL)} `;
  return `${before}${variable}exec /bin/sh -mc ${[INSIDE, 'sh', ...argv].map(quoted).join(' ')}`;
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** How our terminal is set, in the words of `stty`; null: it cannot be asked. */
function ttyState(): string | null {
  const { status, stdout } = spawnSync('stty', ['-g'], {
    encoding: 'utf8',
    stdio: ['inherit', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout.trim() : null;
}

function setTty(state: string | null): void {
  if (state !== null) spawnSync('stty', [state], { stdio: ['inherit', 'ignore', 'ignore'] });
}

/** Whether the terminal is that of our process group; false where nobody can say. */
function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    // Behind the name of the program, which may have anything in it.
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return false; // no Linux
  }
}
