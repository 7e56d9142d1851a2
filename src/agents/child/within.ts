import { after } from '../../core/clock.ts';

/** What the promise resolves with, or null when `waitMs` pass first. Rejects as the promise does. */
export async function within<T>(waitMs: number, promise: Promise<T>): Promise<T | null> {
  let callOff = (): void => {};
  const late = new Promise<null>((resolve) => {
    callOff = after(waitMs, () => resolve(null));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    callOff();
  }
}
