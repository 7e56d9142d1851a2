import { WxError } from '../../core/errors.ts';
import type { Account } from '../../home/config-file.ts';
import type { Holder, Polling, PollingRight } from '../account/polling-right.ts';
import { LOOK_EVERY_MS } from '../login/relogin.ts';
import type { CommandContext } from '../port/context.ts';

/** How often a lock is asked for that somebody has for a moment. */
const LOCK_EVERY_MS = 100;

/**
 * The right to receive, whose context is `own`; null when it is not wanted any more. Throws WxError `busy` when another
 * process serves the account.
 */
export async function waitForRight(
  own: CommandContext,
  polling: Polling,
  account: Account,
  isOver: () => boolean,
  onLost: () => void,
): Promise<PollingRight | null> {
  const { clock, log } = own;
  let told: string | null = null;
  /** Of a lease that may be that of a process which was killed: it is not renewed then. */
  let renewal: string | null = null;
  while (!isOver()) {
    const taken = await polling.acquire(account, onLost);
    if ('right' in taken) return taken.right;
    const { holder } = taken;
    if (holder) {
      const who = `process ${holder.pid} on ${holder.host}`;
      const { lease } = holder;
      const isServing = holder.purpose === 'serve' && lease?.leftMs !== 0;
      if (isServing) renewal ??= lease?.renewal ?? null;
      if (isServing && (!lease || lease.renewal !== renewal)) {
        throw new WxError('busy', `${who} receives the messages of ${account.id} already`, {
          hint: 'wxagent status',
        });
      }
      const seen = lease?.leftMs === 0 ? 'expired' : holder.purpose;
      if (seen !== told) log.info(whyWaiting(who, account.id, holder));
      told = seen;
    }
    await clock.sleep(holder?.purpose === 'serve' ? LOOK_EVERY_MS : LOCK_EVERY_MS, own.stopSignal());
  }
  return null;
}

function whyWaiting(who: string, account: string, { purpose, lease }: Holder): string {
  if (lease?.leftMs === 0)
    return `${who} has not renewed its lease on ${account}; waiting until it may be taken over`;
  if (purpose === 'look') return `${who} is checking for messages of ${account}; waiting for it`;
  const seconds = Math.ceil((lease?.leftMs ?? 0) / 1_000);
  return `${who} has the lease on ${account} for ${seconds} s; waiting to see whether it is renewed`;
}
