import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { IlinkClient } from '../../ilink/client.ts';
import { createPoller } from '../../ilink/poll.ts';
import type { Store } from '../../store/port/port.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import type { RunnerOptions } from '../port/options.ts';
import { runIntake } from './intake.ts';
import { intakeTerms } from './intake-terms.ts';

/**
 * Polls without an agent until something arrives, or one poll brings nothing or fails after `patienceMs`
 * at the longest: for `login`, which waits for a first message, and `send`, which needs a fresh
 * context. What arrives waits in the inbox for the next run, which decides what becomes of it. The
 * caller holds the poller lock.
 */
export async function pollOnce(options: {
  account: { key: string; id: string; login: string; owner: string | null };
  store: Store;
  client: IlinkClient;
  outgoing: Outgoing;
  /** Takes messages that cannot be stored, as in {@link runIntake}. */
  rescue: (line: string) => void;
  keepUnread: (bytes: Buffer) => Promise<string>;
  /** Only how what was held is sent counts. */
  settings: RunnerOptions;
  clock: Clock;
  log: Log;
  /** Polls go on at least this long when they bring nothing; 0: one whole poll. */
  patienceMs: number;
  /** Whose message ends it; null: anybody's. */
  from: string | null;
  signal: AbortSignal;
}): Promise<{ received: number; expired: boolean }> {
  const { account, store, clock } = options;
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  options.signal.addEventListener('abort', stop);
  if (options.signal.aborted) stop();
  const giveUpAt = clock.monotonic() + options.patienceMs;
  const timer = options.patienceMs > 0 ? clock.sleep(options.patienceMs, enough.signal).then(stop) : null;
  const stopWhenLate = (): void => {
    if (clock.monotonic() >= giveUpAt) stop();
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
        poller: createPoller({ client: options.client, clock }),
        terms: intakeTerms({
          ...options,
          triage: 'later',
          agent: '-',
          questionTo: () => null,
        }),
        clock,
        log: options.log,
        onReady() {},
        rescue: options.rescue,
        keepUnread: options.keepUnread,
        onIntake(result) {
          received += result.messages.filter(
            ({ state, user }) => state === 'received' && (options.from === null || user === options.from),
          ).length;
          if (received > 0) stop();
        },
        onEmpty: stopWhenLate,
        onFailure: stopWhenLate,
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
