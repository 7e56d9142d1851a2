import type { Dialect, Sql } from './statement.ts';

/** A piece of SQL that the databases spell differently. */
type Fragment = Readonly<Record<Dialect, string>>;

/** Locks the rows that are read, until the end of the transaction. SQLite has one writer at a time. */
export const FOR_UPDATE: Fragment = { sqlite: '', postgres: 'FOR UPDATE' };

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
