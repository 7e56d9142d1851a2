import { createHash } from 'node:crypto';
import type { ServerAddress } from './server-address.ts';

/** A statement as the server gets it. */
export interface QueryText {
  text: string;
  /** The name under which a connection keeps it parsed; undefined: it is not kept. */
  name: string | undefined;
}

/** Texts made of lists of any length must not fill the server's memory. */
const MOST_NAMES = 1_000;
/** A quoted text, a quoted name or a comment, in which nothing is a placeholder; else a placeholder. */
const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\?(\d*)/g;

/**
 * Makes the text of statements for PostgreSQL, once for each: `?` and `?1` become `$1`. A name is a digest of the text:
 * behind a pooler, processes share connections, where one name must not mean two statements, nor the tables of two schemas.
 */
export function createQueryTexts({
  isPrepared,
  schema,
}: Pick<ServerAddress, 'isPrepared' | 'schema'>): (sql: string) => QueryText {
  const known = new Map<string, QueryText>();
  return (sql) => {
    let made = known.get(sql);
    if (made === undefined) {
      const text = withNumbers(sql);
      const isNamed = isPrepared && known.size < MOST_NAMES;
      const name = isNamed
        ? `wxagent_${createHash('sha256').update(`${schema} ${text}`).digest('hex').slice(0, 24)}`
        : undefined;
      made = { text, name };
      if (known.size < MOST_NAMES) known.set(sql, made);
    }
    return made;
  };
}

/** As in SQLite, a bare `?` has the number after the highest one so far. */
function withNumbers(sql: string): string {
  let highest = 0;
  return sql.replace(TOKEN, (token, digits: string | undefined) => {
    if (digits === undefined) return token;
    const number = digits === '' ? highest + 1 : Number(digits);
    highest = Math.max(highest, number);
    return `$${number}`;
  });
}
