import { setTimeout as delay } from 'node:timers/promises';

/** Waits until the condition holds; fails loudly when it does not within `limitMs`. */
export async function pollUntil(what: string, condition: () => boolean, limitMs = 5_000): Promise<void> {
  const startedAt = performance.now();
  while (!condition()) {
    if (performance.now() - startedAt > limitMs) throw new Error(`never happened: ${what}`);
    await delay(5);
  }
}
