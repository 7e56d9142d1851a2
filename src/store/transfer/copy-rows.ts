import { createHash } from 'node:crypto';
import { WxError } from '../../core/errors.ts';
import type { Dialect, Row, Sql, SqlValue, Step } from '../../sql/statement.ts';
import { all, one, run, together } from '../../sql/statement.ts';
import { storable } from '../../sql/storable.ts';
import { withPath } from './copy-files.ts';
import type { MovedTable, TableSum } from './moved-tables.ts';

/** How much of a value is shown. */
const MOST_SHOWN = 40;

/** The most rows of a page, and about how much they may have: rows have up to some megabytes. */
const PAGE_ROWS = 300;
const PAGE_BYTES = 4 * 1024 * 1024;

/** A part of a table, in the order of its key. */
export interface Page {
  rows: Row[];
  /** What the next one begins after; null: at the first row. */
  last: SqlValue[] | null;
}

/** The rows of a table after a key. */
export function* pageAfter(table: MovedTable, after: SqlValue[] | null, most: number): Step<Page> {
  const keys = listOf(table.key);
  const from = after === null ? '' : `WHERE (${keys}) > (${after.map(() => '?').join(', ')})`;
  const select = (dialect: Dialect): string =>
    `SELECT ${columnsOf(table, dialect)} FROM ${table.name} ${from} ORDER BY ${keys} LIMIT ?`;
  const text = { sqlite: select('sqlite'), postgres: select('postgres') };
  const found = yield* all(text, ...(after ?? []), most);
  const rows = found.map((row) => asTyped(table, row));
  const end = rows.at(-1);
  const last = end ? table.key.map((name) => end[name] as SqlValue) : after;
  // A blob is sorted behind the text that it reads as, and would come again and again.
  if (end && String(last) === String(after)) throw unusable(table, `the key ${String(last)} is there twice`);
  return { rows, last };
}

/** Inserts rows as they are, numbers included. */
export function* insertRows(table: MovedTable, rows: readonly Row[]): Step<void> {
  const names = table.columns.map(({ name }) => name);
  const insertion = `INSERT INTO ${table.name} (${listOf(names)}) VALUES (${names.map(() => '?').join(', ')})`;
  yield* together(...rows.map((row) => run(insertion, ...names.map((name) => row[name] as SqlValue))));
}

/** Deletes all rows of a table. */
export function* clearTable({ name }: MovedTable): Step<void> {
  yield* run(`DELETE FROM ${name}`);
}

/** The highest number that a table has given to a row, which may have been deleted since. */
export function* lastNumber({ name }: MovedTable): Step<number> {
  const noted: Sql = {
    sqlite: `SELECT seq FROM sqlite_sequence WHERE name = '${name}'`,
    postgres: `SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS seq FROM ${name}_seq_seq`,
  };
  const [counted, highest] = yield* together(
    one(noted),
    one(`SELECT COALESCE(MAX(seq), 0) AS seq FROM ${name}`),
  );
  return Math.max(Number(counted?.seq ?? 0), Number(highest?.seq ?? 0));
}

/** Makes a table give higher numbers than this one to its next rows: rows that are copied do not count as given. */
export function* numberFrom({ name }: MovedTable, last: number, dialect: Dialect): Step<void> {
  if (dialect === 'postgres') {
    if (last > 0) yield* one(`SELECT setval('${name}_seq_seq', ?)`, last);
    else yield* run(`ALTER TABLE ${name} ALTER COLUMN seq RESTART`);
    return;
  }
  yield* run('DELETE FROM sqlite_sequence WHERE name = ?', name);
  if (last > 0) yield* run('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)', name, last);
}

/** Sums up rows that come in the order of their key. */
export function createSum(table: MovedTable): { add(rows: readonly Row[]): void; end(): TableSum } {
  const hash = createHash('sha256').update(table.columns.map(({ name }) => name).join(' '));
  let count = 0;
  return {
    add(rows) {
      count += rows.length;
      for (const one of rows) {
        // Each side has a place of its own for files.
        const row = table.name === 'parts' ? withPath(one, (_, id) => id) : one;
        for (const { name } of table.columns) hash.update(canonical(row[name] ?? null));
      }
    },
    end: () => ({ rows: count, digest: hash.digest('hex') }),
  };
}

/** As many rows as memory easily has. */
export function createPageSize(): { readonly rows: number; learn(rows: readonly Row[]): void } {
  let most = PAGE_ROWS;
  return {
    get rows() {
      return most;
    },
    learn(rows) {
      const mean = rows.reduce((sum, row) => sum + sizeOf(row), 0) / rows.length;
      most = Math.max(1, Math.min(PAGE_ROWS, Math.floor(PAGE_BYTES / Math.max(1, mean))));
    },
  };
}

/** The bytes of a row that its value in another database is to have as well. */
function sizeOf(row: Row): number {
  let bytes = 0;
  for (const value of Object.values(row)) {
    if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length;
  }
  return bytes;
}

/** A value by its type, length and bytes, so that no two lists of values look alike. */
function canonical(value: SqlValue): Buffer {
  if (value === null) return Buffer.from('-');
  if (typeof value === 'number') return Buffer.from(`n${value};`);
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([Buffer.from(`${typeof value === 'string' ? 't' : 'b'}${bytes.length}:`), bytes]);
}

/** Texts come from SQLite as bytes: its library ends the process at one that is not UTF-8, and cuts one with NUL. */
function columnsOf({ columns }: MovedTable, dialect: Dialect): string {
  return columns
    .map(({ name, type }) => {
      const quoted = listOf([name]);
      return dialect === 'sqlite' && type === 'text' ? `CAST(${quoted} AS BLOB) AS ${quoted}` : quoted;
    })
    .join(', ');
}

/** SQLite keeps in a column whatever it is given, also a text among blobs. */
function asTyped(table: MovedTable, row: Row): Row {
  for (const { name, type } of table.columns) {
    const value = row[name] ?? null;
    if (type === 'blob' && typeof value === 'string') row[name] = Buffer.from(value);
    else if (type === 'text' && value instanceof Uint8Array)
      row[name] = textOf(table, name, Buffer.from(value));
    else if (type === 'number' && value !== null && !Number.isSafeInteger(value)) {
      const shown = String(value).slice(0, MOST_SHOWN);
      throw unusable(table, `${name} has a value that is not a whole number: ${shown}`);
    }
  }
  return row;
}

/** As `storable` has it. A key has to stay what it is: rows are sorted by it. */
function textOf(table: MovedTable, name: string, bytes: Buffer): string {
  const text = String(storable(bytes.toString('utf8')));
  if (table.key.includes(name) && !bytes.equals(Buffer.from(text)))
    throw unusable(
      table,
      `${name} has a value that is not text: ${bytes.toString('hex').slice(0, MOST_SHOWN)}`,
    );
  return text;
}

function listOf(names: readonly string[]): string {
  return names.map((name) => (name === 'user' ? '"user"' : name)).join(', ');
}

/** The error for rows that no version of wxagent has written, or that the other database does not take. */
export function unusable({ name }: MovedTable, what: string, cause?: unknown): WxError {
  return new WxError('data', `rows of ${name} cannot be moved: ${what}`, {
    hint: 'mend or delete those rows in the source, then run the same command again',
    cause,
  });
}
