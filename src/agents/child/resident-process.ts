import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { within } from '../../core/time/event-loop.ts';
import type { Command } from './command-line.ts';
import { endGroup } from './end-process-group.ts';
import { DRAIN_MS, drained } from './output/drain.ts';
import { logLineOf, readStderr, withStderr } from './output/stderr.ts';
import { spawnGroup } from './spawn.ts';

/** A child process that lives longer than a turn, in a process group of its own. */
export interface Resident {
  readonly pid: number;
  /** False once it ends, and while it does not read what was written to it: more would pile up in memory. */
  readonly takesInput: boolean;
  /** The end of what it has said on stderr so far. */
  stderrTail(): string;
  /** Writes to its stdin; to one that has ended, nothing. */
  write(text: string): void;
  /** Closes its stdin, and after `waitMs` ends it and its forks. `why` becomes how it ended. Never rejects. */
  end(why: string, waitMs?: number): Promise<void>;
  /** Resolves when it has exited and its output is read, however that came about. Never rejects. */
  readonly ended: Promise<ResidentEnd>;
  /** Resolves when nothing of what it has forked is left either: that must not work beside the next one. Never rejects. */
  readonly gone: Promise<void>;
}

/** Keeps a record of processes that outlive a turn, for `endOrphan`. Must not reject. */
export interface ResidentRecords {
  /** Called with each process that has started, before it is told anything. */
  onStarted?(pid: number): Promise<void>;
  /** Called when nothing of it is left. */
  onEnded?(pid: number): Promise<void>;
}

export interface ResidentEnd {
  /** Null when a signal ended it. */
  code: number | null;
  /** For people: the exit code, the signal, or why we ended it; and the last thing it said on stderr. */
  detail: string;
  /** The end of its stderr, where that is more than one line. */
  stderr?: string;
}

/** How a {@link Resident} is started. */
export interface ResidentRun {
  command: Command;
  cwd: string;
  /** Its whole environment. */
  env: Record<string, string>;
  /** Between TERM and KILL. */
  killGraceMs: number;
  /** How long after the exit its pipes are still read when something else keeps them open; {@link DRAIN_MS}. */
  drainMs?: number;
  /** A promise holds back what comes next, so that it is no faster than who reads it. Must not reject. */
  onStdout(chunk: Buffer): Promise<unknown> | null;
  /** Called for every line of stderr as it stands in the log. */
  onStderr(line: string): void;
  /** Called when it takes input again after it did not. */
  onDrain?(): void;
}

/** Starts a child with three pipes. Rejects with the system's error when that is not possible. */
export async function startResident(run: ResidentRun): Promise<Resident> {
  const child = spawnGroup(run.command, run.cwd, run.env);
  if (child instanceof Error) throw child;
  const { pid, stdin, stdout, stderr } = child;
  if (pid !== undefined && stdin && stdout && stderr)
    return follow({ child, pid, stdin, stdout, stderr }, run);
  const [error] = (await once(child, 'error')) as [Error];
  throw error;
}

interface Started {
  child: ChildProcess;
  pid: number;
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
}

function follow({ child, pid, stdin, stdout, stderr }: Started, run: ResidentRun): Resident {
  const { drainMs = DRAIN_MS } = run;
  let ending: Promise<void> | null = null;
  let endedFor: string | null = null;
  let isOver = false;
  const words = readStderr(stderr, (line) => {
    const shown = logLineOf(line);
    if (shown !== null) run.onStderr(shown);
  });
  stdout.on('data', (chunk: Buffer) => {
    const taken = run.onStdout(chunk);
    // What has exited writes no more: what is left is read at once, and dealt with later.
    if (taken === null || isOver) return;
    stdout.pause();
    void taken.then(() => stdout.resume());
  });
  stdin.on('drain', () => run.onDrain?.());

  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => {
      isOver = true;
      stdout.resume();
      resolve({ code, signal });
    });
  });
  const closed = new Promise<'closed'>((resolve) => child.once('close', () => resolve('closed')));
  let giveUp: (nothing: null) => void = () => {};
  const givenUp = new Promise<null>((resolve) => {
    giveUp = resolve;
  });

  function end(why: string, waitMs = 0): Promise<void> {
    ending ??= (async () => {
      endedFor = why;
      stdin.end();
      if (waitMs > 0) await within(waitMs, exited);
      await endGroup(pid, run.killGraceMs);
      // Not even KILL ends a process that waits for a broken disk.
      await within(drainMs, exited);
      giveUp(null);
    })();
    return ending;
  }

  /** Without both pipes it is good for nothing, though it may live on. */
  const onLost = (pipe: string) => async (): Promise<void> => {
    if (!(await within(drainMs, exited))) await end(`it closed its ${pipe}`);
  };
  stdout.once('end', onLost('stdout'));
  stdin.once('error', onLost('stdin'));
  for (const stream of child.stdio) stream?.on('error', () => {});

  async function untilEnded(): Promise<ResidentEnd> {
    const exit = await Promise.race([exited, givenUp]);
    // What it said before it died still counts.
    await drained(child, drainMs, closed);
    words.end();
    const code = exit?.code ?? null;
    const how = endedFor ?? (code === null ? `ended by ${exit?.signal ?? 'a signal'}` : `exit code ${code}`);
    return { code, ...withStderr(how, words.tail()) };
  }

  async function untilGone(): Promise<void> {
    await ended;
    await (ending ?? endGroup(pid, run.killGraceMs));
    for (const stream of child.stdio) stream?.destroy();
  }

  const ended = untilEnded();
  return {
    pid,
    get takesInput() {
      return !isOver && ending === null && !stdin.writableNeedDrain;
    },
    stderrTail: words.tail,
    write: (text) => void (stdin.writable && stdin.write(text)),
    end,
    ended,
    gone: untilGone(),
  };
}
