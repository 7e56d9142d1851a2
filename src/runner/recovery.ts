import type { Log } from '../core/log.ts';
import type { Clock } from '../core/time/clock.ts';
import type { Child, StartedTurn, Turns } from '../store/port/port.ts';
import type { RunnerAccount } from './port/port.ts';

/**
 * Takes over from the runner that polled before, however it ended: its running messages run again, its
 * leases are free, and the agents it left behind are ended (design 5). `failed` have had their last try;
 * nothing may run before `cleared`.
 */
export async function recoverFormer(options: {
  account: RunnerAccount;
  turns: Pick<Turns, 'recover' | 'forgetChild'>;
  retries: number;
  /** Ends a process that a former runner left behind; tells whether it still ran. */
  endChild: (child: Child) => Promise<boolean>;
  clock: Clock;
  log: Log;
}): Promise<{ failed: StartedTurn[]; cleared: Promise<void> }> {
  const { account, turns, log } = options;
  const { failed, children } = await turns.recover({
    account: account.key,
    former: account.formerPoller,
    retries: options.retries,
    nowMs: options.clock.now(),
  });
  const end = async (child: Child): Promise<void> => {
    if (await options.endChild(child)) log.warn(`ended the agent of a former runner (pid ${child.pid})`);
    await turns.forgetChild({ account: account.key, pid: child.pid });
  };
  return { failed, cleared: Promise.all(children.map(end)).then(() => {}) };
}
