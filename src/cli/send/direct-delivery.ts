import { reasonOf } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { type Account, loginDigest } from '../../home/config-file.ts';
import type { UploadListener } from '../../runner/delivery/cdn-upload.ts';
import { createDelivery } from '../../runner/delivery/delivery.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../../runner/port/options.ts';
import { LeaseLost } from '../../store/port/lease.ts';
import type { Outbox, Store } from '../../store/port/port.ts';
import { type Connection, connect, openTransport } from '../account/connection.ts';
import { pollNow } from '../account/poll-now.ts';
import { openPolling } from '../account/polling-right.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';

/** How often a `send` looks whether another process has polled. */
const LOOK_EVERY_MS = 50;
/** The longest that a `send` waits for the poll of another process: a whole one, and what a server may be late. */
const OTHERS_POLL_MS = 60_000;

/** Delivery by this process to one user. */
export interface DirectDelivery {
  /** There may be something to deliver. */
  wake(): void;
  /** Resolves when nothing more can go within `withinMs`, or after `atMostMs`. */
  waitUntilIdle(withinMs: number, atMostMs: number): Promise<void>;
  /** The server has said that the login has expired. */
  readonly isLoginDead: boolean;
  end(): Promise<void>;
}

/** Whom `send` writes to. Polls from `sinceMs` on count; `stop` ends a look; `isLoginDoubted`: a poll is needed. */
interface Recipient {
  account: Account;
  user: string;
  sinceMs: number;
  isLoginDoubted?: boolean;
  stop: AbortSignal;
}

/**
 * Starts to deliver what one user has queued, without a runner. With no usable context (none, older than 24 h, budget
 * spent) or with parts that are held it first makes one whole poll, whose messages wait in the inbox for the next run.
 * null: the login has expired.
 */
export async function startDirectDelivery(
  context: CommandContext,
  store: Store,
  to: Recipient,
  onUpload: UploadListener,
): Promise<DirectDelivery | null> {
  const { clock, log } = context;
  const { account, user } = to;
  const transport = openTransport(context);
  try {
    const connection = connect(context, account, transport, store);
    if (
      !(await canSend(context, store.outbox, to)) &&
      (await pollUnlessOtherDoes(context, store, connection, to))
    ) {
      await transport.close();
      return null;
    }
    let isLoginDead = false;
    let revival: Promise<void> | null = null;
    /** What a poll session can do for a login that is said to have expired is tried before that is believed. */
    async function revive(): Promise<void> {
      const doubted = { ...to, sinceMs: clock.now(), isLoginDoubted: true };
      isLoginDead = await pollUnlessOtherDoes(context, store, connection, doubted);
      if (!isLoginDead) delivery.wake(user);
    }
    const delivery = createDelivery({
      ...connection,
      account: account.key,
      store,
      clock,
      log,
      emit() {},
      onUpload,
      paceMs: DEFAULT_RUNNER_OPTIONS.paceMs,
      version: VERSION,
      onExpired: () => {
        if (revival) isLoginDead = true;
        else revival = revive().catch((error) => log.error(reasonOf(error)));
      },
      onError: (error) => log.error(reasonOf(error)),
    });
    delivery.wake(user);
    return {
      wake: () => delivery.wake(user),
      get isLoginDead() {
        return isLoginDead;
      },
      async waitUntilIdle(withinMs, atMostMs) {
        const late = new AbortController();
        const over = clock.sleep(atMostMs, late.signal);
        await (delivery.pending(withinMs) ? Promise.race([delivery.settled(withinMs), over]) : over);
        late.abort();
      },
      async end() {
        await revival;
        await delivery.stop();
        if (isLoginDead)
          await store.admin.markLogin({ account: account.key, login: loginDigest(account), expired: true });
        await transport.close();
      },
    };
  } catch (error) {
    await transport.close();
    throw error;
  }
}

/** Whether a part to the user may go as things stand: a context that is good, and nothing held. */
async function canSend(
  context: CommandContext,
  outbox: Outbox,
  { account, user }: Pick<Recipient, 'account' | 'user'>,
): Promise<boolean> {
  const { isOpen } = await outbox.budget({ account: account.key, user, nowMs: context.clock.now() });
  if (!isOpen) return false;
  const parts = await outbox.openParts(account.key);
  return !parts.some((part) => part.user === user && part.state === 'held');
}

/** One whole poll, ours or that of another process. Returns whether the login has expired. */
async function pollUnlessOtherDoes(
  context: CommandContext,
  store: Store,
  connection: Connection,
  to: Recipient,
): Promise<boolean> {
  const { clock, io, json } = context;
  const { key } = to.account;
  if (io.stderrIsTerminal && !json && !context.settings.quiet) {
    context.say(wordsOf(context.language).looking);
  }
  const endsAtMs = clock.monotonic() + OTHERS_POLL_MS;
  const polling = await openPolling(context, { purpose: 'look', store, stop: null });
  try {
    for (;;) {
      const lost = new AbortController();
      const taken = await polling.acquire(to.account, () => lost.abort());
      const right = 'right' in taken ? taken.right : null;
      try {
        const polledAtMs = (await store.admin.accountView(key))?.lastPollAtMs ?? 0;
        if (polledAtMs >= to.sinceMs) return false;
        if (!to.isLoginDoubted && (await canSend(context, store.outbox, to))) return false;
        if (right) {
          const stop = AbortSignal.any([to.stop, lost.signal]);
          const { account, user: from } = to;
          return (await pollNow(context, polling, right, connection, { account, from, stop })).expired;
        }
      } catch (error) {
        // Another process has the account by now, and polls.
        if (!(error instanceof LeaseLost)) throw error;
      } finally {
        await right?.release();
      }
      const parts = await store.outbox.openParts(key);
      const waits = parts.some((part) => part.user === to.user && ['queued', 'held'].includes(part.state));
      if (!waits || to.stop.aborted || clock.monotonic() >= endsAtMs) return false;
      await clock.sleep(LOOK_EVERY_MS);
    }
  } finally {
    await polling.close();
  }
}
