import { existsSync } from 'node:fs';
import { hasCode, isShortage } from '../../core/errors.ts';
import type { Command } from './command-line.ts';
import { windowsLinesHint } from './resolve-command.ts';

/** What to do about an exit code that a shell gives; by code. */
const EXIT_HINTS: Readonly<Record<number, string>> = {
  126: 'the shell cannot run the command: chmod +x, and check its first line (#!...)',
  127: 'the shell did not find a command: give its full path, or check the PATH wxagent was started with',
};

const SPAWN_HINTS: Record<string, string> = {
  ENOENT: 'the program, or the interpreter named in its first line, does not exist any more',
  EACCES: 'the program may not be run: chmod +x',
  ENOEXEC: 'the program is of another platform, or a script without a first line like #!/bin/sh',
  E2BIG: 'the environment or the arguments are too long for this system',
  EAGAIN: 'too many processes: lower --concurrency, or raise ulimit -u',
  EMFILE: 'too many open files: lower --concurrency, or raise ulimit -n',
  ENFILE: 'too many open files on this machine',
  ENOMEM: 'too little memory: lower --concurrency',
  ETXTBSY: 'the program is being written',
};

/** What to do about the exit code of a command in `cwd`, where it is one that a shell gives. */
export function exitHint(code: number | null, command: Command, cwd: string): string | undefined {
  const hint = EXIT_HINTS[code ?? 0];
  return hint && (windowsLinesHint(wordsOf(command), cwd) ?? hint);
}

function wordsOf(command: Command): readonly string[] {
  return 'argv' in command ? command.argv : command.shell.split(/[\s;|&<>()"']+/);
}

/** A command that could not be started. */
export interface SpawnFailure {
  detail: string;
  /** What to do about it. */
  hint: string | undefined;
  /** It may work later: this machine is short of something, or the program is being written. */
  passes: boolean;
}

/** Why a command could not be started in `cwd`, and what to do about it. */
export function spawnFailure(error: NodeJS.ErrnoException, command: Command, cwd: string): SpawnFailure {
  const code = error.code ?? '';
  // The system says ENOENT for a missing working folder as well, and names the program.
  const hint =
    code === 'ENOENT' && !existsSync(cwd)
      ? `the folder ${cwd} does not exist any more`
      : (code === 'ENOENT' && windowsLinesHint(wordsOf(command), cwd)) || SPAWN_HINTS[code];
  return { detail: `could not be started: ${error.message}`, hint, passes: isPassing(error) };
}

/** Whether a start that has failed may work later. */
export function isPassing(error: NodeJS.ErrnoException): boolean {
  return isShortage(error) || hasCode(error, 'ETXTBSY');
}
