import { type ChildProcess, spawn } from 'node:child_process';
import { type Command, commandLineOf } from './command-line.ts';

/**
 * Starts a command in a process group of its own, so that it can be ended with all it forks; an Error when not
 * even that was possible. Some spawn errors come as an event instead: then the child has no pid.
 */
export function spawnGroup(
  command: Command,
  cwd: string,
  env: Record<string, string>,
): ChildProcess | NodeJS.ErrnoException {
  const line = commandLineOf(command, process.platform, env.ComSpec ?? env.COMSPEC);
  try {
    return spawn(line.file, line.args, {
      cwd,
      env,
      stdio: 'pipe',
      // On Windows a detached child has no console, and each console program it starts would open a window.
      detached: process.platform !== 'win32',
      windowsHide: true,
      windowsVerbatimArguments: line.verbatim,
    });
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}
