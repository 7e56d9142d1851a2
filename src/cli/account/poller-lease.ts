import { WxError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/clock.ts';
import { claimantId, holderOf } from '../../home/claimant.ts';
import type { HeldBy, LockHolder, LockPurpose } from '../../home/lock.ts';
import type { Leaseholder, PollerLeases } from '../../store/server.ts';

/** How long a lease lasts without being renewed, by the clock of the server. */
const TTL_MS = 20_000;
const RENEW_EVERY_MS = 5_000;
/** For how long a renewal is trusted, by the clock of this process, from before it was asked for. */
const TRUST_MS = (TTL_MS * 2) / 3;
/** How often this process looks whether it may still trust its leases. */
const LOOK_EVERY_MS = 500;

/** The right to receive the messages of an account. One process has it at a time. */
export interface PollerLock {
  /** The holder before, if it was killed. */
  readonly former: LockHolder | null;
  /** Throws WxError when it was taken away, `busy`, `storage` or `network`: nothing more is to be received. */
  check(): void;
  release(): Promise<void>;
}

interface Held {
  /** Until when the lease is trusted, by the monotonic clock. */
  untilMs: number;
  lost: WxError | null;
  onLost: () => void;
}

/** What this process has leases on at one server. */
interface Holding {
  accounts: Map<string, Held>;
  /** Somebody renews them. */
  isKept: boolean;
}

const holdings = new WeakMap<PollerLeases, Holding>();

type Leasing = { clock: Clock };

/**
 * Acquires the right to receive an account's messages on a server, or returns its holder. It is a lease, because a lock
 * of the system means nothing to other machines. `onLost` is called when it was not renewed in time, and when another has it.
 */
export async function acquirePollerLease(
  { clock }: Leasing,
  leases: PollerLeases,
  key: string,
  { purpose, onLost }: { purpose: LockPurpose; onLost: () => void },
): Promise<{ lock: PollerLock } | { holder: HeldBy }> {
  const holding = holdings.get(leases) ?? { accounts: new Map(), isKept: false };
  holdings.set(leases, holding);
  const { accounts } = holding;
  const askedAtMs = clock.monotonic();
  if (accounts.has(key)) return { holder: holderOfLease({ claimant: leases.claimant, purpose }) };
  const mine: Held = { untilMs: askedAtMs + TRUST_MS, lost: null, onLost };
  accounts.set(key, mine);
  if (!holding.isKept) void keep(clock, leases, holding);
  try {
    const taken = await leases.take(key, purpose, TTL_MS);
    if ('holder' in taken) {
      accounts.delete(key);
      return { holder: holderOfLease(taken.holder) };
    }
    return {
      lock: {
        former: taken.former === null ? null : holderOf(taken.former),
        check() {
          if (mine.lost) throw mine.lost;
        },
        async release() {
          accounts.delete(key);
          // A server that is lost: the lease runs out.
          await leases.end(key).catch(() => {});
        },
      },
    };
  } catch (error) {
    accounts.delete(key);
    throw error;
  }
}

/** Who receives the account's messages; null: no process does. */
export async function leaseholderOf(leases: PollerLeases, key: string): Promise<HeldBy | null> {
  const holder = await leases.holder(key);
  return holder && holderOfLease(holder);
}

function holderOfLease({ claimant, purpose }: Leaseholder): HeldBy {
  return { ...holderOf(claimant), purpose };
}

/** Renews the leases of this process until it has none, and loses those that cannot be renewed in time. */
async function keep(clock: Clock, leases: PollerLeases, holding: Holding): Promise<void> {
  const { accounts } = holding;
  holding.isKept = true;
  let renewing = false;
  let renewedAtMs = clock.monotonic();

  async function renew(): Promise<void> {
    renewing = true;
    const askedAtMs = clock.monotonic();
    const asked = [...accounts];
    try {
      const renewed = new Set(await leases.renew(TTL_MS));
      for (const [key, one] of asked) {
        if (renewed.has(key)) one.untilMs = Math.max(one.untilMs, askedAtMs + TRUST_MS);
        else if (accounts.get(key) === one && one.untilMs < askedAtMs + TRUST_MS) await lose(key, one);
      }
    } catch {
      // Tried again until the trust is over; the steps of the store say what is wrong with the server.
    } finally {
      renewing = false;
    }
  }

  async function lose(key: string, one: Held): Promise<void> {
    const holder = await leaseholderOf(leases, key).catch(() => null);
    one.lost ??=
      holder && claimantId(holder) !== leases.claimant
        ? new WxError('busy', `process ${holder.pid} on ${holder.host} receives the messages of ${key} now`, {
            hint: 'wxagent status',
          })
        : lostLease(key);
    one.onLost();
  }

  while (accounts.size > 0) {
    await clock.sleep(LOOK_EVERY_MS);
    const now = clock.monotonic();
    for (const [key, one] of accounts) {
      if (one.lost || now < one.untilMs) continue;
      one.lost = lostLease(key);
      one.onLost();
    }
    if (renewing || now - renewedAtMs < RENEW_EVERY_MS || accounts.size === 0) continue;
    renewedAtMs = now;
    void renew();
  }
  holding.isKept = false;
}

function lostLease(key: string): WxError {
  return new WxError(
    'network',
    `the lease on ${key} could not be renewed: another process may receive its messages now`,
    { hint: 'wxagent doctor' },
  );
}
