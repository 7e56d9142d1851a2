import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { IlinkClient } from '../../ilink/client.ts';
import { createPoller } from '../../ilink/poll.ts';
import { createPollSession } from '../../ilink/poll-session.ts';
import type { Trust } from '../../store/port/lease.ts';
import type { Store } from '../../store/port/port.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import type { RunnerOptions } from '../port/options.ts';
import { runIntake } from './intake.ts';
import { triageRules } from './read-messages.ts';

/**
 * Polls without an agent until a message arrives, or until `waitMs` have passed: for `login`, which waits for a first
 * message, and `send`, which needs a fresh context. Messages wait in the inbox, and the next run triages them. The
 * caller has the right to receive.
 */
export async function pollOnce(options: {
  account: { key: string; id: string; login: string; owner: string | null };
  store: Store;
  client: IlinkClient;
  outgoing: Outgoing;
  /** Gets messages that cannot be stored, as in {@link runIntake}. */
  rescue: (line: string) => void;
  keepUnread: (bytes: Buffer) => Promise<string>;
  /** Only the settings for released parts count. */
  settings: RunnerOptions;
  clock: Clock;
  log: Log;
  /** Without trust no poll begins; null: it may always poll. */
  trust: Trust | null;
  /** How long it polls if no message arrives; 0: one whole poll. */
  waitMs: number;
  /** The user whose message ends the wait; null: any user. */
  from: string | null;
  /** Messages of any kind are stored. */
  onReceived?: () => void;
  signal: AbortSignal;
}): Promise<{ received: number; expired: boolean }> {
  const { account, store, clock } = options;
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  options.signal.addEventListener('abort', stop);
  if (options.signal.aborted) stop();
  const endsAtMs = clock.monotonic() + options.waitMs;
  const timer = options.waitMs > 0 ? clock.sleep(options.waitMs, enough.signal).then(stop) : null;
  const stopAtEnd = (): void => {
    if (clock.monotonic() >= endsAtMs) stop();
  };
  let received = 0;
  try {
    const opened = await store.admin.openAccount({
      account: account.key,
      login: account.login,
      owner: account.owner,
      nowMs: clock.now(),
    });
    const how = await runIntake(
      {
        account: account.key,
        bot: account.id,
        login: account.login,
        cursor: opened.cursor,
        store,
        trust: options.trust,
        poller: createPollSession({ ...options, poller: createPoller(options) }),
        rules: triageRules({ ...options, triage: 'later', agent: '-', questionTo: () => null }),
        clock,
        log: options.log,
        onReady() {},
        rescue: options.rescue,
        keepUnread: options.keepUnread,
        onIntake(result) {
          received += result.messages.filter(
            ({ state, user }) => state === 'received' && (options.from === null || user === options.from),
          ).length;
          options.onReceived?.();
          if (received > 0) stop();
        },
        onEmpty: stopAtEnd,
        onFailure: stopAtEnd,
      },
      enough.signal,
    );
    if (how === 'expired')
      await store.admin.markLogin({ account: account.key, login: account.login, expired: true });
    return { received, expired: how === 'expired' };
  } finally {
    stop();
    await timer;
    options.signal.removeEventListener('abort', stop);
  }
}
