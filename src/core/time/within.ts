import { setImmediate as turn } from 'node:timers/promises';
import { after } from './clock.ts';

/**
 * Turns of the event loop in which everything that has happened by now is heard of. Time that has passed says nothing
 * by itself: a process that was stopped, or busy, learns of its timers before it learns of its children.
 */
const TURNS = 3;

/** Resolves when everything that has happened before is heard of. */
export async function allHeard(): Promise<null> {
  for (let n = 0; n < TURNS; n++) await turn();
  return null;
}

/** What the promise resolves with, or null when `waitMs` pass first. Rejects as the promise does. */
export async function within<T>(waitMs: number, promise: Promise<T>): Promise<T | null> {
  let callOff = (): void => {};
  const late = new Promise<null>((resolve) => {
    callOff = after(waitMs, () => resolve(allHeard()));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    callOff();
  }
}
