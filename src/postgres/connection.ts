import type { EventEmitter } from 'node:events';
import { Socket } from 'node:net';
import type { Client, ClientConfig, CustomTypesConfig, QueryResult } from 'pg';
import { WxError } from '../core/errors.ts';
import { textOf } from '../sql/dialect.ts';
import type { Row, Statement } from '../sql/statement.ts';
import { storable } from '../sql/storable.ts';
import { hasNoTls, serverError } from './failures.ts';
import type { QueryText } from './query-text.ts';
import { isSocket, type Place, type ServerAddress, type TlsMode } from './server-address.ts';
import { cipherOf, tlsOptions } from './tls.ts';

/** The oldest server with the functions that decide a COMMIT of unknown result. */
const OLDEST_VERSION = 130_000;

/** How long a server may take to answer a goodbye: nothing is lost without it. */
const GOODBYE_MS = 1_000;

/** How long the parts of an exchange may take. */
export interface Limits {
  /** Until a new connection can be used. */
  connectMs: number;
  /** Until a statement has waited for a lock, or has run, for too long: the server ends it. */
  lockMs: number;
  statementMs: number;
  /** After this time without a statement the server ends a transaction: a stopped process must not hold its locks. */
  idleMs: number;
  /** Until the server answers at all: a connection may be dead without a word. */
  answerMs: number;
}

export const LIMITS: Limits = {
  connectMs: 10_000,
  lockMs: 10_000,
  statementMs: 30_000,
  idleMs: 5_000,
  answerMs: 35_000,
};

export interface ConnectionOptions {
  address: ServerAddress;
  limits: Limits;
  textFor: (sql: string) => QueryText;
  /** Gets what others NOTIFY on the channels that the connection listens to. */
  onNotification?: (payload: string) => void;
  /** Is told when the connection has ended, or fails while it rests. */
  onEnd?: () => void;
}

/** What is sent beside the statements of a step, as it is. */
type Command = string;

export interface Connection {
  /** The line of history that the server writes: another one after the promotion of a standby. */
  readonly timeline: string;
  /** When the server has started, and the first number that it has given to a transaction since. */
  readonly startedAt: string;
  readonly firstXid: string;
  /** Where the server has begun to write after its start or a crash of a process; '' when that was too long ago. */
  readonly begunAt: string;
  /** How it is encrypted, as this end sees it; null: not at all. Behind a pooler, the server's end is another connection. */
  readonly cipher: string | null;
  /** Whether it can still be used. */
  readonly isOpen: boolean;
  /** The text that begins a transaction; see {@link beginOf}. */
  readonly begin: { write: Command; read: Command };
  /**
   * Sends all at once, and waits for all answers. Resolves to the result of each statement, and the tag of each command.
   * Rejects with the first error in order: the server refuses everything behind it.
   */
  exchange(batch: readonly (Statement<unknown> | Command)[]): Promise<unknown[]>;
  /** From now on the server has no longer for an answer than for a new connection, also to what it was asked before. */
  hurry(): void;
  /** Ends it; `now` does not say goodbye. */
  close(how?: 'now'): Promise<void>;
}

/** The place of an address that was writable last: the others are tried after it. */
const worked = new WeakMap<ServerAddress, Place>();

/** Opens a connection to the first server that can be written: a promoted standby may be another one. Throws WxError. */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { address } = options;
  const last = worked.get(address);
  const faults: WxError[] = [];
  for (const place of new Set([...(last ? [last] : []), ...address.places])) {
    const here = address.at(place);
    try {
      const connection = await connectAt(place, { ...options, address: here });
      worked.set(address, place);
      return connection;
    } catch (error) {
      faults.push(serverError(here, error));
    }
  }
  throw faults.find(({ kind }) => kind !== 'network') ?? faults[0];
}

async function connectAt(place: Place, options: ConnectionOptions): Promise<Connection> {
  const tls = isSocket(place) ? 'disable' : options.address.with.tls;
  try {
    return await connect(place, options, tls);
  } catch (error) {
    if (tls !== 'prefer' || !hasNoTls(error)) throw error;
  }
  return connect(place, options, 'disable');
}

async function connect(place: Place, options: ConnectionOptions, tls: TlsMode): Promise<Connection> {
  const { address } = options;
  const { user, database, applicationName, isDirect, isBound, connectMs } = address.with;
  const limits = {
    ...options.limits,
    connectMs: Math.min(options.limits.connectMs, connectMs ?? Number.POSITIVE_INFINITY),
  };
  const pg = (await import('pg')).default;
  const socket = new Socket();
  /** Whether the server proves over this very connection that it knows the password. */
  let isProven = false;
  const client = new pg.Client({
    ...place,
    user,
    database,
    // A function: the client looks for a missing password in other places.
    password() {
      if (isBound && !isProven) throw notBound(address);
      const password = address.password();
      if (password !== null) return password;
      throw new WxError('not-logged-in', `${address} asks for a password, and the URL has none`, {
        hint: 'postgres://user:password@host:5432/database',
      });
    },
    ssl: tlsOptions(place, address, tls),
    sslnegotiation: isDirect && tls !== 'disable' ? 'direct' : 'postgres',
    enableChannelBinding: isBound,
    application_name: applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    pipeline: true,
    stream: () => socket,
    types: { getTypeParser: parserOf(pg.types.getTypeParser as GetTypeParser) } as CustomTypesConfig,
  } satisfies ClientConfig & { pipeline: boolean });
  const { connection, connectionParameters } = client as unknown as {
    connection: EventEmitter;
    connectionParameters: { options: string | null };
  };
  // The client would take those of PGOPTIONS, which are for other programs and which poolers refuse.
  connectionParameters.options = address.with.options;
  connection.prependListener('authenticationSASL', ({ mechanisms }: { mechanisms: string[] }) => {
    isProven = tls !== 'disable' && mechanisms.includes('SCRAM-SHA-256-PLUS');
  });
  const life: Life = { isOpen: true, endedBy: null };
  const end = (): void => {
    life.isOpen = false;
    options.onEnd?.();
  };
  // Without a listener an error of an idle connection would end the process.
  client.on('error', (error) => {
    life.endedBy ??= error;
    end();
  });
  client.on('end', end);
  client.on('notification', ({ payload }) => options.onNotification?.(payload ?? ''));
  try {
    await within(socket, limits.connectMs, () => client.connect());
    if (isBound && !isProven) throw notBound(address);
    const state = await within(socket, limits.connectMs, () => stateOf(client, address));
    return wrap(client, socket, { ...options, limits }, state, life);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Destroys the socket when there is no answer in time; what waits for one then fails. */
async function within<T>(socket: Socket, ms: number, work: () => Promise<T>): Promise<T> {
  const timer = setTimeout(() => socket.destroy(silence(ms)), ms);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

function silence(ms: number): Error {
  return Object.assign(new Error(`the server has not answered for ${ms / 1_000} s`), { code: 'ETIMEDOUT' });
}

function notBound(address: ServerAddress): WxError {
  return new WxError(
    'config',
    `${address} does not prove over TLS that it knows the password, which channel_binding=require asks for`,
    { hint: 'say sslmode=verify-full in the URL instead: it checks the certificate' },
  );
}

interface Life {
  isOpen: boolean;
  /** Why it has ended, as far as somebody said so. */
  endedBy: Error | null;
}

interface ServerState extends Pick<Connection, 'timeline' | 'startedAt' | 'firstXid' | 'begunAt'> {
  /** Commits do not wait for the disk unless they are told to. */
  isAsynchronous: boolean;
}

const STATE = `SELECT current_setting('server_version_num') AS version, current_setting('server_version') AS shown,
    current_setting('transaction_read_only') AS read_only, pg_is_in_recovery()::text AS standby, current_setting('server_encoding') AS encoding,
    current_setting('synchronous_commit') AS synchronous`;
/** A standby has none, and some hosted servers do not tell it. */
const TIMELINE = 'SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline';

/**
 * The first number after a crash is in the checkpoint that ends the recovery. A later checkpoint has a later one. Only such
 * a checkpoint, at which nothing runs, lies where its redo begins (with `minimal`, others may).
 */
const START = `SELECT CAST(CAST(extract(epoch FROM pg_postmaster_start_time()) * 1000000 AS BIGINT) AS TEXT) AS started_at,
    CASE WHEN redo_lsn = checkpoint_lsn AND current_setting('wal_level') <> 'minimal' THEN CAST(checkpoint_lsn AS TEXT)
      ELSE '' END AS begun_at,
    CAST(CAST(split_part(next_xid, ':', 1) AS BIGINT) * 4294967296 + CAST(split_part(next_xid, ':', 2) AS BIGINT) AS TEXT)
      AS first_xid FROM pg_control_checkpoint()`;

/** Asks what the server is. Throws WxError when it cannot be used. */
async function stateOf(client: Client, address: ServerAddress): Promise<ServerState> {
  const [told, line, start] = await Promise.allSettled([
    client.query(STATE),
    client.query(TIMELINE),
    client.query(START),
  ]);
  if (told.status === 'rejected') throw told.reason;
  const state = told.value.rows[0] as Record<string, string>;
  if (Number(state.version) < OLDEST_VERSION) {
    throw new WxError('config', `${address} is PostgreSQL ${state.shown}; wxagent needs 13 or newer`);
  }
  if (state.encoding !== 'UTF8') {
    throw new WxError('config', `${address} has the encoding ${state.encoding}; wxagent needs UTF8`, {
      hint: 'createdb --encoding UTF8 --template template0 <name>',
    });
  }
  if (state.read_only === 'on') {
    if (state.standby === 'true') {
      throw new WxError('network', `${address} can only be read: it is a standby`, {
        hint: 'name the primary in the URL, or both: postgres://user@one,two/database',
      });
    }
    throw new WxError('network', `${address} can only be read: it is set so`, {
      hint: `ALTER DATABASE "${address.with.database}" SET default_transaction_read_only TO off`,
    });
  }
  const timeline = line.status === 'fulfilled' ? (line.value.rows[0]?.timeline as string) : '';
  const {
    started_at: startedAt = '',
    first_xid: firstXid = '0',
    begun_at: begunAt = '',
  } = (start.status === 'fulfilled' ? start.value.rows[0] : {}) as Record<string, string>;
  return { timeline, startedAt, firstXid, begunAt, isAsynchronous: state.synchronous === 'off' };
}

/**
 * The texts that begin a transaction. Settings are those of a transaction, not of a connection: behind a pooler,
 * transactions of other programs run on the same connection. `pg_temp` comes last, so that a temporary table of such a
 * program does not take the place of one of ours.
 */
function beginOf({ address, limits }: ConnectionOptions, state: ServerState): Connection['begin'] {
  const settings = [
    `SET LOCAL search_path TO "${address.schema}", pg_temp`,
    `SET LOCAL lock_timeout TO ${limits.lockMs}`,
    `SET LOCAL statement_timeout TO ${limits.statementMs}`,
    `SET LOCAL idle_in_transaction_session_timeout TO ${limits.idleMs}`,
    ...(state.isAsynchronous ? ['SET LOCAL synchronous_commit TO on'] : []),
  ].join('; ');
  return {
    write: `BEGIN ISOLATION LEVEL READ COMMITTED; ${settings}`,
    // All statements of a read see the same moment.
    read: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${settings}`,
  };
}

function wrap(
  client: Client,
  socket: Socket,
  options: ConnectionOptions,
  state: ServerState,
  life: Readonly<Life>,
): Connection {
  const { textFor, limits } = options;
  const stream = streamOf(client);
  let { answerMs } = limits;
  /** Exchanges that have begun, and those that have ended: in the same order. */
  let begun = 0;
  let ended = 0;

  /** What is asked for in one moment goes out in one write: the library makes one or two of each statement. */
  function holdWrites(): void {
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  async function ask(item: Statement<unknown> | Command): Promise<unknown> {
    if (typeof item === 'string') {
      const result = (await client.query(item)) as QueryResult | QueryResult[];
      return Array.isArray(result) ? result.at(-1)?.command : result.command;
    }
    const { kind, sql, values } = item;
    const text = textFor(textOf(sql, 'postgres'));
    const { rows, rowCount } = await client.query<Row>({ values: values.map(storable), ...text });
    if (kind === 'run') return rowCount ?? 0;
    if (kind === 'insert') return rows[0]?.seq;
    return kind === 'one' ? rows[0] : rows;
  }

  return {
    timeline: state.timeline,
    startedAt: state.startedAt,
    firstXid: state.firstXid,
    begunAt: state.begunAt,
    cipher: cipherOf(stream),
    begin: beginOf(options, state),
    get isOpen() {
      return life.isOpen;
    },
    async exchange(batch) {
      const hadEnded = !life.isOpen;
      holdWrites();
      begun++;
      const answers = await within(socket, answerMs, () => Promise.allSettled(batch.map(ask)));
      ended++;
      const failed = answers.find((answer) => answer.status === 'rejected');
      // Of a connection that has ended before, the client says only that it has.
      if (failed) throw (hadEnded && life.endedBy) || failed.reason;
      return answers.map((answer) => (answer as PromiseFulfilledResult<unknown>).value);
    },
    hurry() {
      answerMs = Math.min(answerMs, limits.connectMs);
      const before = begun;
      const late = (): unknown => ended < before && socket.destroy(silence(answerMs));
      setTimeout(late, answerMs).unref();
    },
    async close(how) {
      if (how === 'now' || !life.isOpen) socket.destroy();
      else await within(socket, GOODBYE_MS, () => client.end());
    },
  };
}

/** The socket, or TLS over it. */
function streamOf(client: Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream;
}

type GetTypeParser = (oid: number, format?: string) => (text: string) => unknown;

/** What a column may be, by the number of its type: whole numbers, texts, bytes. */
const WHOLE = new Set([20, 21, 23, 26, 1700]);
const TEXTS = new Set([18, 19, 25, 705, 1042, 1043]);
const VOID = 2278;
const BYTES = 17;

/** Reads columns as SQLite has them. Any other type is a fault of the statement: it would not be the same there. */
function parserOf(libraryParser: GetTypeParser): GetTypeParser {
  const bytes = libraryParser(BYTES, 'text');
  return (oid, format) => {
    if (format === 'binary') return libraryParser(oid, format);
    if (WHOLE.has(oid)) return wholeNumber;
    if (oid === BYTES) return bytes;
    if (TEXTS.has(oid) || oid === VOID) return (text) => text;
    return () => {
      throw new WxError('internal', `a column has a type that SQLite does not have (${oid})`);
    };
  };
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new WxError('internal', `not a number that can be kept: ${text}`);
  return number;
}
