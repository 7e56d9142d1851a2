import { setMaxListeners } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { after } from './clock.ts';

/** Turns of the loop that deliver every event so far: a process that was stopped sees its timers before its children. */
const TURNS = 3;

/** Resolves when every event that has happened before is delivered. */
export async function eventsDelivered(): Promise<null> {
  for (let n = 0; n < TURNS; n++) await turn();
  return null;
}

/** Resolves when the signal is aborted. */
export function untilAborted(signal: AbortSignal): Promise<null> {
  return abortedAfter(signal, () => {});
}

/** Resolves when the signal is aborted, after `first`, which is called at that moment. */
export function abortedAfter(signal: AbortSignal, first: () => void): Promise<null> {
  return new Promise((resolve) => {
    const onAbort = (): void => {
      first();
      resolve(null);
    };
    if (signal.aborted) return onAbort();
    // Many may wait for one signal; Node would warn of a leak beyond ten.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/** Combines a signal with others; the same gives the same result, since Node keeps all that are listened to. */
export function combinerOf(signal: AbortSignal): (other: AbortSignal) => AbortSignal {
  let last: { other: AbortSignal; either: AbortSignal } | null = null;
  return (other) => {
    if (last?.other !== other) last = { other, either: AbortSignal.any([signal, other]) };
    return last.either;
  };
}

/** What the promise resolves with, or null when `waitMs` pass first. Rejects as the promise does. */
export async function within<T>(waitMs: number, promise: Promise<T>): Promise<T | null> {
  let callOff = (): void => {};
  const late = new Promise<null>((resolve) => {
    callOff = after(waitMs, () => resolve(eventsDelivered()));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    callOff();
  }
}
