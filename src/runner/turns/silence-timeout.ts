import type { TurnEnd } from '../../agents/port/port.ts';
import type { Clock } from '../../core/time/clock.ts';
import { eventsDelivered } from '../../core/time/event-loop.ts';

/** Ends a turn whose agent gives no output for too long (`--silence-timeout`). */
export interface SilenceTimeout {
  /** Aborted when the runner ends the turn, or when the time is up. Its reason is a TurnEnd. */
  signal: AbortSignal;
  /** A sign of life of the agent: the time starts anew. */
  alive(): void;
  /** Does not count the time of this work, for which the agent waits. */
  during<T>(work: Promise<T>): Promise<T>;
  /** Stops the timer at the end of the turn. */
  end(): void;
}

/** The longest time that counts in one step. A pause of the whole process counts for no more than that. */
const LONGEST_STEP_MS = 1_000;

/** Starts the timer of a turn. `limitMs` 0 means no limit. */
export function startSilenceTimeout(stop: AbortSignal, limitMs: number, clock: Clock): SilenceTimeout {
  if (limitMs === 0) return { signal: stop, alive() {}, during: (work) => work, end() {} };
  const timedOut = new AbortController();
  const ended = new AbortController();
  let aliveAtMs = clock.monotonic();
  let waiting = 0;
  const onStop = (): void => timedOut.abort(stop.reason);
  if (stop.aborted) onStop();
  else stop.addEventListener('abort', onStop, { once: true });

  async function watch(): Promise<void> {
    let silentMs = 0;
    while (!ended.signal.aborted) {
      const fromMs = clock.monotonic();
      const stepMs = Math.min(limitMs - silentMs, LONGEST_STEP_MS);
      await clock.sleep(stepMs, ended.signal);
      // After a pause of this process the timer fires before the output that came meanwhile is read.
      await eventsDelivered();
      if (waiting > 0) silentMs = 0;
      // This process was paused or busy for what the step took longer.
      else if (aliveAtMs >= fromMs) silentMs = Math.min(clock.monotonic() - aliveAtMs, stepMs);
      else silentMs += Math.min(clock.monotonic() - fromMs, stepMs);
      if (silentMs >= limitMs && !ended.signal.aborted) return timedOut.abort('silence' satisfies TurnEnd);
    }
  }
  function alive(): void {
    aliveAtMs = clock.monotonic();
  }
  void watch();

  return {
    signal: timedOut.signal,
    alive,
    async during(work) {
      waiting++;
      try {
        return await work;
      } finally {
        waiting--;
        alive();
      }
    },
    end() {
      ended.abort();
      stop.removeEventListener('abort', onStop);
    },
  };
}
