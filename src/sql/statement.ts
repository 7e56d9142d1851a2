import { WxError } from '../core/errors.ts';

/** The values that may be bound to a statement. */
export type SqlValue = number | string | Uint8Array | null;

/** One row by column name. A blob is a Buffer, a whole number a number, a truth 0 or 1. */
export type Row = Record<string, SqlValue>;

/** The databases that a step can run on. */
export type Dialect = 'sqlite' | 'postgres';

/** The text of a statement: one that both databases understand, or one for each (see `sql`). */
export type Sql = string | Readonly<Record<Dialect, string>>;

/** What a step yields: a statement, several that do not need each other's results, or some whose results nobody needs. */
export type Request = Statement<unknown> | Together<readonly Statement<unknown>[]> | Unawaited;

/**
 * The work of one transaction, written once for both databases: a generator that asks for each statement by `yield*` and
 * gets its result. SQLite runs it at once, PostgreSQL waits for each answer. It may be run again from its beginning.
 */
export type Step<T> = Generator<Request, T, unknown>;

/** What is asked of a statement. */
type Kind = 'one' | 'all' | 'run' | 'insert';

/** One statement with its values, as a value. `yield*` in a {@link Step} runs it and is its result. */
export class Statement<T> {
  readonly kind: Kind;
  readonly sql: Sql;
  readonly values: SqlValue[];

  constructor(kind: Kind, sql: Sql, values: SqlValue[]) {
    this.kind = kind;
    this.sql = sql;
    this.values = values;
  }

  [Symbol.iterator](): Iterator<Request, T, unknown> {
    return new Single<T>(this);
  }
}

/** Several statements of one moment; see {@link together}. */
export class Together<S extends readonly Statement<unknown>[]> {
  readonly statements: S;

  constructor(statements: S) {
    this.statements = statements;
  }

  [Symbol.iterator](): Iterator<Request, Results<S>, unknown> {
    return new Single<Results<S>>(this);
  }
}

/** Statements without results; see {@link unawaited}. */
export class Unawaited {
  readonly statements: readonly Statement<unknown>[];

  constructor(statements: readonly Statement<unknown>[]) {
    this.statements = statements;
  }

  [Symbol.iterator](): Iterator<Request, void, unknown> {
    return new Single<void>(this);
  }
}

type Results<S extends readonly Statement<unknown>[]> = {
  [Index in keyof S]: S[Index] extends Statement<infer T> ? T : never;
};

type Answer = (request: Request) => unknown;

/** What answers the requests of the step that runs through just now; see {@link runThrough}. */
let answerAtOnce: Answer | null = null;

/** Runs a step without a pause: each request is answered where it is made, so an error has the step in its stack. */
export function runThrough<T>(step: Step<T>, answer: Answer): T {
  const before = answerAtOnce;
  answerAtOnce = answer;
  try {
    const { done, value } = step.next();
    if (done) return value;
  } finally {
    answerAtOnce = before;
  }
  throw new WxError('internal', 'a step yielded something that is not a statement', {
    hint: 'write yield* before a statement and before a step',
  });
}

/** Yields one request and returns what the driver sends for it; lighter than a generator of its own. */
class Single<T> implements Iterator<Request, T, unknown> {
  private readonly request: Request;
  private isSent = false;

  constructor(request: Request) {
    this.request = request;
  }

  next(result?: unknown): IteratorResult<Request, T> {
    if (answerAtOnce !== null) return { done: true, value: answerAtOnce(this.request) as T };
    if (this.isSent) return { done: true, value: result as T };
    this.isSent = true;
    return { done: false, value: this.request };
  }
}

export function one(sql: Sql, ...values: SqlValue[]): Statement<Row | undefined> {
  return new Statement('one', sql, values);
}

export function all(sql: Sql, ...values: SqlValue[]): Statement<Row[]> {
  return new Statement('all', sql, values);
}

/** Runs a statement. Its result: how many rows it changed. */
export function run(sql: Sql, ...values: SqlValue[]): Statement<number> {
  return new Statement('run', sql, values);
}

/** Inserts one row into a table that numbers its rows. Its result: the number, `seq`. The text ends with `RETURNING_SEQ`. */
export function insert(sql: Sql, ...values: SqlValue[]): Statement<number> {
  return new Statement('insert', sql, values);
}

/** Statements that do not need each other's results: they make one way to a server and back. */
export function together<S extends readonly Statement<unknown>[]>(...statements: S): Together<S> {
  return new Together(statements);
}

/** Statements whose results nobody needs: a server gets them with the next request or COMMIT. Errors come as late. */
export function unawaited(...statements: Statement<number>[]): Unawaited {
  return new Unawaited(statements);
}
