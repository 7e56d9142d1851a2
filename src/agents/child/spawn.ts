import { type ChildProcess, spawn } from 'node:child_process';
import { type Command, commandLineOf } from './command-line.ts';

/** Starts a command in a process group of its own. An Error, or an event without a pid, when that fails. */
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

/** A program that has our place in the foreground. */
export interface Foreground {
  child: ChildProcess;
  signal(name: NodeJS.Signals): void;
}

/**
 * Starts a program in our own process group, with our stdin: to a terminal it is the one in the foreground. `shell` is what
 * a shell does before it replaces itself with the program; null: none is there. Errors come as an event.
 */
export function spawnForeground(
  { file, name, args, shell }: { file: string; name: string; args: readonly string[]; shell: string | null },
  cwd: string,
  [stdout, stderr]: readonly ['inherit' | 'pipe', 'inherit' | 'pipe'],
): ChildProcess {
  const stdio = ['inherit', stdout, stderr] as const;
  if (shell !== null) return spawn('/bin/sh', ['-c', shell, 'sh', name, ...args], { cwd, stdio: [...stdio] });
  return spawn(file, args, { cwd, stdio: [...stdio], argv0: name });
}
