import { asWxError, WxError } from '../../core/errors.ts';
import { claimantId, holderOf, livesForCertain, thisProcess } from '../../home/claimant.ts';
import type { Account } from '../../home/config-file.ts';
import type { HeldBy, LockHolder, LockPurpose } from '../../home/lock.ts';
import { createHolderLookup, type ProcessLock, takeProcessLock } from '../../home/process-lock.ts';
import type { Admin, NotedPoller, Poller, Store } from '../../store/port/port.ts';
import type { CommandContext } from '../port/context.ts';

/** How often a process looks whether its lock is still the one that others ask. */
const LOOK_EVERY_MS = 250;
/** How long it tries to get it again before it gives up. */
const AGAIN_WITHIN_MS = 2_000;

type Locking = Pick<CommandContext, 'clock' | 'log' | 'paths'>;
type PollerStore = Pick<Store, 'changes'> & { admin: Admin };

/** The lock of the home on an account: the right to receive its messages. */
interface PollerLock {
  /** The holder before, if it was killed. */
  readonly former: LockHolder | null;
  /** Throws WxError when it was taken away, `busy` or `storage`. */
  check(): void;
  release(): Promise<void>;
}

/** An account that this process receives for, or is about to. */
interface Held {
  store: PollerStore;
  purpose: LockPurpose;
  /** The lock that is noted for it in the store; null: nothing is noted yet. */
  slot: number | null;
  lost: WxError | null;
  onLost: () => void;
}

/** What this process receives for in one home. */
interface Home {
  accounts: Map<string, Held>;
  /** Null before the first account has it, and while it is lost. */
  lock: ProcessLock | null;
  holderAt: (path: string) => HeldBy | null;
  /** Aborted when no account is left. */
  ended: AbortController;
}

/** By the path of the database. */
const homes = new Map<string, Home>();

/**
 * Acquires the right to receive, or returns its holder. The store notes which process receives for an account, and
 * which lock that process holds. The system releases the lock with the process: a note counts for as long as the lock
 * is held, and while its process certainly lives, since files of a lock can be deleted under their holder. `onLost` is
 * called when the right is lost.
 */
export async function acquirePollerLock(
  context: Locking,
  { key }: Pick<Account, 'key'>,
  store: PollerStore,
  how: { purpose: LockPurpose; onLost: () => void },
): Promise<{ lock: PollerLock } | { holder: HeldBy }> {
  const home = homeOf(context);
  const here = home.accounts.get(key);
  if (here) return { holder: { ...thisProcess(), purpose: here.purpose } };
  const held: Held = { ...how, store, slot: null, lost: null };
  home.accounts.set(key, held);
  let former: LockHolder | null;
  try {
    const taken = await take(context, home, key, held);
    if ('holder' in taken) {
      forget(context, home, key);
      return taken;
    }
    former = taken.former;
  } catch (error) {
    forget(context, home, key);
    throw error;
  }
  return {
    lock: {
      former,
      check() {
        if (held.lost) throw held.lost;
      },
      async release() {
        held.slot = null;
        // A store that takes nothing more: who comes next sees that this process is gone.
        await store.admin.endPolling(key).catch(() => {});
        forget(context, home, key);
      },
    },
  };
}

/** Notes this process as the poller, in place of one that is gone. */
async function take(
  context: Locking,
  home: Home,
  key: string,
  held: Held,
): Promise<{ former: LockHolder | null } | { holder: HeldBy }> {
  const { admin } = held.store;
  for (;;) {
    const noted = await admin.poller(key);
    const holder = noted && livingHolder(context, home, key, noted);
    if (holder) return { holder };
    if (!home.lock) {
      home.lock = takeProcessLock(context.paths, thisProcess());
      if (home.ended.signal.aborted) void keep(context, home);
    }
    const { slot } = home.lock;
    // False: another process was quicker, and is looked at next.
    if (!(await admin.becomePoller({ account: key, purpose: held.purpose, slot, former: noted }))) continue;
    held.slot = slot;
    const isOther = noted && noted.claimant !== claimantId(thisProcess());
    return { former: isOther ? holderOf(noted.claimant) : null };
  }
}

/** Who receives the account's messages; null: no process does. */
export async function lockHolderOf(
  context: Locking,
  { key }: Pick<Account, 'key'>,
  admin: Pick<Admin, 'poller'> | null,
): Promise<(HeldBy & Pick<NotedPoller, 'sinceMs'>) | null> {
  const noted = await admin?.poller(key);
  const living = noted ? livingPoller(context, key, noted) : null;
  return living && noted ? { sinceMs: noted.sinceMs, ...living } : null;
}

/** Who is noted as the poller of an account, if that process still lives. */
export function livingPoller(context: Locking, key: string, noted: Poller): HeldBy | null {
  const home = homeOf(context);
  const here = home.accounts.get(key);
  return here ? { ...thisProcess(), purpose: here.purpose } : livingHolder(context, home, key, noted);
}

/** The process that is noted as the poller of an account, if it still lives and is not this one. */
function livingHolder({ paths }: Locking, home: Home, key: string, noted: Poller): HeldBy | null {
  const { claimant, purpose, slot } = noted;
  const holder: HeldBy = { ...holderOf(claimant), purpose };
  if (claimant !== claimantId(thisProcess()) && livesForCertain(claimant)) return holder;
  // Whoever had the lock that is ours now is gone.
  if (slot !== null && slot === home.lock?.slot) return null;
  const holding = home.holderAt(slot === null ? paths.pollerLock(key) : paths.processLock(slot));
  if (slot === null) return holding;
  return holding && claimantId(holding) === claimant ? holder : null;
}

function homeOf({ paths, clock }: Locking): Home {
  const known = homes.get(paths.database);
  if (known) return known;
  const ended = new AbortController();
  ended.abort();
  const home: Home = { accounts: new Map(), lock: null, holderAt: createHolderLookup(clock), ended };
  homes.set(paths.database, home);
  return home;
}

/** Lets go of an account, and of the lock after the last one. */
function forget({ paths }: Locking, home: Home, key: string): void {
  home.accounts.delete(key);
  if (home.accounts.size > 0) return;
  home.ended.abort();
  home.lock?.release();
  home.lock = null;
  homes.delete(paths.database);
}

/** Watches over the lock, and over what is noted for its accounts, until no account is left. */
async function keep(context: Locking, home: Home): Promise<void> {
  home.ended = new AbortController();
  const { signal } = home.ended;
  const seen = new Map<PollerStore, number>();
  while (!signal.aborted) {
    await context.clock.sleep(LOOK_EVERY_MS, signal);
    if (signal.aborted) return;
    const wasLost = !home.lock?.isInPlace();
    if (wasLost && !(await takeAgain(context, home, signal))) return;
    const stores = new Set<PollerStore>();
    for (const { store } of home.accounts.values()) stores.add(store);
    for (const store of stores) {
      try {
        // Of a file, every commit counts for all accounts.
        const now = store.changes()('');
        if (now === seen.get(store) && !wasLost) continue;
        seen.set(store, now);
        await loseWhatOthersHave(home, store);
      } catch {
        // Whoever works with the store is told of it.
      }
    }
  }
}

/** Takes the lock again, which was deleted or replaced, and notes which it is. Returns whether this process has one. */
async function takeAgain({ clock, log, paths }: Locking, home: Home, signal: AbortSignal): Promise<boolean> {
  const path = home.lock?.path ?? paths.processLock(1);
  log.warn(`${path} was deleted or replaced under this process, which takes it again`);
  home.lock?.abandon();
  home.lock = null;
  const giveUpAtMs = clock.monotonic() + AGAIN_WITHIN_MS;
  for (;;) {
    try {
      home.lock ??= takeProcessLock(paths, thisProcess());
      break;
    } catch (error) {
      if (clock.monotonic() >= giveUpAtMs) {
        for (const held of home.accounts.values()) lose(held, lockLost(path, asWxError(error).message));
        home.ended.abort();
        return false;
      }
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
    if (signal.aborted) return false;
  }
  const { slot } = home.lock;
  for (const [account, held] of home.accounts) {
    if (held.slot === null || held.slot === slot) continue;
    const former = { claimant: claimantId(thisProcess()), purpose: held.purpose, slot: held.slot };
    held.slot = slot;
    await held.store.admin
      .becomePoller({ account, purpose: held.purpose, slot, former })
      .catch((error) => lose(held, lockLost(path, asWxError(error).message)));
  }
  return true;
}

/** Loses the accounts for which another process is noted: it found the lock free while its files were gone. */
async function loseWhatOthersHave(home: Home, store: PollerStore): Promise<void> {
  const ours = new Set(await store.admin.polledAccounts());
  for (const [key, held] of home.accounts) {
    if (held.store !== store || held.slot === null || held.lost || ours.has(key)) continue;
    const by = await pollerNow(store, key);
    // Released meanwhile.
    if (held.slot === null) continue;
    lose(held, new WxError('busy', `${by} receives the messages of ${key} now`, { hint: 'wxagent status' }));
  }
}

async function pollerNow({ admin }: PollerStore, key: string): Promise<string> {
  const noted = await admin.poller(key);
  if (!noted) return 'another process';
  const { pid, host } = holderOf(noted.claimant);
  return `process ${pid} on ${host}`;
}

function lose(held: Held, error: WxError): void {
  held.lost ??= error;
  held.onLost();
}

function lockLost(path: string, why: string): WxError {
  return new WxError(
    'storage',
    `the lock ${path} was deleted or replaced under this process, and cannot be taken again: ${why}`,
    { hint: 'stop all of wxagent, delete that file, and start again' },
  );
}
