import type { Log } from '../../core/log.ts';
import type { Outcome, Turn } from '../../core/message/message.ts';
import { restartDelayMs } from '../../core/time/backoff.ts';
import type { Clock } from '../../core/time/clock.ts';
import { untilAborted } from '../../core/time/event-loop.ts';
import type { Command } from '../child/command-line.ts';
import { exitHint, type SpawnFailure, spawnFailure } from '../child/exit-hints.ts';
import type { ResidentRecords } from '../child/resident-process.ts';
import type { TurnContext } from '../port/port.ts';
import { endedOutcome, limitTurn, turnEndOf } from '../port/turn-end.ts';
import { shortage } from '../reply/outcomes.ts';
import { type CoprocessChild, startCoprocessChild } from './child.ts';
import { eventLine } from './line.ts';

/** Who has lived this long was no failed start. */
const STABLE_MS = 60_000;

/** How long it may take until it answers for the first time, say to load a model, before it can count as stuck. */
const GET_GOING_MS = 5 * 60_000;

/** How long it may take to end by itself once its stdin is closed, before it is told to. */
const CLOSE_WAIT_MS = 1_000;

const HINT =
  'a coprocess reads lines of JSON from stdin until it is closed, and answers each: docs/coprocess.md';

export interface CoprocessOptions extends ResidentRecords {
  command: Command;
  cwd: string;
  /** Its whole environment. */
  env: Record<string, string>;
  killGraceMs: number;
  clock: Clock;
  log: Log;
}

/** A command that stays running and is started again whenever it ends. */
export interface Coprocess {
  /** Starts it; a turn that comes before does so as well. */
  start(): void;
  answer(turn: Turn, context: TurnContext): Promise<Outcome>;
  /** Ends it: stdin closed, TERM, KILL; it is not started again. */
  close(): Promise<void>;
}

/** See {@link Coprocess}. */
export function createCoprocess(options: CoprocessOptions): Coprocess {
  const { clock, log, killGraceMs } = options;
  const closing = new AbortController();
  let child: CoprocessChild | null = null;
  let startedMs = 0;
  let running: Promise<void> | null = null;
  /** Resolved, and replaced, whenever a turn that waits should look again; with a reason when a start has failed. */
  let change = createChange();

  function tell(failure: SpawnFailure | null): void {
    change.tell(failure);
    change = createChange();
  }

  /** One process after the other, until it is closed. */
  async function supervise(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted; ) {
      startedMs = clock.monotonic();
      const { useful, detail, hint } = await runOnce();
      if (closing.signal.aborted) return;
      const hasWorked = useful > 0 || clock.monotonic() - startedMs >= STABLE_MS;
      failures = hasWorked ? 1 : failures + 1;
      const delayMs = restartDelayMs(failures);
      const line = `the coprocess ended: ${detail}; starting it again in ${delayMs / 1000} s`;
      if (hasWorked) log.warn(line);
      else {
        log.error(line);
        log.info(`hint: ${hint ?? HINT}`);
      }
      await clock.sleep(delayMs, closing.signal);
    }
  }

  async function runOnce(): Promise<{ useful: number; detail: string; hint: string | undefined }> {
    const starting = startCoprocessChild({ ...options, onDrain: () => tell(null) });
    const started = await starting.catch((error: NodeJS.ErrnoException) =>
      spawnFailure(error, options.command, options.cwd),
    );
    if (!('pid' in started)) {
      tell(started);
      return { useful: 0, ...started };
    }
    await Promise.race([options.onStarted?.(started.pid), started.ended]);
    child = started;
    // Closed while it started.
    if (closing.signal.aborted) void endFor(started);
    tell(null);
    const end = await started.ended;
    child = null;
    await options.onEnded?.(started.pid);
    return {
      useful: started.useful,
      detail: end.detail,
      hint: exitHint(end.code, options.command, options.cwd),
    };
  }

  function endFor(one: CoprocessChild): Promise<void> {
    return one.end('wxagent is stopping', Math.min(CLOSE_WAIT_MS, killGraceMs));
  }

  /** A process that takes this turn, or why there will be none. */
  async function readyChild(limit: AbortSignal): Promise<CoprocessChild | Outcome | null> {
    const aborted = untilAborted(limit);
    while (!limit.aborted && !closing.signal.aborted) {
      if (child?.takesTurns) return child;
      const failure = await Promise.race([change.told, aborted]);
      if (failure === null) continue;
      const detail = `the coprocess ${failure.detail}`;
      return failure.passes ? shortage(detail) : { kind: 'retry', afterMs: null, detail };
    }
    return null;
  }

  async function answerWithin(turn: Turn, context: TurnContext, limit: AbortSignal): Promise<Outcome> {
    const ended = () => endedOutcome(turnEndOf(limit), context.timeoutMs);
    const ready = await readyChild(limit);
    if (ready === null) return ended();
    if ('kind' in ready) return ready;
    const usefulBefore = ready.useful;
    const outcome = await Promise.race([
      ready.ask(turn.id, eventLine(turn, context.folderPaths()), context),
      untilAborted(limit),
    ]);
    if (outcome !== null) return outcome;
    ready.cancel(turn.id);
    const isGoing = ready.useful > 0 || clock.monotonic() - startedMs >= GET_GOING_MS;
    if (turnEndOf(limit) === 'timeout' && ready.useful === usefulBefore && isGoing) {
      // It would keep everybody waiting as long, one turn after the other.
      void ready.end('no output for the time limit of a turn');
    }
    return ended();
  }

  function start(): void {
    running ??= supervise();
  }

  return {
    start,
    async answer(turn, context) {
      start();
      const limit = limitTurn(context.signal, context.timeoutMs);
      try {
        return await answerWithin(turn, context, limit.signal);
      } finally {
        limit.release();
      }
    },
    async close() {
      closing.abort();
      tell(null);
      if (child) await endFor(child);
      await running;
    },
  };
}

function createChange() {
  let tell: (failure: SpawnFailure | null) => void = () => {};
  const told = new Promise<SpawnFailure | null>((resolve) => {
    tell = resolve;
  });
  return { told, tell };
}
