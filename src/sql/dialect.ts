import type { Dialect, Sql } from './statement.ts';

/** A piece of SQL that the databases spell differently. */
type Fragment = Readonly<Record<Dialect, string>>;

/** Lets nobody write the rows that are read, until the end of the transaction. SQLite has one writer at a time. */
export const FOR_SHARE: Fragment = { sqlite: '', postgres: 'FOR SHARE' };

/** The function whose result is the least of its arguments, none of which may be null. */
export const LEAST: Fragment = { sqlite: 'MIN', postgres: 'LEAST' };

/** The number that the next row of a table gets, known before it is inserted. Nobody else inserts meanwhile. */
export function nextSeq(table: 'inbox' | 'parts'): Fragment {
  return {
    sqlite: `(SELECT COALESCE(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = '${table}')`,
    postgres: `nextval('${table}_seq_seq')`,
  };
}

/** The end of an `insert`. SQLite tells the number of the last row anyway: RETURNING would make it half as long again. */
export const RETURNING_SEQ: Fragment = { sqlite: '', postgres: 'RETURNING seq' };

/** Makes SQLite read a table by this index. PostgreSQL decides by its statistics. */
export function indexedBy(index: string): Fragment {
  return { sqlite: `INDEXED BY ${index}`, postgres: '' };
}

/** A column in a condition for which SQLite is to look for no index, nor to fold it into a list of values. */
export function unindexed(column: string): Fragment {
  return { sqlite: `+${column}`, postgres: column };
}

export function contains(text: Sql, part: Sql): Fragment {
  return {
    sqlite: `instr(${textOf(text, 'sqlite')}, ${textOf(part, 'sqlite')}) > 0`,
    postgres: `strpos(${textOf(text, 'postgres')}, ${textOf(part, 'postgres')}) > 0`,
  };
}

/** Bytes, as a text that can be compared with others like it: ASCII letters are small ones. */
export function folded(bytes: string): Fragment {
  return {
    sqlite: `lower(CAST(${bytes} AS TEXT))`,
    // Bytes need not be a text that PostgreSQL takes.
    postgres: `lower(encode(CAST(${bytes} AS BYTEA), 'escape') COLLATE "C")`,
  };
}

/** Whether a column has the value of a numbered parameter, which may be null; by an index on both databases. */
export function same(column: string, parameter: `?${number}`): Fragment {
  return {
    sqlite: `${column} IS ${parameter}`,
    postgres: `(${column} = ${parameter} OR (${column} IS NULL AND ${parameter} IS NULL))`,
  };
}

/** Joins SQL with fragments: one text when they all say the same, else a text for each database. */
export function sql(texts: TemplateStringsArray, ...parts: (Sql | number)[]): Sql {
  const textFor = (dialect: Dialect): string =>
    texts.reduce((text, next, index) => text + textOf(parts[index - 1] ?? '', dialect) + next);
  const both = { sqlite: textFor('sqlite'), postgres: textFor('postgres') };
  return both.sqlite === both.postgres ? both.sqlite : both;
}

/** The text of a statement for one database. */
export function textOf(part: Sql | number, dialect: Dialect): string {
  return typeof part === 'object' ? part[dialect] : String(part);
}
