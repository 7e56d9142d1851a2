import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import type { Command } from './command-line.ts';
import { endGroup } from './process-group.ts';
import { spawnGroup } from './spawn.ts';
import { logLineOf, readStderr, withStderr } from './stderr.ts';
import { within } from './within.ts';

/** How long after the exit its pipes are still read when something else keeps them open. */
const DRAIN_MS = 500;

/** A child process that lives longer than a turn, in a process group of its own. */
export interface Resident {
  readonly pid: number;
  /** Writes to its stdin; to one that has ended, nothing. */
  write(text: string): void;
  /** Resolves when it has exited and its output is read, however that came about. Never rejects. */
  readonly ended: Promise<ResidentEnd>;
  /** Ends it and all it has forked: TERM, the grace, KILL. Never rejects. */
  end(): Promise<void>;
}

/** How a {@link Resident} ended. */
export interface ResidentEnd {
  /** Null when a signal ended it. */
  code: number | null;
  /** For people: the exit code or signal, and the last thing it said on stderr. */
  detail: string;
}

/** How a {@link Resident} is started. */
export interface ResidentRun {
  command: Command;
  cwd: string;
  /** Its whole environment. */
  env: Record<string, string>;
  /** Between TERM and KILL. */
  killGraceMs: number;
  onStdout(chunk: Buffer): void;
  /** Called for every line of stderr as it stands in the log. */
  onStderr(line: string): void;
}

/** Starts a child. Rejects with the system's error when that is not possible. */
export async function startResident(run: ResidentRun): Promise<Resident> {
  const child = spawnGroup(run.command, run.cwd, run.env);
  if (child instanceof Error) throw child;
  const { pid } = child;
  if (pid === undefined) {
    const [error] = (await once(child, 'error')) as [Error];
    throw error;
  }
  const stderr = readStderr(child.stderr as Readable, (line) => {
    const shown = logLineOf(line);
    if (shown !== null) run.onStderr(shown);
  });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const end = (): Promise<void> => endGroup(pid, run.killGraceMs);
  child.stdout?.on('data', run.onStdout);
  // Nothing can come of a process that has closed its stdout, though it may live on.
  child.stdout?.once('end', async () => (await within(DRAIN_MS, exited)) ?? end());
  // A child need not read what it is given (EPIPE), and a pipe that breaks has simply ended.
  for (const stream of child.stdio) stream?.on('error', () => {});

  async function untilEnded(): Promise<ResidentEnd> {
    const closed = once(child as ChildProcess, 'close');
    const [code, signal] = await exited;
    await within(DRAIN_MS, closed);
    for (const stream of (child as ChildProcess).stdio) stream?.destroy();
    stderr.end();
    const reason = code === null ? `ended by ${signal}` : `exit code ${code}`;
    return { code, detail: withStderr(reason, stderr.tail()).detail };
  }
  return {
    pid,
    write: (text) => void (child.stdin?.writable && child.stdin.write(text)),
    ended: untilEnded(),
    end,
  };
}
