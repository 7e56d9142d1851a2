import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { onEvent } from '../api-client/live.ts';
import { stale } from '../api-client/state.ts';
import type { StateEvent } from '../api-client/types.ts';

/** Events that come together are one reason to load. */
const TOGETHER_MS = 200;
/** What takes long is loaded so much less often: most of the time nothing is asked. */
const REST = 4;

/** What a view shows of the server. */
export interface Loaded<T> {
  /** null: it has not come yet. An old one stays until there is a new one. */
  value: T | null;
  /** Why the last attempt came to nothing, as a sentence; null: it did not. */
  problem: string | null;
  reload(): void;
}

/** Loads for a view: again when `inputs` change, on news, when all may be old, and `everyMs` for what no event tells. */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  inputs: readonly unknown[],
  isNews: (event: StateEvent) => boolean,
  everyMs: number | null = null,
): Loaded<T> {
  const value = useSignal<T | null>(null);
  const problem = useSignal<string | null>(null);
  const asked = useSignal(0);
  useEffect(() => {
    const stop = new AbortController();
    let soon: ReturnType<typeof setTimeout> | undefined;
    let isLoading = false;
    let isOld = false;
    let restMs = TOGETHER_MS;
    const runSoon = (): void => {
      soon ??= setTimeout(run, restMs);
    };
    const run = async (): Promise<void> => {
      clearTimeout(soon);
      soon = undefined;
      isOld = isLoading;
      if (isLoading) return;
      isLoading = true;
      const startedMs = performance.now();
      try {
        const found = await load(stop.signal);
        if (stop.signal.aborted) return;
        value.value = found;
        problem.value = null;
      } catch (thrown) {
        if (stop.signal.aborted) return;
        problem.value = thrown instanceof Error ? thrown.message : String(thrown);
      } finally {
        isLoading = false;
        restMs = Math.max(TOGETHER_MS, REST * (performance.now() - startedMs));
      }
      if (isOld) runSoon();
    };
    const stopEvents = onEvent((event) => {
      if (isNews(event)) runSoon();
    });
    const stopStale = stale.subscribe(() => void run());
    const regularly =
      everyMs === null
        ? undefined
        : setInterval(() => document.visibilityState === 'visible' && runSoon(), everyMs);
    return () => {
      stop.abort();
      clearTimeout(soon);
      clearInterval(regularly);
      stopEvents();
      stopStale();
    };
  }, [...inputs, asked.value]);
  return {
    value: value.value,
    problem: problem.value,
    reload() {
      asked.value++;
    },
  };
}
