import { effect } from '@preact/signals';
import { listenToEvents } from '../../../page/listen-to-events.ts';
import { ask, newKey } from './api.ts';
import { isIn, noteVersion, stale, trouble } from './state.ts';
import type { StateEvent } from './types.ts';

const KINDS = ['message', 'turn', 'part', 'verdict', 'scheduled', 'login', 'worker', 'audit'];
/** How often the page looks whether all is well; and whether it is again. */
const BEAT_MS = 10_000;
const TROUBLE_MS = 2_000;

/** By which the server knows this page again, when a stream of it was lost and nobody told. */
const PAGE_KEY = newKey();

const listeners = new Set<(event: StateEvent) => void>();

/** Gets every event from now on. Returns what ends it. */
export function onEvent(listener: (event: StateEvent) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Follows what changes, for as long as this browser is in. */
export function followEvents(): void {
  effect(() => {
    if (!isIn.value) return;
    const tell = (event: unknown): void => {
      for (const listener of [...listeners]) listener(event as StateEvent);
    };
    const reset = (): void => {
      stale.value++;
    };
    const stream = listenToEvents(`/api/v1/events?page=${PAGE_KEY}`, {
      ...Object.fromEntries(KINDS.map((kind) => [kind, tell])),
      reset,
    });
    const end = keepLooking(() => {
      // Without a stream (there are too many pages, or it is kept back) it is loaded now and then.
      if (stream.connection.peek() !== 'live' && trouble.peek() === null) stale.value++;
    });
    return () => {
      end();
      stream.stop();
    };
  });
}

/** Looks at the server again and again: a stream does not tell that the store is gone or the session over. */
function keepLooking(onBeat: () => void): () => void {
  let next: ReturnType<typeof setTimeout> | undefined;
  let isEnded = false;
  const beat = async (): Promise<void> => {
    if (document.visibilityState === 'visible')
      await ask<{ version: string }>('/session').then(
        ({ version }) => {
          noteVersion(version);
          onBeat();
        },
        // What it means is noted where all requests are made.
        () => {},
      );
    clearTimeout(next);
    if (!isEnded) next = setTimeout(beat, trouble.peek() === null ? BEAT_MS : TROUBLE_MS);
  };
  const soon = (): void => {
    clearTimeout(next);
    next = setTimeout(beat, TROUBLE_MS);
  };
  const stopWatching = trouble.subscribe((found) => {
    if (found !== null) soon();
  });
  document.addEventListener('visibilitychange', soon);
  soon();
  return () => {
    isEnded = true;
    clearTimeout(next);
    stopWatching();
    document.removeEventListener('visibilitychange', soon);
  };
}
