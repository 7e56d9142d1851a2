import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { Log } from '../../core/log.ts';
import type { Outcome } from '../../core/message.ts';
import type { Command } from '../child/command-line.ts';
import { createLineReader } from '../child/line-reader.ts';
import { endGroup } from '../child/process-group.ts';
import { spawnGroup } from '../child/spawn.ts';
import { logLineOf, readStderr, withStderr } from '../child/stderr.ts';
import { within } from '../child/within.ts';
import type { TurnContext } from '../port.ts';
import { MAX_LINE_BYTES } from '../reply-line.ts';
import { cancelLine } from './line.ts';
import { createOpenTurns } from './turns.ts';

/** How long the pipes of a process that has ended are still read when something else keeps them open. */
const DRAIN_MS = 500;

/** How much may come out of it, with nothing in it that is of use to a turn, before it is taken for broken. */
const FLOOD_BYTES = 4 * 1024 * 1024;

/** How one process of a coprocess is started. */
export interface CoprocessRun {
  command: Command;
  cwd: string;
  /** Its whole environment. */
  env: Record<string, string>;
  /** Between TERM and KILL. */
  killGraceMs: number;
  log: Log;
  /** Called when it takes turns again after it did not. */
  onDrain(): void;
}

/** One process that answers many turns, until it ends. */
export interface CoprocessChild {
  readonly pid: number;
  /** False once it ends, and while it does not read what was written to it: more would pile up in memory. */
  readonly takesTurns: boolean;
  /** Lines so far that were of use to a turn. */
  readonly useful: number;
  /** Gives it one turn, in one write; resolves with the outcome, unless the turn is cancelled. */
  ask(id: string, event: string, context: Pick<TurnContext, 'emit' | 'alive'>): Promise<Outcome>;
  /** Tells it that nobody waits for a turn any more. */
  cancel(id: string): void;
  /** Closes its stdin, and after `waitMs` ends it and all it forked (TERM, KILL). `why` is what its turns are told. */
  end(why: string, waitMs?: number): Promise<void>;
  /** Resolves when nothing of it is left and its turns have their outcome. Never rejects. */
  readonly ended: Promise<CoprocessEnd>;
}

/** How a process of a coprocess ended. */
export interface CoprocessEnd {
  /** Null when a signal ended it. */
  code: number | null;
  /** `exit code 3`, `SIGKILL`, or why we ended it; and the last thing it said on stderr. */
  detail: string;
}

interface Started {
  child: ChildProcess;
  pid: number;
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
}

/** Starts one process, its own group with three pipes. Never rejects. */
export async function startCoprocessChild(
  run: CoprocessRun,
): Promise<CoprocessChild | { spawnError: NodeJS.ErrnoException }> {
  const child = spawnGroup(run.command, run.cwd, run.env);
  if (child instanceof Error) return { spawnError: child };
  const { pid, stdin, stdout, stderr } = child;
  if (pid !== undefined && stdin && stdout && stderr) {
    return converse({ child, pid, stdin, stdout, stderr }, run);
  }
  const [spawnError] = (await once(child, 'error')) as [NodeJS.ErrnoException];
  return { spawnError };
}

function converse(
  { child, pid, stdin, stdout, stderr }: Started,
  { log, killGraceMs, onDrain }: CoprocessRun,
): CoprocessChild {
  let ending: Promise<void> | null = null;
  let endedFor: string | null = null;
  let uselessBytes = 0;

  const write = (line: string): void => {
    if (stdin.writable) stdin.write(`${line}\n`);
  };
  const tellCancel = (id: string): void => write(cancelLine(id));
  const turns = createOpenTurns({ log, cancel: tellCancel });
  // Never told of its end: the half line of a process that died is no line.
  const lines = createLineReader(turns.take, MAX_LINE_BYTES);
  const words = readStderr(stderr, (line) => {
    const shown = logLineOf(line);
    if (shown !== null) log.info(shown);
  });

  stdout.on('data', (chunk: Buffer) => {
    const before = turns.useful;
    lines.write(chunk);
    uselessBytes = turns.useful > before ? 0 : uselessBytes + chunk.length;
    if (uselessBytes > FLOOD_BYTES) void end('it wrote more than 4 MiB that answered nothing');
    const kept = turns.flush();
    if (kept) {
      // So that it is no faster than the disk.
      stdout.pause();
      void kept.then(() => stdout.resume());
    }
  });
  stdin.on('drain', onDrain);

  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let giveUp: (nothing: null) => void = () => {};
  const givenUp = new Promise<null>((resolve) => {
    giveUp = resolve;
  });

  function end(why: string, waitMs = 0): Promise<void> {
    ending ??= (async () => {
      endedFor = why;
      stdin.end();
      if (waitMs > 0) await within(waitMs, exited);
      await endGroup(pid, killGraceMs);
      // Not even KILL ends a process that waits for a broken disk.
      await within(DRAIN_MS, exited);
      giveUp(null);
    })();
    return ending;
  }

  /** Without both pipes it is good for nothing, though it may live on. */
  const onLost = (pipe: string) => async (): Promise<void> => {
    if (!(await within(DRAIN_MS, exited))) await end(`it closed its ${pipe}`);
  };
  stdout.once('end', onLost('stdout'));
  stdin.once('error', onLost('stdin'));
  for (const stream of child.stdio) stream?.on('error', () => {});

  async function untilEnded(): Promise<CoprocessEnd> {
    const exit = await Promise.race([exited, givenUp]);
    // What it said before it died still counts.
    await within(DRAIN_MS, closed);
    words.end();
    const code = exit?.code ?? null;
    const how = endedFor ?? (code === null ? (exit?.signal ?? 'unknown') : `exit code ${code}`);
    const last = withStderr(how, words.tail());
    turns.endAll({ kind: 'retry', afterMs: null, ...last, detail: `the coprocess ended: ${last.detail}` });
    // What it forked must not work beside the next one.
    await (ending ?? endGroup(pid, killGraceMs));
    for (const stream of child.stdio) stream?.destroy();
    return { code, detail: last.detail };
  }

  const ended = untilEnded();
  let isOver = false;
  void exited.then(() => {
    isOver = true;
  });
  return {
    pid,
    get takesTurns() {
      return !isOver && ending === null && !stdin.writableNeedDrain;
    },
    get useful() {
      return turns.useful;
    },
    ask(id, event, context) {
      const outcome = turns.open(id, context);
      write(event);
      return outcome;
    },
    cancel(id) {
      turns.drop(id);
      tellCancel(id);
    },
    end,
    ended,
  };
}
