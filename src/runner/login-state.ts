import type { Clock } from '../core/time/clock.ts';
import type { IlinkClient } from '../ilink/client.ts';
import { HELD_AFTER_MS } from '../ilink/http/stop-request.ts';
import type { Admin } from '../store/port/port.ts';
import type { EventSink } from './port/events.ts';
import type { RunnerAccount } from './port/port.ts';
import type { Shutdown } from './shutdown/shutdown.ts';

/** Tells once that the server accepts the login (`ready`), and once that the login has expired (`expired`). */
export interface LoginState {
  /** Notifies the server of the start. The login is ready if the server then holds the first poll. */
  notifyStart(wasExpired: boolean): Promise<void>;
  /** The server has responded to a poll: the login is ready. */
  onPolled(wasExpired: boolean): Promise<void>;
  onPollFailed(): void;
  /** The server says in a response that the login has expired. A new poll session is tried first. Never rejects. */
  doubt(): Promise<void>;
  /** The server has accepted a message. */
  onAccepted(): void;
  /** The server says that the login has expired, in response to a poll. Never rejects. */
  expire(): Promise<void>;
}

/** See {@link LoginState}. */
export function createLoginState(options: {
  account: RunnerAccount;
  admin: Pick<Admin, 'markLogin'>;
  client: Pick<IlinkClient, 'notifyStart'>;
  shutdown: Pick<Shutdown, 'signal' | 'begin' | 'fail'>;
  clock: Clock;
  emit: EventSink;
  /** Begins a poll session, and ends the poll that is held. Resolves when the next one is held or answered. */
  beginSession: () => Promise<void>;
  /** Called when the server was told of the start, or cannot be. */
  onStarted?: () => void;
  /** Called if a login that counted as expired works. */
  onRenewed: () => Promise<void>;
}): LoginState {
  const { account, admin, shutdown, clock, emit } = options;
  const { key, login } = account;
  let isReady = false;
  let isExpired = false;
  let hasPollFailed = false;
  let doubt: 'none' | 'tried' | 'trying' = 'none';

  function tellReady(): void {
    if (isReady) return;
    isReady = true;
    emit({ type: 'ready', account: key, name: account.name });
  }

  async function expire(): Promise<void> {
    if (isExpired) return;
    isExpired = true;
    await admin.markLogin({ account: key, login, expired: true }).catch(shutdown.fail);
    emit({ type: 'expired', account: key });
    shutdown.begin('expired');
  }

  return {
    async notifyStart(wasExpired) {
      const { kind } = await options.client.notifyStart();
      options.onStarted?.();
      // Only a poll tells whether an expired login works again.
      if (kind !== 'ok' || wasExpired) return;
      await clock.sleep(HELD_AFTER_MS, shutdown.signal);
      if (!hasPollFailed && !shutdown.signal.aborted) tellReady();
    },
    async onPolled(wasExpired) {
      tellReady();
      if (!wasExpired) return;
      await admin.markLogin({ account: key, login, expired: false });
      await options.onRenewed();
    },
    onPollFailed() {
      hasPollFailed = true;
    },
    async doubt() {
      if (doubt === 'tried') return expire();
      if (doubt === 'trying') return;
      doubt = 'trying';
      await options.beginSession();
      doubt = 'tried';
      if (!shutdown.signal.aborted) await options.onRenewed().catch(shutdown.fail);
    },
    onAccepted() {
      if (doubt === 'tried') doubt = 'none';
    },
    expire,
  };
}
