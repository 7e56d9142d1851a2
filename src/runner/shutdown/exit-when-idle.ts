import type { Clock } from '../../core/time/clock.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Lanes } from '../turns/lanes.ts';
import type { Ending } from './shutdown.ts';

const LOOK_EVERY_MS = 100;
/** A part that has to wait longer than this is left to the next run. */
const PATIENCE_MS = 5_000;

/** Ends a runner that has nothing left to do (`--once`, `--exit-idle`). */
export interface Idleness {
  /** There was something to do just now. */
  note(): void;
  /** With `--once`, a poll has come back empty: ends when all is answered. */
  onEmpty(): void;
  /** With `--exit-idle`: ends after that long without intake, running agent or deliverable part. Resolves at the end. */
  watch(): Promise<void>;
}

/** See {@link Idleness}. */
export function createIdleness(options: {
  lanes: Pick<Lanes, 'running' | 'idle'>;
  delivery: Pick<Delivery, 'pending' | 'settled'>;
  ending: Pick<Ending, 'signal' | 'finish'>;
  once: boolean;
  exitIdleMs: number | null;
  clock: Clock;
}): Idleness {
  const { lanes, delivery, ending, exitIdleMs, clock } = options;
  let lastBusyMs = clock.monotonic();
  let isFinishing = false;
  const note = (): void => {
    lastBusyMs = clock.monotonic();
  };

  async function finishWhenAnswered(): Promise<void> {
    await lanes.idle();
    await delivery.settled(PATIENCE_MS);
    ending.finish('finished');
  }
  return {
    note,
    onEmpty() {
      if (!options.once || isFinishing) return;
      isFinishing = true;
      void finishWhenAnswered();
    },
    async watch() {
      while (exitIdleMs !== null && !ending.signal.aborted) {
        await clock.sleep(LOOK_EVERY_MS, ending.signal);
        if (lanes.running > 0 || delivery.pending(PATIENCE_MS)) note();
        else if (clock.monotonic() - lastBusyMs > exitIdleMs) ending.finish('finished');
      }
    },
  };
}
