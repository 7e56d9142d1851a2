import type { Log } from '../core/log.ts';
import type { Clock } from '../core/time/clock.ts';
import type { Child, StartedTurn, Turns } from '../store/port/port.ts';
import type { RunnerAccount } from './port/port.ts';

/**
 * Recovers from a crash of the former runner: its running messages run again, its leases are freed, and the agents that
 * it left running are ended. `failed` are messages without another attempt. No turn may start before
 * `childrenEnded`.
 */
export async function recover(options: {
  account: RunnerAccount;
  turns: Pick<Turns, 'recover' | 'forgetChild'>;
  retries: number;
  /** Ends a process that a former runner has left. Tells whether it was still running. */
  endChild: (child: Child) => Promise<boolean>;
  clock: Clock;
  log: Log;
}): Promise<{ failed: StartedTurn[]; childrenEnded: Promise<void> }> {
  const { account, turns, log } = options;
  const { failed, children } = await turns.recover({
    account: account.key,
    former: account.formerPoller,
    retries: options.retries,
    nowMs: options.clock.now(),
  });
  const end = async (child: Child): Promise<void> => {
    if (await options.endChild(child)) log.warn(`ended the agent of a former runner (pid ${child.pid})`);
    await turns.forgetChild({ account: account.key, child });
  };
  const childrenEnded = Promise.all(children.map(end)).then(() => {});
  childrenEnded.catch(() => {}); // Every turn awaits it, and reports it.
  return { failed, childrenEnded };
}
