import { asWxError, reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import { untilAborted } from '../../core/time/event-loop.ts';
import type { IlinkClient } from '../../ilink/client.ts';
import { LeaseLost } from '../../store/port/lease.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { RunnerEnd } from '../port/port.ts';
import type { Lanes } from '../turns/lanes.ts';
import type { Turns } from '../turns/turns.ts';

/** Begins the shutdown of a runner, once, for the first reason there is. Signals come from cli/signals/watch-signals.ts. */
export interface Shutdown {
  /** Aborted when the shutdown begins. */
  readonly signal: AbortSignal;
  /** The reason of the shutdown; null before it. */
  readonly reason: RunnerEnd | null;
  begin(reason: RunnerEnd): void;
  /** Aborted when the account is lost: nothing is waited for, also when the shutdown had begun for another reason. */
  readonly lost: AbortSignal;
  /** Reports an error of a step: of the store or configuration it begins the shutdown, else it costs only its step. */
  fail(error: unknown): void;
  /** Resolves when the shutdown begins. */
  whenBegun(): Promise<unknown>;
  /** Throws the first error that began the shutdown. */
  throwIfFailed(): void;
}

/** See {@link Shutdown}. */
export function createShutdown(log: Pick<Log, 'error' | 'debug'>): Shutdown {
  const controller = new AbortController();
  const { signal } = controller;
  const errors: unknown[] = [];
  const lost = new AbortController();
  let reason: RunnerEnd | null = null;

  function begin(why: RunnerEnd): void {
    reason = why === 'lost' ? why : (reason ?? why);
    if (why === 'lost') lost.abort();
    controller.abort();
  }
  return {
    signal,
    lost: lost.signal,
    get reason() {
      return reason;
    },
    begin,
    fail(error) {
      if (error instanceof LeaseLost) return begin('lost');
      if (asWxError(error).kind === 'internal') return logFault(log, error);
      errors.push(error);
      begin('stopped');
    },
    whenBegun: () => untilAborted(signal),
    throwIfFailed() {
      if (errors.length > 0) throw errors[0];
    },
  };
}

/** Logs that a step has failed for a fault of the program itself. */
export function logFault(log: Pick<Log, 'error' | 'debug'>, error: unknown): void {
  log.error(`internal error, step skipped: ${reasonOf(error)}`);
  log.debug(String(error instanceof Error ? error.stack : error));
}

/** Shuts a runner down: last poll, turns and parts within the grace time, notice to the server. */
export async function shutDown(runner: {
  reason: RunnerEnd | null;
  /** See {@link Shutdown.lost}. */
  lost: AbortSignal;
  intake: Promise<void>;
  /** Sweeps and watches, which end with the shutdown signal. */
  upkeep: Promise<unknown>;
  lanes: Pick<Lanes, 'stop'>;
  turns: Pick<Turns, 'stop'>;
  delivery: Pick<Delivery, 'settled' | 'stop'>;
  client: Pick<IlinkClient, 'notifyStop'>;
  graceMs: number;
  clock: Clock;
}): Promise<void> {
  const { reason, lost, lanes, turns, delivery, graceMs, clock } = runner;
  const graceEnd = new AbortController();
  const grace = clock.sleep(graceMs, AbortSignal.any([graceEnd.signal, lost]));
  // At once: the last poll may take a moment, and its messages are for the next run.
  if (reason === 'stopped' || reason === 'lost') {
    void lanes.stop();
    turns.stop();
  }
  await runner.intake;
  await Promise.race([lanes.stop(), grace]);
  if (reason !== 'stopped' && reason !== 'lost') {
    // A turn that is still running must not outlive the runner.
    turns.stop();
    await Promise.race([lanes.stop(), clock.sleep(graceMs, AbortSignal.any([graceEnd.signal, lost]))]);
  }
  if (reason !== 'expired') await Promise.race([delivery.settled(graceMs), grace]);
  graceEnd.abort();
  await delivery.stop();
  await runner.upkeep;
  // This process may get the account again: no turn of before may end then.
  if (lost.aborted) await lanes.stop();
  // Of one that is lost, the new owner has told the server that it polls.
  if (reason !== 'expired' && !lost.aborted) await runner.client.notifyStop({ timeoutMs: 2_000 });
}
