import type { Clock } from '../core/time/clock.ts';
import { type HeldBy, type Lock, type LockHolder, lockHolder, tryLock } from './lock.ts';
import type { Paths } from './paths.ts';

/** How long it is believed who holds the lock of a process: a thousand accounts of one process ask in a row. */
const BELIEVED_MS = 1_000;

export interface ProcessLock extends Lock {
  readonly slot: number;
  readonly path: string;
}

/** Takes the first lock that no other process has: as long as it is held, the process lives (decision 0012). */
export function takeProcessLock(paths: Pick<Paths, 'processLock'>, me: LockHolder): ProcessLock {
  for (let slot = 1; ; slot++) {
    const path = paths.processLock(slot);
    const taken = tryLock(path, me);
    if ('lock' in taken) return { ...taken.lock, slot, path };
  }
}

/** Tells who holds locks of other processes. What was found counts for a moment. */
export function createHolderLookup(clock: Pick<Clock, 'monotonic'>): (path: string) => HeldBy | null {
  const found = new Map<string, { atMs: number; holder: HeldBy | null }>();
  return (path) => {
    const nowMs = clock.monotonic();
    const known = found.get(path);
    if (known && nowMs - known.atMs < BELIEVED_MS) return known.holder;
    const holder = lockHolder(path);
    found.set(path, { atMs: nowMs, holder });
    return holder;
  };
}
