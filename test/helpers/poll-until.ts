import { setTimeout as delay } from 'node:timers/promises';

/** Longest wait of a test for anything: a slow or busy machine must not fail it, so only what never comes does. */
export const LIMIT_MS = 120_000;

/** Waits until the condition holds; fails loudly when it never does. */
export async function pollUntil(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > LIMIT_MS) throw new Error(`never happened: ${what}`);
    await delay(5);
  }
}

/** Reads until it is what is wanted, and returns that; fails loudly when it never is. */
export async function readUntil<T>(
  what: string,
  read: () => Promise<T>,
  isIt: (found: T) => boolean,
): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const found = await read();
    if (isIt(found)) return found;
    if (performance.now() - startedAt > LIMIT_MS)
      throw new Error(`never happened: ${what}, but ${JSON.stringify(found)}`);
    await delay(5);
  }
}
