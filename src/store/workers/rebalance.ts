import type { Row } from '../../sql/statement.ts';

/** So many accounts are taken at a look, and so many are handed over by each worker. */
const TAKEN_AT_ONCE = 200;
const GIVEN_AT_ONCE = 50;

/** A worker as the others see it. */
export interface Share {
  worker: string;
  /** Accounts it serves at the most; null: any number. */
  capacity: number | null;
  /** Accounts that it has and keeps: those that it hands over do not count. */
  kept: number;
  /** Accounts that others hand over to it. */
  incoming: number;
}

/** How many accounts a worker should have. */
interface Range {
  /** With fewer, it is given some. */
  least: number;
  /** An even share. */
  fair: number;
  /** It takes no more by itself; what it has beyond, it hands over. */
  most: number;
}

/** What a worker does to have its share. */
export interface Plan {
  /** How many free accounts it takes. */
  take: number;
  /** How many of its own it hands over, and to whom. */
  give: { to: string; count: number }[];
}

/**
 * Decides for one of the workers: an even share and a tenth more is taken. It hands over when it has more than that, or when
 * another has a tenth less than an even share: never so much that it would take some back.
 */
export function rebalancePlan(
  me: string,
  shares: readonly Share[],
  { free, mostGiven }: { free: number; mostGiven: number },
): Plan {
  const own = shares.find(({ worker }) => worker === me);
  if (!own) return { take: 0, give: [] };
  const total = shares.reduce((sum, { kept, incoming }) => sum + kept + incoming, free);
  const ranges = rangesOf(shares, total);
  const rangeOf = ({ worker }: Share): Range => ranges.get(worker) as Range;
  const { fair, most } = rangeOf(own);
  const take = Math.min(free, Math.max(0, most - own.kept - own.incoming));

  const others = shares.filter(({ worker }) => worker !== me);
  const isPoor = (share: Share): boolean => share.kept + share.incoming < rangeOf(share).least;
  const isOver = own.kept > most;
  const floor = Math.min(fair, Math.floor(total / shares.length));
  let surplus = own.kept - (isOver && !others.some(isPoor) ? fair : floor);
  // What is free is for those in need, first.
  const needs = others
    .filter((share) => isOver || isPoor(share))
    .map((share) => ({ to: share.worker, need: Math.max(0, goalOf(share) - share.kept - share.incoming) }))
    .filter(({ need }) => need > 0)
    .sort((a, b) => b.need - a.need);
  surplus = Math.min(surplus, mostGiven, needs.reduce((sum, { need }) => sum + need, 0) - free);
  const give: Plan['give'] = [];
  for (const { to, need } of needs) {
    if (surplus <= 0) break;
    const count = Math.min(need, surplus);
    give.push({ to, count });
    surplus -= count;
  }
  return { take, give };

  function goalOf(share: Share): number {
    return isPoor(share)
      ? Math.min(rangeOf(share).fair, Math.floor(total / shares.length))
      : rangeOf(share).fair;
  }
}

/** Even shares; what one has no room for, the others share. */
function rangesOf(shares: readonly Share[], total: number): Map<string, Range> {
  const ranges = new Map<string, Range>();
  const bySize = shares.toSorted((a, b) => capacityOf(a) - capacityOf(b));
  let left = total;
  for (const [index, share] of bySize.entries()) {
    const workers = bySize.length - index;
    const room = capacityOf(share);
    const fair = Math.min(room, Math.ceil(left / workers));
    const tenth = Math.floor(fair / 10);
    const least = Math.min(room, Math.floor(left / workers)) - tenth;
    ranges.set(share.worker, { least, fair, most: Math.min(room, fair + tenth) });
    left -= Math.min(room, left / workers);
  }
  return ranges;
}

function capacityOf({ capacity }: Share): number {
  return capacity ?? Number.POSITIVE_INFINITY;
}

/** What the board says to one worker. */
export interface Reading extends Plan {
  /** Free accounts are handed over to it. */
  isAwaited: boolean;
  /** A sum over what it holds, which differs when anything was taken from it. */
  held: string;
  /** Accounts for which no worker has room. */
  unserved: number;
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
  const shares = [...present.values()];
  const plan = rebalancePlan(me, shares, { free, mostGiven: GIVEN_AT_ONCE });
  const room = shares.reduce((sum, share) => sum + capacityOf(share) - share.kept - share.incoming, 0);
  return {
    ...plan,
    take: Math.min(plan.take, TAKEN_AT_ONCE),
    isAwaited,
    held: heldSum(accounts, epochs),
    unserved: Math.max(0, free - room),
  };
}

function hasShare({ leaving, purpose }: Row): boolean {
  return leaving === 0 && purpose === 'share';
}

/** See {@link Reading.held}. */
export function heldSum(accounts: number, epochs: number): string {
  return `${accounts} ${epochs}`;
}
