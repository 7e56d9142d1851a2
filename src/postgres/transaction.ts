import { WxError } from '../core/errors.ts';
import { one, type Request, type Statement, type Step, Together, Unawaited } from '../sql/statement.ts';
import { storable } from '../sql/storable.ts';
import type { Connection } from './connection.ts';
import { isAnswer, isRefusal, isRolledBack } from './failures.ts';

/** A transaction whose COMMIT is sent, and the server that has numbered it. */
interface EndedTransaction extends Pick<Connection, 'timeline' | 'startedAt' | 'begunAt'> {
  xid: string;
  result: unknown;
}

/** A COMMIT was sent, and its answer is missing. */
export class UnknownCommit extends Error {
  override readonly name = 'UnknownCommit';
  /** The number of the transaction. */
  readonly xid: string;
  /** The server's line of history, in which the number has a meaning. */
  readonly timeline: string;
  readonly startedAt: string;
  readonly begunAt: string;
  /** What the step returned. */
  readonly result: unknown;

  constructor(transaction: EndedTransaction, cause: unknown) {
    super('the connection was lost before the server had answered to a COMMIT', { cause });
    this.xid = transaction.xid;
    this.timeline = transaction.timeline;
    this.startedAt = transaction.startedAt;
    this.begunAt = transaction.begunAt;
    this.result = transaction.result;
  }
}

/** The step itself has thrown: its cause says what. */
export class FaultOfStep extends Error {
  override readonly name = 'FaultOfStep';
}

/** Steps with the same lock exclude each other in all processes, as all steps do on SQLite: each sees what is committed. */
export interface Lock {
  schema: string;
  /** An account, or what else is changed. */
  name: string;
}

/** The number of the transaction, which is known before its COMMIT is sent. */
const XID = 'CAST(pg_current_xact_id() AS TEXT) AS xid';

function beginWith(lock: Lock | null): Statement<unknown> {
  if (lock === null) return one(`SELECT ${XID}`);
  return one(`SELECT pg_advisory_xact_lock(hashtext(?1), hashtext(?2)), ${XID}`, lock.schema, lock.name);
}

/**
 * Runs a step in a transaction of its own, under a lock if it has one. What begins it goes with the first statements,
 * and COMMIT with those that nobody waits for: a step costs as many ways to the server and back as it has requests, and
 * one more. Rejects with {@link UnknownCommit}; or, when nothing was committed, with {@link FaultOfStep} or the error
 * of the server or the connection.
 */
export async function runInTransaction<T>(
  connection: Connection,
  step: Step<T>,
  lock: Lock | null,
): Promise<T> {
  const begin = [connection.begin.write, beginWith(lock)];
  const { result, answersToBegin, unawaited } = await play(connection, step, begin);
  if (answersToBegin === null && unawaited.length === 0) return result;
  const [, begun] = answersToBegin ?? (await connection.exchange(begin));
  const { xid } = begun as { xid: string };
  const { timeline, startedAt, begunAt } = connection;
  await commit(connection, unawaited, { xid, timeline, startedAt, begunAt, result });
  return result;
}

/** Runs a step that only reads: all of its statements see the same moment. The end of the transaction is not waited for. */
export async function readInTransaction<T>(connection: Connection, step: Step<T>): Promise<T> {
  const { result, answersToBegin, unawaited } = await play(connection, step, [connection.begin.read]);
  if (unawaited.length > 0) throw new WxError('internal', 'a step that only reads has something to write');
  if (answersToBegin !== null) connection.exchange(['COMMIT']).catch(() => connection.close('now'));
  return result;
}

/** What a step came to, whose transaction stays open. */
interface Played<T> {
  result: T;
  /** Null: the transaction has not begun. */
  answersToBegin: unknown[] | null;
  /** What is still to be sent. */
  unawaited: Statement<unknown>[];
}

/** Runs a step to its end in a transaction. If it fails, the transaction is over. */
async function play<T>(
  connection: Connection,
  step: Step<T>,
  begin: readonly (string | Statement<unknown>)[],
): Promise<Played<T>> {
  let answersToBegin: unknown[] | null = null;
  let hasBegun = false;
  let unawaited: Statement<unknown>[] = [];
  try {
    let next = advance(step, undefined);
    while (!next.done) {
      if (next.value instanceof Unawaited) {
        // What cannot be bound would not be sent, and COMMIT would.
        for (const { values } of next.value.statements) for (const value of values) storable(value);
        unawaited.push(...next.value.statements);
        next = advance(step, undefined);
        continue;
      }
      const before = [...(hasBegun ? [] : begin), ...unawaited];
      hasBegun = true;
      unawaited = [];
      const answers = await connection.exchange([...before, ...statementsOf(next.value)]);
      answersToBegin ??= answers.slice(0, begin.length);
      const results = answers.slice(before.length);
      next = advance(step, next.value instanceof Together ? results : results[0]);
    }
    return { result: next.value, answersToBegin, unawaited };
  } catch (error) {
    if (!(error instanceof FaultOfStep)) endStep(step, error);
    if (hasBegun) await rollBack(connection, error);
    throw error;
  }
}

function advance<T>(step: Step<T>, result: unknown): IteratorResult<Request, T> {
  try {
    return step.next(result);
  } catch (cause) {
    throw new FaultOfStep('a step has failed', { cause });
  }
}

/** What became of a transaction; null: the server does not know it, or no longer. */
export type CommitStatus = 'committed' | 'aborted' | 'in progress' | null;

/** Asks on another connection what became of a transaction. */
export async function commitStatus(
  connection: Connection,
  { xid, timeline, startedAt, begunAt }: UnknownCommit,
): Promise<CommitStatus> {
  // Another server may have given the number to another transaction.
  if (connection.timeline !== timeline) return null;
  // After a crash, numbers that have left no trace are given again, to other transactions.
  const hasCrashed =
    connection.startedAt !== startedAt || (connection.begunAt !== '' && connection.begunAt !== begunAt);
  if (hasCrashed && BigInt(xid) >= BigInt(connection.firstXid)) return 'aborted';
  const asked = one('SELECT pg_xact_status(CAST(?1 AS xid8)) AS status', xid);
  try {
    const [row] = await connection.exchange([asked]);
    return (row as { status: CommitStatus }).status;
  } catch (error) {
    // For the server the number lies in the future: it was set back.
    if (isAnswer(error)) return null;
    throw error;
  }
}

function statementsOf(request: Exclude<Request, Unawaited>): readonly Statement<unknown>[] {
  return request instanceof Together ? request.statements : [request];
}

/** Sends the last statements and COMMIT together. */
async function commit(
  connection: Connection,
  last: readonly Statement<unknown>[],
  transaction: EndedTransaction,
): Promise<void> {
  const answers = connection.exchange(last);
  const [rest, ended] = await Promise.allSettled([answers, connection.exchange(['COMMIT'])]);
  // It has undone the transaction, whatever it was to answer to the COMMIT.
  if (rest.status === 'rejected' && isRefusal(rest.reason)) throw rest.reason;
  if (ended.status === 'rejected' && isRolledBack(ended.reason)) throw ended.reason;
  for (const one of [rest, ended])
    if (one.status === 'rejected') throw new UnknownCommit(transaction, one.reason);
  const [tag] = (ended as PromiseFulfilledResult<unknown[]>).value;
  // The server answers so to the COMMIT of a transaction in which a statement has failed.
  if (tag !== 'COMMIT') throw new Error(`a transaction ended with ${tag}, although no statement had failed`);
}

/** Lets a step whose statement has failed end what it has begun. */
function endStep(step: Step<unknown>, error: unknown): void {
  try {
    step.throw(error);
  } catch {
    // The first error is the one that matters.
  }
}

/** A connection on which that fails is not used again; the server then does it by itself. */
async function rollBack(connection: Connection, error: unknown): Promise<void> {
  const isInOrder = error instanceof FaultOfStep || error instanceof WxError || isAnswer(error);
  try {
    if (!isInOrder || !connection.isOpen) throw error;
    await connection.exchange(['ROLLBACK']);
  } catch {
    await connection.close('now');
  }
}
