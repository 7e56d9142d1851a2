import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openDatabase } from '../../src/sqlite/database.ts';
import { connectTo } from './postgres.ts';

/** A row of `parts`. */
export interface StoredPart {
  seq: number;
  id: string | null;
  state: string;
  reason: string | null;
  mergedInto: number | null;
  text: string;
  tries: number;
}

/** What tells of a part that something is done with it just now. */
export interface PartNow {
  seq: number;
  state: string;
  isLate: boolean;
  /** A command has it. */
  isTold: boolean;
}

/** Reads the tables of a store as they are, past all code that writes them. */
export interface WeekStore {
  /** All parts: a held push may be merged into an answer. */
  parts(): Promise<StoredPart[]>;
  /** Parts that are not final. */
  open(nowMs: number): Promise<PartNow[]>;
  /** What no text has told of yet: pushes that were only counted. */
  uncounted(): Promise<number>;
  /** The process that has the lease on the account; null: none, or there are no leases. */
  holder(): Promise<number | null>;
}

const PARTS = `SELECT seq, send_id AS "id", state, reason, merged_into AS "mergedInto", text, fallback_tries AS "tries"
  FROM parts ORDER BY seq`;
const open = (nowMs: number): string => `SELECT seq, state,
    CASE WHEN not_before > ${nowMs} THEN 1 ELSE 0 END AS "isLate",
    CASE WHEN state = 'fallback' AND fallback_by IS NOT NULL THEN 1 ELSE 0 END AS "isTold"
  FROM parts WHERE state IN ('queued', 'uploading', 'sending', 'held', 'delayed') OR (state = 'fallback' AND finished_at IS NULL)`;
const UNCOUNTED = 'SELECT COALESCE(sum(uncounted), 0) AS "n" FROM sources';
const HOLDER = 'SELECT pid FROM leases JOIN workers USING (worker)';

/** The store of a home, or the one of the URL. */
export async function readWeekStore(home: string, url: string | undefined): Promise<WeekStore> {
  const all = url === undefined ? ofHome(home) : await ofServer(url);
  const numbers = (row: Record<string, unknown>, ...names: string[]): Record<string, unknown> => ({
    ...row,
    ...Object.fromEntries(names.map((name) => [name, row[name] === null ? null : Number(row[name])])),
  });
  return {
    async parts() {
      return (await all(PARTS)).map((row) => ({
        ...(numbers(row, 'seq', 'mergedInto', 'tries') as unknown as StoredPart),
        text: (row.text as Buffer).toString('utf8'),
      }));
    },
    async open(nowMs) {
      return (await all(open(nowMs))).map((row) => ({
        seq: Number(row.seq),
        state: row.state as string,
        isLate: Number(row.isLate) === 1,
        isTold: Number(row.isTold) === 1,
      }));
    },
    uncounted: async () => Number((await all(UNCOUNTED))[0]?.n),
    async holder() {
      if (url === undefined) return null;
      const [row] = await all(HOLDER);
      return row ? Number(row.pid) : null;
    },
  };
}

type Query = (sql: string) => Promise<Record<string, unknown>[]>;

function ofHome(home: string): Query {
  const database = openDatabase(join(home, 'wx', 'state', 'wxagent.db'), 5_000);
  onTestFinished(() => database.close());
  return async (sql) => database.all(sql);
}

async function ofServer(url: string): Promise<Query> {
  const client = await connectTo(url);
  onTestFinished(() => client.end());
  const schema = new URL(url.replace('@/', '@localhost/')).searchParams.get('schema') as string;
  await client.query(`SET search_path TO ${schema}`);
  return async (sql) => (await client.query(sql)).rows;
}
