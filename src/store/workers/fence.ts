import { FOR_SHARE, sql } from '../../sql/dialect.ts';
import { one, type Request, type Row, Statement, type Step, together } from '../../sql/statement.ts';
import { type Lease, LeaseLost } from '../port/lease.ts';

/** The lease under which a process acts for an account; null: it has none. */
export type Fence = (account: string) => Pick<Lease, 'worker' | 'epoch'> | null;

/** Whether the process holds the lease, as a step is told that has made its first request. */
export type IsHeld = () => boolean;

/** Without a fence, nobody else may come in between. */
export const ALWAYS: IsHeld = () => true;

/** Locked until the commit: a takeover waits for it, or is seen. Nothing weaker keeps a late commit out (decision 0028). */
const HELD = sql`SELECT epoch FROM leases WHERE account = ? AND worker = ? AND epoch = ? ${FOR_SHARE}`;

function lockOf(
  account: string,
  { worker, epoch }: Pick<Lease, 'worker' | 'epoch'>,
): Statement<Row | undefined> {
  return one(HELD, account, worker, epoch);
}

/** A step that changes nothing unless its process holds the lease on the account. Rejects with {@link LeaseLost}. */
export function* fenced<T>(fence: Fence, account: string, step: () => Step<T>): Step<T> {
  const own = fence(account);
  if (own === null) throw new LeaseLost(account);
  const { isHeld, result } = yield* withLock(account, own, step(), (row) => {
    if (row === undefined) throw new LeaseLost(account);
  });
  if (!isHeld) throw new LeaseLost(account);
  return result;
}

/** Those of several accounts that the process holds the leases on, until the commit. */
export function* heldOf<T extends { account: string }>(fence: Fence, all: readonly T[]): Step<T[]> {
  const leased = all.flatMap((one) => {
    const own = fence(one.account);
    return own ? [{ one, own }] : [];
  });
  const rows = yield* together(...leased.map(({ one, own }) => lockOf(one.account, own)));
  return leased.flatMap(({ one }, index) => (rows[index] === undefined ? [] : [one]));
}

/** Runs a step that is told whether its process holds the lease, and what it came to. */
export function* withLease<T>(
  fence: Fence,
  account: string,
  step: (isHeld: IsHeld) => Step<T>,
): Step<{ isHeld: boolean; result: T }> {
  const own = fence(account);
  let isHeld = false;
  const steps = step(() => isHeld);
  if (own === null) return { isHeld, result: yield* steps };
  return yield* withLock(account, own, steps, (row) => {
    isHeld = row !== undefined;
  });
}

/** Asks for the lease with the first statements of a step; what these do is undone when `onRow` throws. */
function* withLock<T>(
  account: string,
  own: Pick<Lease, 'worker' | 'epoch'>,
  step: Step<T>,
  onRow: (row: Row | undefined) => void,
): Step<{ isHeld: boolean; result: T }> {
  const lease = [lockOf(account, own)] as const;
  const first = step.next();
  if (first.done) return { isHeld: (yield* lease[0]) !== undefined, result: first.value };
  const request = first.value;
  const isSingle = request instanceof Statement;
  const asked: readonly Statement<unknown>[] = isSingle ? [request] : request.statements;
  let answers: [Row | undefined, ...unknown[]];
  try {
    answers = (yield* together(...lease, ...asked)) as typeof answers;
    onRow(answers[0]);
  } catch (error) {
    step.return(null as never);
    throw error;
  }
  const [row, ...results] = answers;
  return { isHeld: row !== undefined, result: yield* resumed(step, isSingle ? results[0] : results) };
}

/** A step that has made its first request, which gets this answer. */
function resumed<T>(step: Step<T>, answer: unknown): { [Symbol.iterator](): Iterator<Request, T, unknown> } {
  let isFirst = true;
  return {
    [Symbol.iterator]: () => ({
      next(result) {
        const given = isFirst ? answer : result;
        isFirst = false;
        return step.next(given);
      },
      throw: (error) => step.throw(error),
      return: (value) => step.return(value as T),
    }),
  };
}
