import { RETURNING_SEQ, sql } from '../../sql/dialect.ts';
import { all, insert, run, type Statement, type Step } from '../../sql/statement.ts';
import type { Act, AuditEntry } from '../port/port.ts';

const INSERT = sql`INSERT INTO audit (at, who, act, account, about) VALUES (?, ?, ?, ?, ?) ${RETURNING_SEQ}`;

/** Records an act; it goes into the transaction of the act. */
export function noteAct(input: {
  by: string;
  act: Act;
  account: string | null;
  about: string;
  nowMs: number;
}): Statement<number> {
  return insert(INSERT, input.nowMs, input.by, input.act, input.account, input.about);
}

/** What was done, newest first. */
export function* auditEntries(input: { beforeSeq: number | null; limit: number }): Step<AuditEntry[]> {
  const rows = yield* all(
    'SELECT seq, at, who, act, account, about FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?',
    input.beforeSeq ?? Number.MAX_SAFE_INTEGER,
    input.limit,
  );
  return rows.map((row) => ({
    seq: row.seq as number,
    atMs: row.at as number,
    who: row.who as string,
    act: row.act as string,
    account: row.account as string | null,
    about: row.about as string,
  }));
}

/** Deletes entries from before this time. Returns how many. */
export function sweepAudit(beforeMs: number, limit: number): Statement<number> {
  return run(
    `DELETE FROM audit WHERE at < ? AND seq IN (SELECT seq FROM audit ORDER BY seq LIMIT ${limit})`,
    beforeMs,
  );
}
