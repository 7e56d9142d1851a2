import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Command, commandLineOf } from './command-line.ts';
import { createLineReader } from './line-reader.ts';
import type { TurnEnd } from './port.ts';
import { endGroup } from './process-group.ts';
import { limitTurn, type TurnLimit, turnEndOf } from './turn-end.ts';

/** How much of stderr is kept for the report of a failure. */
const STDERR_TAIL_BYTES = 4096;

/** How long a line of stderr may be before its rest is dropped. */
const STDERR_LINE_CHARS = 4096;

/** One child process of a turn, and every bound it has. */
export interface ProcessRun {
  command: Command;
  cwd: string;
  /** The whole environment of the child. */
  env: Record<string, string>;
  stdin: Buffer;
  /** 0 means no limit. */
  timeoutMs: number;
  /** Between TERM and KILL. */
  killGraceMs: number;
  /** How long after the child's exit its pipes are still read when something else keeps them open. */
  drainMs: number;
  maxStdoutBytes: number;
  /** Ends the child; its reason is a TurnEnd. */
  signal: AbortSignal;
  /**
   * Called once, before the child gets its stdin and while its pid cannot have been
   * given to another process: the moment to note who it is. The child waits for its
   * stdin until that is done. If it throws, the child is ended and `runProcess`
   * rejects with the same error.
   */
  onStarted?(pid: number): void | Promise<void>;
  /** Called for every line of stderr; overlong lines come cut. */
  onStderr?(line: string): void;
}

/** How a child process ended. */
export interface ProcessEnd {
  /** Null when nothing was started. */
  pid: number | null;
  /** Null when nothing was started, or when not even KILL made it exit in time. */
  exit: { code: number | null; signal: NodeJS.Signals | null } | null;
  /** Why we ended it; null when it ended by itself. */
  endedBy: TurnEnd | 'too-large' | null;
  /** ENOENT, EACCES, E2BIG and their like; then nothing was started. */
  spawnError: NodeJS.ErrnoException | null;
  /** What it printed, at most `maxStdoutBytes`. */
  stdout: Buffer;
  /** The last 4 KiB of what it printed on stderr. */
  stderrTail: string;
  durationMs: number;
}

/**
 * Runs one child in its own process group and settles exactly once: when it has
 * exited and its pipes are empty, or `drainMs` after the exit when a process it
 * left behind keeps them open. Time, signal or too much stdout end the whole group.
 *
 * Processes that outlive a child which ended by itself are left alone (an agent may
 * start a server, or answer later with `send`), but their pipes are closed. Never
 * rejects for what the child does.
 */
export async function runProcess(run: ProcessRun): Promise<ProcessEnd> {
  const limit = limitTurn(run.signal, run.timeoutMs);
  try {
    return await runLimited(run, limit);
  } finally {
    limit.release();
  }
}

async function runLimited(run: ProcessRun, limit: TurnLimit): Promise<ProcessEnd> {
  const startedMs = performance.now();
  const output = createOutput(run);
  const report = (facts: Partial<ProcessEnd>): ProcessEnd => ({
    pid: null,
    exit: null,
    endedBy: null,
    spawnError: null,
    stdout: output.stdout(),
    stderrTail: output.stderrTail(),
    durationMs: performance.now() - startedMs,
    ...facts,
  });

  if (limit.signal.aborted) return report({ endedBy: turnEndOf(limit.signal) });
  const child = start(run);
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
  const closed = new Promise<null>((resolve) => child.once('close', () => resolve(null)));
  const broken = new Promise<TurnEnd | 'too-large'>((resolve) => {
    limit.signal.addEventListener('abort', () => resolve(turnEndOf(limit.signal)), { once: true });
    output.read(child, () => resolve('too-large'));
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
  endedBy ??= await within(run.drainMs, Promise.race([closed, broken]));
  if (endedBy !== null) {
    await endGroup(pid, run.killGraceMs);
    await within(run.drainMs, closed);
  }
  closePipes(child);
  output.end();
  return report({ pid, exit, endedBy });
}

/** Starts the child; an Error when not even that was possible. Some spawn errors come as an event instead. */
function start(run: ProcessRun): ChildProcess | NodeJS.ErrnoException {
  const line = commandLineOf(run.command, process.platform, run.env.ComSpec ?? run.env.COMSPEC);
  try {
    return spawn(line.file, line.args, {
      cwd: run.cwd,
      env: run.env,
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

/** Gathers both output streams within their bounds. */
function createOutput(run: ProcessRun) {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  let tail = Buffer.alloc(0);
  const lines = createLineReader((line) => run.onStderr?.(line), STDERR_LINE_CHARS);
  return {
    read(child: ChildProcess, onTooLarge: () => void): void {
      child.stdout?.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes <= run.maxStdoutBytes) chunks.push(chunk);
        else {
          // Closed, so that a flood stops at the writer instead of costing us a read per chunk.
          child.stdout?.destroy();
          onTooLarge();
        }
      });
      child.stderr?.on('data', (chunk: Buffer) => {
        tail = Buffer.concat([tail, chunk.subarray(-STDERR_TAIL_BYTES)]).subarray(-STDERR_TAIL_BYTES);
        lines.write(chunk);
      });
      // A child need not read what it is given (EPIPE), and a pipe that breaks has simply ended.
      for (const stream of child.stdio) stream?.on('error', () => {});
    },
    end: () => lines.end(),
    stdout: () => Buffer.concat(chunks),
    stderrTail: () => tail.toString('utf8').replace(/^\uFFFD+/, ''),
  };
}

function closePipes(child: ChildProcess): void {
  for (const stream of child.stdio) stream?.destroy();
}

/** What the promise resolves with, or null when `waitMs` pass first. */
async function within<T>(waitMs: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, waitMs, null);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
