import { asWxError, WxError } from '../../core/errors.ts';
import type { Account } from '../../home/accounts-file.ts';
import { holderOf, thisProcess } from '../../home/claimant.ts';
import {
  type HeldBy,
  type Lock,
  type LockHolder,
  type LockPurpose,
  lockHolder,
  tryLock,
} from '../../home/lock.ts';
import type { Admin, Poller } from '../../store/port/port.ts';
import type { CommandContext } from '../command/context.ts';

/** How often a holder looks whether its lock is still the one that others ask. */
const LOOK_EVERY_MS = 250;
/** How long it tries to get it again before it gives up. */
const AGAIN_WITHIN_MS = 2_000;

/** The right to receive the messages of an account. One process has it at a time. */
export interface PollerLock {
  /** The holder before, if it was killed. */
  readonly former: LockHolder | null;
  /** Throws WxError `storage` when it was taken away: nothing more is to be received. */
  check(): void;
  release(): Promise<void>;
}

/**
 * Acquires the right to receive, or returns its holder. It is a lock that the system releases with the process, and a
 * row in the store: the files of the lock can be deleted under its holder. Then the row keeps out every other process
 * of this machine until the holder has the lock again. `onLost` is called when it cannot get it.
 */
export async function acquirePollerLock(
  context: CommandContext,
  { key }: Pick<Account, 'key'>,
  admin: Admin,
  how: { purpose: LockPurpose; onLost: () => void },
): Promise<{ lock: PollerLock } | { holder: HeldBy | null }> {
  const { clock, log, paths } = context;
  const { purpose, onLost } = how;
  const path = paths.pollerLock(key);
  // Asked first: where the lock was deleted, opening it would touch what its holder still uses.
  const before = await admin.poller(key);
  if (before) return { holder: heldBy(before) };
  const taken = tryLock(path, thisProcess(), purpose);
  if ('holder' in taken) return taken;
  let held: Lock = taken.lock;
  let lost: WxError | null = null;
  const released = new AbortController();

  async function keep(): Promise<void> {
    while (!released.signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, released.signal);
      if (released.signal.aborted || held.isInPlace()) continue;
      log.warn(`${path} was deleted or replaced under this process, which takes it again`);
      held.abandon();
      lost = await reacquire();
      if (lost === null) continue;
      onLost();
      return;
    }
  }

  /** Null when it is ours again, else why not. Others that see the row hold it only for a moment. */
  async function reacquire(): Promise<WxError | null> {
    const giveUpAtMs = clock.monotonic() + AGAIN_WITHIN_MS;
    for (;;) {
      let why: string;
      try {
        const again = tryLock(path, thisProcess(), purpose);
        if ('lock' in again) {
          held = again.lock;
          return null;
        }
        why = `process ${again.holder?.pid ?? '(unknown)'} has it`;
      } catch (error) {
        why = asWxError(error).message;
      }
      if (released.signal.aborted || clock.monotonic() >= giveUpAtMs) return lockLost(path, why);
      await clock.sleep(LOOK_EVERY_MS, released.signal);
    }
  }

  try {
    const other = await admin.becomePoller({ account: key, purpose });
    if (other) {
      held.release();
      return { holder: heldBy(other) };
    }
  } catch (error) {
    held.release();
    throw error;
  }
  const kept = keep();
  return {
    lock: {
      former: held.former,
      check() {
        if (lost) throw lost;
      },
      async release() {
        released.abort();
        await kept;
        // A store that takes nothing more: who comes next sees that this process is gone.
        await admin.endPolling(key).catch(() => {});
        if (!lost) held.release();
      },
    },
  };
}

/** Who receives the account's messages; null: no process does. Without a store only the lock is checked. */
export async function pollerOf(
  { paths }: Pick<CommandContext, 'paths'>,
  { key }: Pick<Account, 'key'>,
  admin: Admin | null,
): Promise<HeldBy | null> {
  const poller = await admin?.poller(key);
  return poller ? heldBy(poller) : lockHolder(paths.pollerLock(key));
}

function heldBy({ claimant, purpose }: Poller): HeldBy {
  return { ...holderOf(claimant), purpose };
}

function lockLost(path: string, why: string): WxError {
  return new WxError(
    'storage',
    `the lock ${path} was deleted or replaced under this process, and cannot be taken again: ${why}`,
    { hint: 'stop all of wxagent, delete that file, and start again' },
  );
}
