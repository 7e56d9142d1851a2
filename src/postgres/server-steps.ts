import { asWxError, isShortage, reasonOf, WxError } from '../core/errors.ts';
import { atMostEvery, type Clock } from '../core/time/clock.ts';
import { type BeforeCommit, inOrder, settleWorks, sideBySide, type Work } from '../sql/one-transaction.ts';
import { one, type Step } from '../sql/statement.ts';
import type { StepRunner, StepWait } from '../sql/step-runner.ts';
import { type Connection, LIMITS, type Limits, openConnection } from './connection.ts';
import { isGone, isInTheWay, isOfPooler, isReadOnly, isSilence, mayPass, serverError } from './failures.ts';
import { createPool } from './pool.ts';
import { createQueryTexts, type QueryText } from './query-text.ts';
import type { ServerAddress } from './server-address.ts';
import {
  type CommitStatus,
  commitStatus,
  FaultOfStep,
  readInTransaction,
  runInTransaction,
  UnknownCommit,
} from './transaction.ts';

/** Few are enough: fewer statements help more than more connections (docs/decisions/0025). */
const CONNECTIONS = 4;
/** The most steps of one transaction. */
const MAX_BATCH = 32;
/** How often a step is run again because of others, and the pause before. */
const MOST_REPEATS = 20;
const REPEAT_PAUSE_MS = 10;
/** The pauses before a lost server is tried again: none at first, then this one, doubled with each failure. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const REPORT_MS = 30_000;
/** Without `wait`, how long a server that has worked is waited for. */
const GIVE_UP_MS = 30_000;
const LOOK_MS = 1_000;

type StepWork = Work<() => Step<unknown>>;

/** Works that are done one after the other: those of an account, or a single one that only reads. */
interface Queue {
  account: string | null;
  works: StepWork[];
}

/** The steps of a server, which are told what others have changed. */
export interface ServerSteps extends StepRunner {
  /** Looks at once for what others have changed. */
  lookForChanges(): void;
  /** This process stops: a server that is silent is given up soon, for whoever has told it to stop would end it before. */
  hurry(): void;
}

/**
 * Runs steps on a server, over a few connections. Nothing is opened before the first step. A step resolves when it is
 * committed, which here means: on the server's disk. It is run again when others were in the way, and when the server or
 * the connection failed before it was committed.
 */
export function createServerSteps(options: {
  address: ServerAddress;
  clock: Clock;
  /** Null: a step that meets no server fails. */
  wait: StepWait | null;
  limits?: Limits;
  /** Called before steps run on another line of history (a promoted standby, a restored backup). */
  onNewHistory?: () => void;
  /** What others have committed for accounts from a mark on, and the next mark; see {@link StepRunner.changes}. */
  changesSince?: (mark: number) => Step<{ upto: number; accounts: Map<string, number> }>;
}): ServerSteps {
  const { address, clock, wait, changesSince } = options;
  const limits = options.limits ?? LIMITS;
  const keptTexts = createQueryTexts(address);
  const plainTexts = createQueryTexts({ schema: address.schema, isPrepared: false });
  /** Behind a pooler that does not keep statements for us, we do without. */
  let isPrepared = address.isPrepared;
  const pool = createPool(open, clock);
  /** Queues of accounts, and those that no connection serves yet, oldest first. */
  const queues = new Map<string, Queue>();
  const ready = new Set<Queue>();
  /** The reads among them: those of the same moment share a transaction, which sees what is committed before it. */
  let reads: Queue | null = null;
  let running = 0;
  const onIdle: (() => void)[] = [];
  /** A server that has never worked is not waited for. */
  let hasWorked = false;
  let isLost = false;
  const givenUpErrors = new WeakSet<object>();
  const isReportDue = atMostEvery(REPORT_MS, clock);
  let timeline: string | null = null;
  const closing = new AbortController();
  let isStopping = false;
  /** Why nothing is asked any more: this process stops, and the server is silent. */
  let silence: unknown = null;
  wait?.signal.addEventListener('abort', hurry, { once: true, signal: closing.signal });
  const newestChange = new Map<string, number>();
  let changesMark = 0;
  const isLookDue = atMostEvery(LOOK_MS, clock);
  let isLooking = false;

  function enqueue<T>(
    account: string | null,
    step: () => Step<T>,
    beforeCommit?: BeforeCommit<T>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const work: StepWork = { step, beforeCommit, resolve: resolve as (value: never) => void, reject };
      const known = account === null ? reads : queues.get(account);
      if (known) known.works.push(work);
      else {
        const queue: Queue = { account, works: [work] };
        if (account === null) reads = queue;
        else queues.set(account, queue);
        ready.add(queue);
        // Steps of the same moment share a transaction.
        queueMicrotask(dispatch);
      }
    });
  }

  function dispatch(): void {
    for (const queue of ready) {
      if (running === CONNECTIONS) return;
      ready.delete(queue);
      if (queue === reads) reads = null;
      void serve(queue);
    }
  }

  async function serve(queue: Queue): Promise<void> {
    running++;
    const takeWaiting = () => queue.works.splice(0, MAX_BATCH);
    await settleWorks(
      takeWaiting(),
      (batch) =>
        persist(queue.account, () =>
          queue.account === null ? sideBySide(batch) : inOrder(batch, takeWaiting),
        ),
      (error) => givenUpErrors.has(error as object),
    );
    running--;
    if (queue.works.length > 0) ready.add(queue);
    else if (queue.account !== null) queues.delete(queue.account);
    dispatch();
    if (isIdle()) for (const resolve of onIdle.splice(0)) resolve();
  }

  function isIdle(): boolean {
    return running === 0 && ready.size === 0;
  }

  /** Runs a step until it is committed, or until there is nothing to wait for. */
  async function persist<T>(account: string | null, step: () => Step<T>): Promise<T> {
    const backoff = createBackoff();
    const isRead = account === null;
    let unknown: UnknownCommit | null = null;
    for (let repeats = 0; ; ) {
      let connection: Connection;
      try {
        if (silence !== null) throw silence;
        connection = await pool.acquire();
      } catch (error) {
        await backoff.wait(error, unknown);
        continue;
      }
      let failure: unknown = null;
      try {
        const status: CommitStatus = unknown === null ? null : await commitStatus(connection, unknown);
        if (status === 'committed') return unknown?.result as T;
        if (status === 'in progress') throw unknown;
        unknown = null;
        const result = isRead
          ? await readInTransaction(connection, step())
          : await runInTransaction(connection, step(), { schema: address.schema, name: account });
        hasWorked = true;
        return result;
      } catch (error) {
        failure = error;
      } finally {
        await pool.release(connection, failure !== unknown && hasFailed(failure) ? 'failed' : undefined);
      }
      if (failure === unknown) {
        // The server still works on it.
        await backoff.wait(unknown, unknown);
        continue;
      }
      if (isInTheWay(failure) && repeats++ < MOST_REPEATS) {
        await clock.sleep(REPEAT_PAUSE_MS * (0.5 + Math.random()) * Math.min(repeats, 10));
        continue;
      }
      if (isOfPooler(failure) && repeats++ < MOST_REPEATS) {
        isPrepared = false;
        continue;
      }
      if (isRead && isReadOnly(failure)) throw asWxError(failure);
      if (hasWorked && isGone(failure)) isLost = true;
      if (failure instanceof UnknownCommit) unknown = failure;
      else if (failure instanceof FaultOfStep) {
        // It writes files, too, for which this machine may be short of room.
        if (!isShortage(failure.cause)) throw asWxError(failure.cause);
      } else if (!mayPass(failure)) throw errorOf(failure);
      const isWrapper = failure instanceof FaultOfStep || failure instanceof UnknownCommit;
      await backoff.wait(isWrapper ? (failure as Error).cause : failure, unknown);
    }
  }

  /** How one step waits for the server; see {@link StepWait}. */
  function createBackoff() {
    const giveUpAtMs = clock.monotonic() + GIVE_UP_MS;
    let pauseMs = 0;
    let failures = 0;
    return {
      async wait(error: unknown, unknown: UnknownCommit | null): Promise<void> {
        if (isSilence(error) && isStopping) silence = error;
        // A connection that breaks while this process stops is worth another: what it has committed may be decided at once.
        const isFirst = failures === 0 && silence === null;
        const isPatient = wait ? !wait.signal.aborted : clock.monotonic() < giveUpAtMs;
        const mayWait = isFirst || (isPatient && !closing.signal.aborted);
        if (!mayWait || !(hasWorked || unknown)) throw givenUp(unknown, error);
        // A server closes connections that rest: what the next one mends is not worth a word.
        if (failures++ > 0) report(error);
        const { signal } = closing;
        const until = wait ? AbortSignal.any([wait.signal, signal]) : signal;
        await clock.sleep(pauseMs * (0.5 + Math.random() / 2), until);
        pauseMs = Math.min(Math.max(2 * pauseMs, FIRST_PAUSE_MS), LONGEST_PAUSE_MS);
      },
    };
  }

  const textFor = (sql: string): QueryText => (isPrepared ? keptTexts : plainTexts)(sql);

  async function open(): Promise<Connection> {
    const connection = await openConnection({ address, limits, textFor });
    if (isStopping) connection.hurry();
    if (timeline !== null && connection.timeline !== timeline) options.onNewHistory?.();
    timeline = connection.timeline;
    return connection;
  }

  function hurry(): void {
    isStopping = true;
    pool.each((connection) => connection.hurry());
  }

  /** The error for a step. Of a store that is open, whatever fails is its storage: by the network WeChat is reached. */
  function errorOf(error: unknown): WxError {
    const why = serverError(address, error);
    if (!hasWorked || why.kind === 'internal') return why;
    return new WxError('storage', why.message, { hint: why.hint, cause: why.cause });
  }

  function givenUp(unknown: UnknownCommit | null, error: unknown): WxError {
    const isUnknown = `it is not known whether ${address} has committed: ${reasonOf(error)}`;
    const told = unknown === null ? errorOf(error) : new WxError('storage', isUnknown, { cause: unknown });
    givenUpErrors.add(told);
    return told;
  }

  function report(error: unknown): void {
    if (wait && isReportDue()) wait.report(serverError(address, error).message);
  }

  async function idle(): Promise<void> {
    if (isIdle()) return;
    await new Promise<void>((resolve) => {
      onIdle.push(resolve);
    });
  }

  async function look(): Promise<void> {
    if (!changesSince || isLooking) return;
    isLooking = true;
    try {
      const { upto, accounts } = await enqueue(null, () => changesSince(changesMark));
      for (const [account, changed] of accounts) newestChange.set(account, changed);
      changesMark = upto;
    } catch {
      // The steps report what is wrong.
    } finally {
      isLooking = false;
    }
  }

  return {
    run: enqueue,
    read: (step) => enqueue(null, step),
    async flush() {
      // What is committed is on the disk.
    },
    // The numbers come from a look at the server that this call may begin.
    changes() {
      if (isLost) throw new WxError('storage', `the tables of ${address} were deleted under this process`);
      if (isLookDue()) void look();
      return (account) => newestChange.get(account) ?? 0;
    },
    lookForChanges: () => void look(),
    hurry,
    get isLost() {
      return isLost;
    },
    async verify() {
      // Pages and their sums are the server's own matter: here it only has to answer.
      await enqueue(null, () => nothing());
      return null;
    },
    async keepReserve() {
      // The disk is the server's.
    },
    async close() {
      // Nobody waits any longer for what a lost server keeps from ending.
      closing.abort();
      hurry();
      await idle();
      await pool.close();
    },
  };
}

/** Whether a connection on which this was thrown is not used again. */
function hasFailed(error: unknown): boolean {
  if (error instanceof FaultOfStep) return false;
  return error instanceof UnknownCommit || isOfPooler(error) || mayPass(error);
}

function* nothing(): Step<void> {
  yield* one('SELECT 1 AS one');
}
