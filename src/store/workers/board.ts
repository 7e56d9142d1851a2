import type { Row } from '../../sql/statement.ts';
import { type Plan, planOf } from './shares.ts';

/** So many accounts are taken at a look, and so many are handed over by each worker. */
const TAKEN_AT_ONCE = 200;
const GIVEN_AT_ONCE = 50;

/** What the board says to one worker. */
export interface Reading extends Plan {
  /** Free accounts are handed over to it. */
  isAwaited: boolean;
  /** A sum over what it holds, which differs when anything was taken from it. */
  held: string;
}

/** Reads the board of workers and accounts for one of them. `mayTakeOver`: accounts of expired workers are free. */
export function readBoard(
  { workers, groups }: { workers: readonly Row[]; groups: readonly Row[] },
  me: string,
  mayTakeOver: boolean,
): Reading {
  const present = new Map(
    workers
      .filter((row) => row.alive === 1 && hasShare(row))
      .map(({ worker, capacity }) => [
        worker as string,
        { worker: worker as string, capacity: capacity as number | null, kept: 0, incoming: 0 },
      ]),
  );
  /** Their accounts are nobody else's, and are not shared. */
  const apart = new Set(
    workers.filter((row) => row.alive === 1 && !hasShare(row)).map(({ worker }) => worker),
  );
  let free = 0;
  let isAwaited = false;
  let accounts = 0;
  let epochs = 0;
  for (const group of groups) {
    const count = group.accounts as number;
    const owner = group.worker === null ? undefined : present.get(group.worker as string);
    const next = group.next === null ? undefined : present.get(group.next as string);
    if (group.worker === me) {
      accounts += count;
      epochs += group.epochs as number;
    }
    const isDead = group.worker !== null && !owner && !apart.has(group.worker);
    // What a dead worker was about to hand over never comes by itself.
    if (isDead) free += mayTakeOver ? count : 0;
    else if (next) {
      next.incoming += count;
      isAwaited ||= group.worker === null && group.next === me;
    } else if (owner && group.next === null) owner.kept += count;
    else if (group.worker === null) free += count;
  }
  const plan = planOf(me, [...present.values()], { free, mostGiven: GIVEN_AT_ONCE });
  return { ...plan, take: Math.min(plan.take, TAKEN_AT_ONCE), isAwaited, held: heldSum(accounts, epochs) };
}

function hasShare({ leaving, purpose }: Row): boolean {
  return leaving === 0 && purpose === 'share';
}

/** See {@link Reading.held}. */
export function heldSum(accounts: number, epochs: number): string {
  return `${accounts} ${epochs}`;
}
