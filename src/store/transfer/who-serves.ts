import type { HeldBy } from '../../home/lock.ts';
import { all, type Step } from '../../sql/statement.ts';
import { notedPoller } from '../accounts/pollers.ts';
import type { Claimant } from '../outbox/user-lease.ts';
import type { Poller } from '../port/port.ts';
import { NOW } from '../workers/worker-rows.ts';

/** Who serves the accounts of a server's store, or delivers for them, as a sentence; null: nobody. */
export function* servedOnServer(claimant: Claimant, nowMs: number): Step<string | null> {
  const [worker] = yield* all(
    `SELECT host, pid, purpose, account FROM workers LEFT JOIN leases USING (worker) WHERE expires_at > ${NOW} LIMIT 1`,
  );
  if (worker) {
    const who = `process ${worker.pid} on ${worker.host}`;
    const isNamed = worker.purpose !== 'share' && worker.account !== null;
    return isNamed ? `${who} receives for ${worker.account}` : `${who} is a worker`;
  }
  return yield* deliverer(claimant, nowMs);
}

/** The same for a file, whose pollers hold locks. */
export function* servedInFile(
  claimant: Claimant,
  nowMs: number,
  living: (account: string, noted: Poller) => HeldBy | null,
): Step<string | null> {
  for (const { account } of yield* all('SELECT account FROM pollers')) {
    const noted = yield* notedPoller(account as string);
    if (noted && living(account as string, noted)) return receives(noted.claimant, account as string);
  }
  return yield* deliverer(claimant, nowMs);
}

/** Who is just sending to a user. */
function* deliverer(claimant: Claimant, nowMs: number): Step<string | null> {
  const leases = yield* all(
    'SELECT DISTINCT account, lease FROM users WHERE lease IS NOT NULL AND lease_until > ?',
    nowMs,
  );
  const found = leases.find(({ lease }) => claimant.isAlive(lease as string));
  return found ? `${processOf(found.lease as string)} sends messages of ${found.account}` : null;
}

function receives(claimant: string, account: string): string {
  return `${processOf(claimant)} receives for ${account}`;
}

/** Workers have names of their own. */
function processOf(claimant: string): string {
  const [, host, pid] = /^(.+?)\/(\d+)\//.exec(claimant) ?? [];
  return pid === undefined ? claimant : `process ${pid} on ${host}`;
}
