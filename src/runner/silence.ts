import type { TurnEnd } from '../agents/port.ts';
import type { Clock } from '../core/clock.ts';

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
    while (!over.signal.aborted) {
      const leftMs = heardAt + limitMs - clock.monotonic();
      if (leftMs <= 0 && busy === 0) return controller.abort('silence' satisfies TurnEnd);
      await clock.sleep(leftMs > 0 ? leftMs : limitMs, over.signal);
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
