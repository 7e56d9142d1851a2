import type { Log } from '../core/log.ts';
import type { Clock } from '../core/time/clock.ts';
import type { Fallback, Outbox } from '../store/port/port.ts';
import { partEvent } from './delivery/part-event.ts';
import type { DeafAccount, EventSink, UndeliveredMessage } from './port/events.ts';
import { createAccountsLoop } from './upkeep/accounts-loop.ts';

/** How often it looks what was not confirmed in time. */
const LOOK_EVERY_MS = 2_000;

/** Tells somebody of a message another way, or of an account; by `command`, or by its own. Resolves to why that failed; null: it is done. Never rejects. */
export type FallbackCommand = (
  event: UndeliveredMessage | DeafAccount,
  signal: AbortSignal,
  command: string | null,
) => Promise<string | null>;

/** One account, and what is done with what does not arrive. */
export interface Undelivered {
  account: { key: string; id: string };
  /** How long a text may be unconfirmed that no source with a command has pushed; null: for ever. */
  withinMs: number | null;
  tell: FallbackCommand;
  /** Sees that what the user has queued goes: a text comes back to WeChat when its command has failed for good. */
  wake: (user: string) => void;
  /** No command is started any more. */
  stop: AbortSignal;
  log: Pick<Log, 'warn'>;
  emit: EventSink;
  onError: (error: unknown) => void;
}

/** Hands what was not confirmed in time to commands, for all accounts of a process. */
export interface Fallbacks {
  /** Looks after this account until the signal is aborted, and a command that runs then has ended. */
  watch(undelivered: Undelivered, signal: AbortSignal): Promise<void>;
  /** Hands over all that is not confirmed at this moment, also to commands that fail at first: nobody will do so later. */
  handOver(undelivered: Undelivered): Promise<void>;
}

/** See {@link Fallbacks}. `leaseMs`: longer than a command may run; `ending` ends commands that run. */
export function createFallbacks({
  outbox,
  clock,
  leaseMs,
  ending,
}: {
  outbox: Pick<Outbox, 'accountsWithFallback' | 'isFallbackDue' | 'claimFallback' | 'settleFallback'>;
  clock: Clock;
  leaseMs: number;
  ending: AbortSignal;
}): Fallbacks {
  const loop = createAccountsLoop<Undelivered>(run);
  /** What is told of an account just now. */
  const current = new Map<Undelivered, Promise<void>>();

  /** `failed` gets the texts of which a command has told nobody, and for which it is to be started once more, each with when. */
  async function tellAll(
    undelivered: Undelivered,
    atOnce: boolean,
    stop: AbortSignal,
    failed: Map<number, number>,
  ): Promise<void> {
    const { withinMs } = undelivered;
    const { key } = undelivered.account;
    while (!stop.aborted) {
      const due = { account: key, withinMs, atOnce, nowMs: clock.now() };
      if (!(await outbox.isFallbackDue(due))) return;
      const fallback = await outbox.claimFallback({ ...due, leaseMs });
      if (!fallback) continue;
      const id = fallback.parts[0]?.seq ?? 0;
      if (await tellOne(undelivered, fallback)) failed.delete(id);
      else failed.set(id, clock.monotonic());
    }
  }

  /** Whether that was the end of it: somebody was told, or the command has failed for good. */
  async function tellOne(
    { account, tell, wake, log, emit }: Undelivered,
    fallback: Fallback,
  ): Promise<boolean> {
    const message = messageOf(account.id, fallback);
    const failure = await tell(message, ending, fallback.command);
    const parts = await outbox.settleFallback({
      account: account.key,
      seqs: fallback.parts.map(({ seq }) => seq),
      isDone: failure === null,
      nowMs: clock.now(),
    });
    if (failure !== null) {
      const { source, command } = fallback;
      log.warn(
        command === null
          ? `the command of --on undelivered failed: ${failure}`
          : `the command of the source ${source} failed: ${failure}`,
        { user: message.user },
      );
      if (parts.some(({ state }) => state === 'queued')) wake(message.user);
      return !parts.some(({ state }) => state === 'fallback');
    }
    for (const part of parts) emit(partEvent(account.id, part, null));
    return true;
  }

  /** One account after the other, and each of them only once at a time. */
  function look(
    undelivered: Undelivered,
    atOnce: boolean,
    stop: AbortSignal,
    failed = new Map<number, number>(),
  ): Promise<void> {
    const before = current.get(undelivered) ?? Promise.resolve();
    const looked = before.then(() => tellAll(undelivered, atOnce, stop, failed)).catch(undelivered.onError);
    const ended = looked.finally(() => {
      if (current.get(undelivered) === ended) current.delete(undelivered);
    });
    current.set(undelivered, ended);
    return ended;
  }

  async function accountsWithOwn(): Promise<Set<string>> {
    try {
      return new Set(await outbox.accountsWithFallback());
    } catch (error) {
      for (const { onError } of loop.members) onError(error);
      return new Set();
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const withOwn = await accountsWithOwn();
      for (const undelivered of loop.members) {
        if (undelivered.withinMs === null && !withOwn.has(undelivered.account.key)) continue;
        // A slow command of one account keeps no other waiting.
        if (!current.has(undelivered)) void look(undelivered, false, undelivered.stop);
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  return {
    async watch(undelivered, signal) {
      if (signal.aborted) return;
      await loop.join(undelivered, signal);
      await current.get(undelivered);
    },
    async handOver(undelivered) {
      const failed = new Map<number, number>();
      const { stop } = undelivered;
      // If another process takes one, it is not waited for for ever.
      const isAwaited = (): boolean => [...failed.values()].some((ms) => clock.monotonic() < ms + leaseMs);
      await look(undelivered, true, ending, failed);
      while (isAwaited() && !stop.aborted) {
        await clock.sleep(LOOK_EVERY_MS, stop);
        await look(undelivered, true, ending, failed);
      }
    },
  };
}

/** What a command is told of a text that has not arrived. */
function messageOf(account: string, { parts, verdict, attempt, source }: Fallback): UndeliveredMessage {
  const [first] = parts as [Fallback['parts'][0]];
  return {
    type: 'undelivered',
    about: 'message',
    account,
    user: first.user,
    id: String(first.seq),
    parts: parts.map(({ seq }) => String(seq)),
    text: parts
      .map(({ text }) => text)
      .filter((text) => text !== '')
      .join('\n'),
    files: parts.flatMap(({ file }) => (file ? [{ name: file.name, path: file.path }] : [])),
    source,
    verdict,
    reason: first.reason,
    createdAt: new Date(first.createdAtMs).toISOString(),
    attempt,
  };
}
