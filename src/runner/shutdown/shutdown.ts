import { asWxError, reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { IlinkClient } from '../../ilink/client.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { RunnerEnd } from '../port/port.ts';
import type { Lanes } from '../turns/lanes.ts';
import type { Turns } from '../turns/turns.ts';

/** The end of a runner, as whoever finds a reason for it first has told it. */
export interface Ending {
  /** Aborted when it has come: nothing more is to be fetched. */
  readonly signal: AbortSignal;
  readonly how: RunnerEnd | null;
  finish(how: RunnerEnd): void;
  /** Ends it for a fault of the store, or of what people have set; one of the program itself costs that step only, and is said. */
  fail(error: unknown): void;
  /** Resolves when it has come. */
  reached(): Promise<void>;
  /** Throws the first fault there was. */
  check(): void;
}

/** See {@link Ending}. */
export function createEnding(log: Pick<Log, 'error' | 'debug'>): Ending {
  const over = new AbortController();
  const { signal } = over;
  const faults: unknown[] = [];
  let how: RunnerEnd | null = null;

  function finish(end: RunnerEnd): void {
    how ??= end;
    over.abort();
  }
  return {
    signal,
    get how() {
      return how;
    },
    finish,
    fail(error) {
      if (asWxError(error).kind === 'internal') return tellFault(log, error);
      faults.push(error);
      finish('stopped');
    },
    async reached() {
      if (signal.aborted) return;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
    check() {
      if (faults.length > 0) throw faults[0];
    },
  };
}

/** Says that a step has failed for a fault of the program itself. */
export function tellFault(log: Pick<Log, 'error' | 'debug'>, error: unknown): void {
  log.error(`a step has failed, and is left out: ${reasonOf(error)}`);
  log.debug(String(error instanceof Error ? error.stack : error));
}

/** Everything that is under way comes to its end, or to the end of the grace time. */
export async function windDown(runner: {
  how: RunnerEnd | null;
  /** The intake, which commits what has been fetched already. */
  intake: Promise<void>;
  /** What goes on beside it until the end. */
  upkeep: Promise<unknown>;
  lanes: Pick<Lanes, 'stop'>;
  turns: Pick<Turns, 'stop'>;
  delivery: Pick<Delivery, 'settled' | 'stop'>;
  client: Pick<IlinkClient, 'notifyStop'>;
  graceMs: number;
  clock: Clock;
}): Promise<void> {
  const { how, lanes, turns, delivery, graceMs, clock } = runner;
  const graceEnd = new AbortController();
  const grace = clock.sleep(graceMs, graceEnd.signal);
  // At once: the last poll may still take a moment, and what it brings is for the next run.
  if (how === 'stopped') {
    void lanes.stop();
    turns.stop();
  }
  await runner.intake;
  await Promise.race([lanes.stop(), grace]);
  if (how !== 'stopped') {
    // What has not ended by itself by then must not outlive the runner.
    turns.stop();
    await Promise.race([lanes.stop(), clock.sleep(graceMs, graceEnd.signal)]);
  }
  if (how !== 'expired') await Promise.race([delivery.settled(graceMs), grace]);
  graceEnd.abort();
  await delivery.stop();
  await runner.upkeep;
  if (how !== 'expired') await runner.client.notifyStop({ timeoutMs: 2_000 });
}
