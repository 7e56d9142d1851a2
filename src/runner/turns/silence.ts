import type { TurnEnd } from '../../agents/port/port.ts';
import type { Clock } from '../../core/time/clock.ts';
import { eventsDelivered } from '../../core/time/event-loop.ts';

/** Listens for signs of life of one turn (`--silence-timeout`). */
export interface SilenceWatch {
  /** Aborted when the turn is told to end, or was silent for too long: its reason is a TurnEnd. */
  signal: AbortSignal;
  /** The agent shows that it is at work. */
  alive(): void;
  /** Does not count the time until the work has ended: then it is not the agent that is slow. */
  during<T>(work: Promise<T>): Promise<T>;
  /** The turn is over. */
  end(): void;
}

/** The longest time that counts at once: of one in which this process was stopped no more than that does. */
const LONGEST_STEP_MS = 1_000;

/** Watches a turn from now on; `limitMs` 0 lets it be silent for as long as it likes. */
export function watchSilence(stop: AbortSignal, limitMs: number, clock: Clock): SilenceWatch {
  if (limitMs === 0) return { signal: stop, alive() {}, during: (work) => work, end() {} };
  const controller = new AbortController();
  const over = new AbortController();
  let heardAt = clock.monotonic();
  let busy = 0;
  const onStop = (): void => controller.abort(stop.reason);
  if (stop.aborted) onStop();
  else stop.addEventListener('abort', onStop, { once: true });

  async function watch(): Promise<void> {
    let silentMs = 0;
    while (!over.signal.aborted) {
      const from = clock.monotonic();
      const stepMs = Math.min(limitMs - silentMs, LONGEST_STEP_MS);
      await clock.sleep(stepMs, over.signal);
      // What it said while this process was stopped is heard of after the timer.
      await eventsDelivered();
      if (busy > 0) silentMs = 0;
      // Time beyond the step is that of this process, which was stopped or busy.
      else if (heardAt >= from) silentMs = Math.min(clock.monotonic() - heardAt, stepMs);
      else silentMs += Math.min(clock.monotonic() - from, stepMs);
      if (silentMs >= limitMs && !over.signal.aborted) return controller.abort('silence' satisfies TurnEnd);
    }
  }
  function alive(): void {
    heardAt = clock.monotonic();
  }
  void watch();

  return {
    signal: controller.signal,
    alive,
    async during(work) {
      busy++;
      try {
        return await work;
      } finally {
        busy--;
        alive();
      }
    },
    end() {
      over.abort();
      stop.removeEventListener('abort', onStop);
    },
  };
}
