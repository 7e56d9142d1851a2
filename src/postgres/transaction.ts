import { WxError } from '../core/errors.ts';
import { textOf } from '../sql/dialect.ts';
import { one, type Request, type Statement, type Step, Together } from '../sql/statement.ts';
import type { Connection } from './connection.ts';
import { isAnswer, isRolledBack } from './failures.ts';

/** A COMMIT was sent, and its answer is missing. */
export class UnknownCommit extends Error {
  override readonly name = 'UnknownCommit';
  /** The number of the transaction; null: it has written nothing. */
  readonly xid: string | null;
  /** The server's line of history, in which the number has a meaning. */
  readonly timeline: string;
  /** What the step returned. */
  readonly result: unknown;

  constructor(transaction: { xid: string | null; timeline: string; result: unknown }, cause: unknown) {
    super('the connection was lost before the server had answered to a COMMIT', { cause });
    this.xid = transaction.xid;
    this.timeline = transaction.timeline;
    this.result = transaction.result;
  }
}

/** The step itself has thrown: its cause says what. */
export class FaultOfStep extends Error {
  override readonly name = 'FaultOfStep';
}

const XID = one('SELECT CAST(pg_current_xact_id() AS TEXT) AS xid');
/** A statement that gives its transaction no number that matters. */
const ONLY_READS = /^\s*SELECT\b/i;

/**
 * Runs a step in a transaction of its own, under a lock that it takes first. What begins it goes with the first statements, so a step costs as many ways to
 * the server and back as it has requests, and one for COMMIT. Rejects with {@link UnknownCommit}; or, when nothing was
 * committed, with {@link FaultOfStep} or the error of the server or the connection.
 */
export async function runInTransaction<T>(
  connection: Connection,
  step: Step<T>,
  lock: Statement<unknown>,
): Promise<T> {
  const { result, hasBegun, xid } = await play(connection, step, [connection.begin.write, lock]);
  if (hasBegun) await commit(connection, { xid, timeline: connection.timeline, result });
  return result;
}

/** Runs a step that only reads: all of its statements see the same moment. The end of the transaction is not waited for. */
export async function readInTransaction<T>(connection: Connection, step: Step<T>): Promise<T> {
  const { result, hasBegun } = await play(connection, step, [connection.begin.read]);
  if (hasBegun) connection.exchange(['COMMIT']).catch(() => connection.close('now'));
  return result;
}

/** Runs a step to its end in a transaction, which stays open unless the step fails. */
async function play<T>(
  connection: Connection,
  step: Step<T>,
  begin: readonly (string | Statement<unknown>)[],
): Promise<{ result: T; hasBegun: boolean; xid: string | null }> {
  let xid: string | null = null;
  let hasBegun = false;
  try {
    let next = advance(step, undefined);
    while (!next.done) {
      const asked = statementsOf(next.value);
      const asksForXid: boolean = xid === null && asked.some(isWriting);
      const first = hasBegun ? [] : begin;
      hasBegun = true;
      const answers = await connection.exchange([...first, ...asked, ...(asksForXid ? [XID] : [])]);
      if (asksForXid) xid = (answers.pop() as { xid: string }).xid;
      const results = answers.slice(first.length);
      next = advance(step, next.value instanceof Together ? results : results[0]);
    }
    return { result: next.value, hasBegun, xid };
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
export type Fate = 'committed' | 'aborted' | 'in progress' | null;

/** Asks on another connection what became of a transaction. */
export async function fateOf(connection: Connection, { xid, timeline }: UnknownCommit): Promise<Fate> {
  if (xid === null) return 'aborted';
  // Another server may have given the number to another transaction.
  if (connection.timeline !== timeline) return null;
  const asked = one('SELECT pg_xact_status(CAST(?1 AS xid8)) AS fate', xid);
  try {
    const [row] = await connection.exchange([asked]);
    return (row as { fate: Fate }).fate;
  } catch (error) {
    // For the server the number lies in the future: it was set back.
    if (isAnswer(error)) return null;
    throw error;
  }
}

function statementsOf(request: Request): readonly Statement<unknown>[] {
  return request instanceof Together ? request.statements : [request];
}

function isWriting({ kind, sql }: Statement<unknown>): boolean {
  return kind === 'run' || kind === 'insert' || !ONLY_READS.test(textOf(sql, 'postgres'));
}

async function commit(
  connection: Connection,
  transaction: { xid: string | null; timeline: string; result: unknown },
): Promise<void> {
  let tag: unknown;
  try {
    [tag] = await connection.exchange(['COMMIT']);
  } catch (error) {
    if (isRolledBack(error)) throw error;
    throw new UnknownCommit(transaction, error);
  }
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
