import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../src/core/time/clock.ts';
import { holderOf, isClaimantAlive } from '../../src/home/claimant.ts';
import { parseServerUrl } from '../../src/postgres/server-address.ts';
import { openDatabase } from '../../src/sqlite/database.ts';
import type { Outbox } from '../../src/store/port/port.ts';
import { openPostgresStore } from '../../src/store/postgres-store.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
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
  /** The process whose command has it; null: none. */
  teller: number | null;
}

/** A worker of a server, and its process. */
export interface Worker {
  id: string;
  pid: number;
}

/** Reads the tables of a store as they are, past all code that writes them; but for {@link WeekStore.isDue}. */
export interface WeekStore {
  /** All parts: a held push may be merged into an answer. */
  parts(): Promise<StoredPart[]>;
  /** Parts that are not final. */
  open(nowMs: number): Promise<PartNow[]>;
  /** What no text has told of yet: pushes that were only counted. */
  uncounted(): Promise<number>;
  /** The worker that has the lease on the account; null: none, or there are no leases. */
  holder(): Promise<Worker | null>;
  /** Whether a runner that looks now has a push to send, or a command to start. `gone` are workers that were killed. */
  isDue(withinMs: number | null, gone: ReadonlySet<string>): Promise<boolean>;
}

const PARTS = `SELECT seq, send_id AS "id", state, reason, merged_into AS "mergedInto", text, fallback_tries AS "tries"
  FROM parts ORDER BY seq`;
const open = (nowMs: number): string => `SELECT seq, state,
    CASE WHEN not_before > ${nowMs} THEN 1 ELSE 0 END AS "isLate",
    CASE WHEN state = 'fallback' THEN fallback_by END AS "teller"
  FROM parts WHERE state IN ('queued', 'uploading', 'sending', 'held', 'delayed') OR (state = 'fallback' AND finished_at IS NULL)`;
const UNCOUNTED = 'SELECT COALESCE(sum(uncounted), 0) AS "n" FROM sources';
const HOLDER = 'SELECT worker AS "id", pid FROM leases JOIN workers USING (worker)';

/** The store of a home, or the one of the URL. */
export async function readWeekStore(home: string, url: string | undefined, clock: Clock): Promise<WeekStore> {
  const all = url === undefined ? ofHome(home) : await ofServer(url);
  const gone = new Set<string>();
  const { outbox } = await openOutbox(home, url, clock, gone);
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
        teller: row.teller === null ? null : holderOf(row.teller as string).pid,
      }));
    },
    uncounted: async () => Number((await all(UNCOUNTED))[0]?.n),
    async holder() {
      if (url === undefined) return null;
      const [row] = await all(HOLDER);
      return row ? { id: row.id as string, pid: Number(row.pid) } : null;
    },
    async isDue(withinMs, killed) {
      for (const worker of killed) gone.add(worker);
      const nowMs = clock.now();
      for (const row of await all('SELECT account FROM accounts'))
        if (await outbox.isFallbackDue({ account: row.account as string, withinMs, nowMs })) return true;
      return (await outbox.duePushes(nowMs)).length > 0;
    },
  };
}

/** As another process of the same store sees it. */
async function openOutbox(
  home: string,
  url: string | undefined,
  clock: Clock,
  gone: ReadonlySet<string>,
): Promise<{ outbox: Pick<Outbox, 'isFallbackDue' | 'duePushes'> }> {
  const id = 'week';
  const store =
    url === undefined
      ? openStore({
          path: join(home, 'wx', 'state', 'wxagent.db'),
          reserve: join(home, 'wx', 'state', 'week-reserve'),
          ...{ clock, claimant: { id, isAlive: isClaimantAlive }, wait: null },
        })
      : await openPostgresStore({
          address: parseServerUrl(url),
          claimant: { id, isAlive: (holder) => !gone.has(holder) },
          teller: { id, isAlive: () => true },
          ...{ clock, wait: null },
        });
  onTestFinished(() => store.close());
  return store;
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
