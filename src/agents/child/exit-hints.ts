import { existsSync } from 'node:fs';

/** What to do about an exit code that a shell gives; by code. */
export const EXIT_HINTS: Readonly<Record<number, string>> = {
  126: 'the shell found the command but may not run it: chmod +x, and check its first line (#!...)',
  127: 'the shell did not find a command: give its full path, or check the PATH wxagent was started with',
};

const SPAWN_HINTS: Record<string, string> = {
  ENOENT: 'the program, or the interpreter named in its first line, does not exist any more',
  EACCES: 'the program may not be run: chmod +x',
  ENOEXEC: 'the program is of another platform, or a script without a first line like #!/bin/sh',
  E2BIG: 'the environment or the arguments are too long for this system',
  EAGAIN: 'too many processes: lower --concurrency, or raise ulimit -u',
  EMFILE: 'too many open files: lower --concurrency, or raise ulimit -n',
};

/** Why a command could not be started in `cwd`, and what to do about it. */
export function spawnFailure(
  error: NodeJS.ErrnoException,
  cwd: string,
): { detail: string; hint: string | undefined } {
  const code = error.code ?? '';
  // The system says ENOENT for a missing working folder as well, and names the program.
  const hint = code === 'ENOENT' && !existsSync(cwd) ? `the folder ${cwd} is gone` : SPAWN_HINTS[code];
  return { detail: `could not be started: ${error.message}`, hint };
}
