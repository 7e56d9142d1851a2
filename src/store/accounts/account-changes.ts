import { all, one, run, type Statement, type Step } from '../../sql/statement.ts';
import type { StepRunner } from '../../sql/step-runner.ts';
import { CHANNEL_OF_OWNER } from '../workers/worker-rows.ts';

/** How a step that concerns the process which serves an account lets that one know; see docs/decisions/0028. */
export interface AccountChanges {
  /** Goes into the transaction of the step. */
  note(account: string): Statement<number>;
  /** Wakes whoever serves the account, after the commit. A hint: it may be lost. */
  tell(account: string): void;
}

/** The changes of a server. Only steps without a lease make any: of all others, whoever serves the account knows. */
export function createAccountChanges(runner: Pick<StepRunner, 'read'>): AccountChanges {
  const telling = new Set<string>();
  return {
    note(account) {
      return run(
        `INSERT INTO account_news (account, changed) VALUES (?, CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT))
           ON CONFLICT (account) DO UPDATE SET changed = excluded.changed`,
        account,
      );
    },
    tell(account) {
      if (telling.has(account)) return;
      telling.add(account);
      const hint = function* (): Step<void> {
        yield* one(
          `SELECT pg_notify(${CHANNEL_OF_OWNER}, '') FROM leases WHERE account = ? AND worker IS NOT NULL`,
          account,
        );
      };
      void runner
        .read(hint)
        .catch(() => {})
        .finally(() => telling.delete(account));
    },
  };
}

/**
 * The accounts that have changed, each with the number of its newest transaction, and the mark from which to ask next. Every
 * transaction below the mark had ended, so whatever commits later is found, in whatever order: some are found again.
 */
export function* changesSince(mark: number): Step<{ upto: number; accounts: Map<string, number> }> {
  const rows = yield* all(
    `SELECT upto, account, changed
       FROM (SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) AS upto) AS horizon
       LEFT JOIN account_news ON changed >= ?`,
    mark,
  );
  const found = rows.filter(({ account }) => account !== null);
  return {
    upto: rows[0]?.upto as number,
    accounts: new Map(found.map(({ account, changed }) => [account as string, changed as number])),
  };
}
