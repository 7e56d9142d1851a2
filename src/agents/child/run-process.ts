import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { systemClock } from '../../core/time/clock.ts';
import { within } from '../../core/time/event-loop.ts';
import type { TurnEnd } from '../port/port.ts';
import { limitTurn, type TurnLimit, turnEndOf } from '../port/turn-end.ts';
import type { Command } from './command-line.ts';
import { endGroup } from './end-process-group.ts';
import { isPassing } from './exit-hints.ts';
import { DRAIN_MS, drained } from './output/drain.ts';
import { createProcessOutput, type OutputFault, type OutputUse } from './output/process-output.ts';
import { withStderr } from './output/stderr.ts';
import { spawnGroup } from './spawn.ts';

/** One child process of a turn, and every bound it has. */
export interface ProcessRun extends OutputUse {
  command: Command;
  cwd: string;
  /** The whole environment of the child. */
  env: Record<string, string>;
  stdin: Buffer;
  /** 0 means no limit. */
  timeoutMs: number;
  /** Between TERM and KILL. */
  killGraceMs: number;
  /** How long after the exit its pipes are still read when something else keeps them open; {@link DRAIN_MS}. */
  drainMs?: number;
  /** Ends the child; its reason is a TurnEnd. */
  signal: AbortSignal;
  /** Called once with the pid, before the child gets its stdin, which waits. If it throws, `runProcess` rejects. */
  onStarted?(pid: number): void | Promise<void>;
}

export interface ProcessEnd {
  /** Null when nothing was started. */
  pid: number | null;
  /** Null when nothing was started, or when not even KILL made it exit in time. */
  exit: { code: number | null; signal: NodeJS.Signals | null } | null;
  /** Why we ended it; null when it ended by itself. */
  endedBy: TurnEnd | OutputFault | null;
  /** ENOENT, EACCES, E2BIG and their like; then nothing was started. */
  spawnError: NodeJS.ErrnoException | null;
  /** What it printed, at most `maxStdoutBytes`; empty when its lines were taken. */
  stdout: Buffer;
  /** The last 4 KiB of what it printed on stderr. */
  stderrTail: string;
}

/**
 * Runs one child in its own process group and settles exactly once: when it has
 * exited and its pipes are at their end, or `drainMs` after the exit when a process it
 * left behind keeps them open and all that was in them is read. Time, signal or too much stdout end the whole group.
 *
 * Processes that outlive a child which ended by itself are left alone (an agent may
 * start a server, or answer later with `send`), but their pipes are closed. Never
 * rejects for what the child does. Lines that were read are dealt with before it settles.
 */
export async function runProcess(run: ProcessRun): Promise<ProcessEnd> {
  const limit = limitTurn(run.signal, run.timeoutMs);
  try {
    return await runLimited(run, limit);
  } finally {
    limit.release();
  }
}

/** How long a start that this machine was short of something for is tried again and again, and how often. */
const PATIENCE_MS = 60_000;
const PATIENCE_STEP_MS = 500;

/** Runs a child; where it could not be started for what may be over soon, once more, until the signal or a minute is over. */
export async function runThroughShortages(
  run: () => Promise<ProcessEnd>,
  signal: AbortSignal,
): Promise<ProcessEnd> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const end = await run();
    const isOver = end.spawnError === null || !isPassing(end.spawnError) || performance.now() > until;
    if (isOver || signal.aborted) return end;
    await systemClock.sleep(PATIENCE_STEP_MS, signal);
  }
}

async function runLimited(run: ProcessRun, limit: TurnLimit): Promise<ProcessEnd> {
  const { drainMs = DRAIN_MS } = run;
  const output = createProcessOutput(run);
  const report = (facts: Partial<ProcessEnd>): ProcessEnd => ({
    pid: null,
    exit: null,
    endedBy: null,
    spawnError: null,
    stdout: output.stdout(),
    stderrTail: output.stderrTail(),
    ...facts,
  });

  if (limit.signal.aborted) return report({ endedBy: turnEndOf(limit.signal) });
  const child = spawnGroup(run.command, run.cwd, run.env);
  if (child instanceof Error) return report({ spawnError: child });
  const pid = child.pid;
  if (pid === undefined) {
    const [spawnError] = (await once(child, 'error')) as [NodeJS.ErrnoException];
    return report({ spawnError });
  }

  let exit: ProcessEnd['exit'] = null;
  const exited = new Promise<null>((resolve) => {
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      resolve(null);
    });
  });
  const closed = new Promise<'closed'>((resolve) => child.once('close', () => resolve('closed')));
  const broken = new Promise<TurnEnd | OutputFault>((resolve) => {
    limit.signal.addEventListener('abort', () => resolve(turnEndOf(limit.signal)), { once: true });
    output.read(child, resolve);
  });

  try {
    await Promise.race([run.onStarted?.(pid), exited, broken]);
  } catch (error) {
    await endGroup(pid, 0);
    closePipes(child);
    throw error;
  }
  child.stdin?.end(run.stdin);

  let endedBy = await Promise.race([exited, broken]);
  // It ended by itself: neither the clock nor a stop can fail it any more, only what is still in the pipe.
  limit.release();
  output.hurry();
  if (endedBy === null) {
    const how = await drained(child, drainMs, Promise.race([closed, broken]));
    if (how !== 'closed') endedBy = how;
  }
  if (endedBy !== null) {
    output.ignoreLines();
    await endGroup(pid, run.killGraceMs);
    await within(drainMs, closed);
  }
  closePipes(child);
  await output.end();
  return report({ pid, exit, endedBy });
}

function closePipes(child: ChildProcess): void {
  for (const stream of child.stdio) stream?.destroy();
}

/** What was wrong with a command that nobody answers with, and the last thing it said; null when it ended well. */
export function failureOf(end: ProcessEnd, timeoutMs: number): string | null {
  const how = howItFailed(end, timeoutMs);
  return how && withStderr(how, end.stderrTail).detail;
}

function howItFailed({ spawnError, endedBy, exit }: ProcessEnd, timeoutMs: number): string | null {
  if (spawnError) return `it could not be started: ${spawnError.message}`;
  if (endedBy === 'timeout') return `it took longer than ${timeoutMs / 1_000} s`;
  if (endedBy !== null) return 'stopped';
  const { code, signal } = exit ?? { code: null, signal: null };
  if (code === null) return `ended by ${signal ?? 'a signal'}`;
  return code === 0 ? null : `exit code ${code}`;
}
