import type { Log } from '../core/log.ts';
import type { Clock } from '../core/time/clock.ts';
import { decodeRaw, readInbound } from '../ilink/message/inbound.ts';
import type { Child, StartedTurn, Store } from '../store/port/port.ts';
import type { Dispatch } from './intake/dispatch.ts';
import { classify, type TriageRules } from './intake/read-messages.ts';
import type { RunnerAccount } from './port/port.ts';
import type { Lanes } from './turns/lanes.ts';
import type { Turns } from './turns/turns.ts';

/** What a runner knows before its first poll. */
export interface Startup {
  cursor: string;
  loginExpired: boolean;
  /** Resolves when the agents of the former runner have ended. */
  childrenEnded: Promise<void>;
}

/**
 * Takes an account over before the first poll: opens it, recovers from a crash, triages messages that `send` or `login`
 * have received, and queues unfinished messages, which are older than those of the first poll.
 */
export async function startUp(options: {
  account: RunnerAccount;
  store: Pick<Store, 'admin' | 'turns' | 'inbox'>;
  rules: TriageRules;
  settings: { retries: number };
  turns: Pick<Turns, 'fail'>;
  lanes: Pick<Lanes, 'add'>;
  dispatch: Pick<Dispatch, 'committed'>;
  endChild: (child: Child) => Promise<boolean>;
  clock: Clock;
  log: Log;
}): Promise<Startup> {
  const { account, store, rules, lanes, clock, log } = options;
  const { key, login, owner } = account;
  // Called together, the steps share a commit and keep their order.
  const [opened, recovered, triaged] = await Promise.all([
    store.admin.openAccount({ account: key, login, owner, nowMs: clock.now() }),
    recover({ ...options, turns: store.turns, retries: options.settings.retries }),
    store.inbox.triage({
      ...rules,
      account: key,
      nowMs: clock.now(),
      read: (raw, createdAtMs) =>
        classify({ ...readInbound(decodeRaw(raw)), createdAtMs }, { rules, bot: account.id, clock }),
    }),
  ]);
  if (opened.owner === null) {
    log.warn('the owner of this bot is not known yet: the first user who writes becomes the owner');
    log.info('hint: --owner <user> sets the owner');
  }
  // The notices of these messages go before the replies to later ones.
  for (const started of recovered.failed) await options.turns.fail(started);
  for (const entry of await store.inbox.unfinished(key)) lanes.add(entry);
  // Messages to be run are in their lanes already, in order.
  options.dispatch.committed({ ...triaged, again: [] });
  return { ...opened, childrenEnded: recovered.childrenEnded };
}

/**
 * Recovers from a crash of the former runner: its running messages run again, its leases are freed, and the agents that
 * it left running are ended. `failed` are messages without another attempt. No turn may start before
 * `childrenEnded`.
 */
async function recover(options: {
  account: RunnerAccount;
  turns: Pick<Store['turns'], 'recover' | 'forgetChild'>;
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
