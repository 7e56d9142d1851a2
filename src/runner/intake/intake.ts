import { setImmediate } from 'node:timers/promises';
import { asWxError, reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { emptyPollDelayMs, pollFailureDelayMs } from '../../core/time/backoff.ts';
import { combinerOf } from '../../core/time/event-loop.ts';
import { shownSize } from '../../core/units.ts';
import type { Poller, PollResult } from '../../ilink/poll.ts';
import { LeaseLost, type Trust } from '../../store/port/lease.ts';
import type { Admin, Inbox, Intake, IntakeResult, Store } from '../../store/port/port.ts';
import { logFault } from '../shutdown/shutdown.ts';
import type { PollNotes } from './poll-notes.ts';
import { type PollReport, reportAlone } from './poll-reports.ts';
import { type AgeClock, incomingMessages, type TriageRules, unreadable } from './read-messages.ts';

/** How often an idle account notes that polling works. Each note is a write. */
const NOTE_EVERY_MS = 30_000;

/** A poll that took this long was held by the server: nothing waited when it began. */
const HELD_MS = 5_000;

/** What the intake of one account needs. The callbacks are called after the commit. */
export interface IntakeOptions {
  account: string;
  /** ID of the bot: its own messages are not answered. */
  bot: string;
  /** Digest of the token that polls. */
  login: string;
  cursor: string;
  store: { inbox: Pick<Inbox, 'storeMessages'>; admin: Pick<Admin, 'recordPolls'> } & Pick<Store, 'flush'>;
  /** Where what empty polls have brought waits to be stored; without it that is stored at once. */
  notes?: Pick<PollNotes, 'note' | 'forget'>;
  poller: Poller;
  /** Without trust no poll begins, and one that is held ends; null: it may always poll. */
  trust?: Trust | null;
  rules: TriageRules;
  clock: AgeClock;
  log: Log;
  /** Who tells of polls that fail; without it they are told of one by one. */
  report?: Pick<PollReport, 'failed' | 'works'>;
  /** Polling works: the first response could be read. */
  onReady: () => void;
  onIntake: (result: IntakeResult) => void;
  /** The one that is called before the commit; see {@link Inbox.storeMessages}. */
  beforeCommit?: (result: IntakeResult) => void;
  /** Gets a message that cannot be stored, as one line of JSON: the last resort on a full disk. */
  rescue: (line: string) => void;
  /** Keeps a response that cannot be read, and returns its path. If that fails too, `rescue` gets it. */
  keepUnread: (bytes: Buffer) => Promise<string>;
  /** A poll came back empty, in time and not aborted. */
  onEmpty: () => void;
  /** A poll has failed. The next one follows after a pause, unless the callback aborts the signal. */
  onFailure: () => void;
}

/** Polls until aborted or expired. Messages are committed before the next poll (protocol 3.2). Rejects for the store. */
export async function runIntake(options: IntakeOptions, signal: AbortSignal): Promise<'aborted' | 'expired'> {
  const { account, store, notes, poller, clock, log, trust, report = reportAlone(log) } = options;
  let cursor = options.cursor;
  let failures = 0;
  let earlyAnswers = 0;
  let ready = false;
  let notedAtMs = Number.NEGATIVE_INFINITY;
  let nothingWaitedAtMs: number | null = null;
  let worked = false;
  const combined = combinerOf(signal);

  async function step(): Promise<'aborted' | 'expired' | null> {
    if (trust && !trust.isTrusted()) {
      await trust.regained(signal);
      if (signal.aborted) return 'aborted';
    }
    const [begunAtMs, begunMs] = [clock.now(), clock.monotonic()];
    const result = await poller.poll({ cursor, signal: trust ? combined(trust.signal) : signal });
    if (result.kind === 'aborted') return signal.aborted ? 'aborted' : null;
    if (result.kind === 'expired') return 'expired';
    if (result.kind === 'failed') {
      worked = false;
      if (signal.aborted && !result.unread) return 'aborted';
      failures++;
      const waitMs = pollFailureDelayMs(failures);
      const kept = result.unread ? `; ${await keptUnread(result.unread, options)}` : '';
      const line = `polling failed: ${result.detail}${kept}; next try in ${waitMs / 1000} s`;
      report.failed(line, result.detail, { failures });
      options.onFailure();
      await clock.sleep(waitMs, signal);
      return null;
    }
    if (failures > 0) report.works();
    failures = 0;
    if (!ready && isAnswer(result)) {
      ready = true;
      options.onReady();
    }
    const isHeld = clock.monotonic() - begunMs >= HELD_MS;
    // What waits may be more than one poll brings, and the first after failures may be slow for another reason.
    if (result.kind === 'empty' ? result.cursor !== null : worked && isHeld) nothingWaitedAtMs = begunAtMs;
    worked = result.kind === 'messages' || result.cursor !== null;
    const polled = { account, login: options.login, cursor: null, nowMs: clock.now() };
    if (result.kind === 'messages' || (result.cursor !== null && result.cursor !== cursor)) {
      const messages =
        result.kind === 'messages' ? result.messages.flatMap((one) => incomingMessages(one, options)) : [];
      const intake: Intake = {
        account,
        login: options.login,
        cursor: result.cursor,
        messages,
        writtenAfterMs: nothingWaitedAtMs,
        triage: options.rules.triage,
        allow: options.rules.allow,
        dedupeWindowMs: options.rules.dedupeWindowMs,
        merge: options.rules.merge,
        chat: options.rules.chat,
        nowMs: polled.nowMs,
      };
      if (notes && result.kind === 'empty' && cursor !== '') {
        await notes.note({ ...polled, cursor: result.cursor });
      } else {
        await notes?.forget(account);
        await commitOrRescue(options, intake);
      }
      cursor = result.cursor ?? cursor;
      notedAtMs = clock.monotonic();
    } else if (clock.monotonic() - notedAtMs > NOTE_EVERY_MS) {
      notedAtMs = clock.monotonic();
      if (notes) await notes.note(polled);
      else await store.admin.recordPolls([polled]);
    }
    if (result.kind === 'empty') {
      if (isAnswer(result)) options.onEmpty();
      else options.onFailure();
      // A server that does not hold must not be hammered.
      earlyAnswers = result.early ? earlyAnswers + 1 : 0;
      if (earlyAnswers > 0) await clock.sleep(emptyPollDelayMs(earlyAnswers), signal);
    } else earlyAnswers = 0;
    return null;
  }

  while (!signal.aborted) {
    try {
      const end = await step();
      if (end !== null) return end;
    } catch (error) {
      // A fault of the program costs only this poll, whose messages have been rescued.
      if (asWxError(error).kind !== 'internal') throw error;
      logFault(log, error);
      await clock.sleep(pollFailureDelayMs(++failures), signal);
    }
  }
  return 'aborted';
}

/** Commits and flushes a poll, for which turns do not wait. `rescue` gets messages that cannot be stored. */
async function commitOrRescue(options: IntakeOptions, intake: Intake): Promise<void> {
  try {
    for (const result of await commit(options, intake)) options.onIntake(result);
    await options.store.flush();
    // The replies that waited for the same flush go out before the next poll.
    await setImmediate();
  } catch (error) {
    // They are stored; the new owner runs them.
    if (error instanceof LeaseLost) throw error;
    for (const message of intake.messages) options.rescue(message.raw.toString('utf8'));
    throw error;
  }
}

/**
 * Commits a poll in one transaction. If that fails for a fault of the program, each message is committed by itself. The
 * one that fails again is stored as `unreadable`, or handed to `rescue`.
 */
async function commit(
  { store, log, rescue, beforeCommit }: IntakeOptions,
  intake: Intake,
): Promise<IntakeResult[]> {
  try {
    return [await store.inbox.storeMessages(intake, beforeCommit)];
  } catch (error) {
    if (intake.messages.length === 0 || asWxError(error).kind !== 'internal') throw error;
  }
  const results: IntakeResult[] = [];
  for (const message of intake.messages) {
    for (const form of [message, unreadable(message.raw)]) {
      try {
        const alone = { ...intake, cursor: null, messages: [form] };
        results.push(await store.inbox.storeMessages(alone, beforeCommit));
        break;
      } catch (error) {
        if (asWxError(error).kind !== 'internal') throw error;
        log.error(`cannot store a message: ${reasonOf(error)}`, { message: message.id });
        if (form !== message) rescue(message.raw.toString('utf8'));
      }
    }
  }
  return [...results, await store.inbox.storeMessages({ ...intake, messages: [] })];
}

/** Keeps the bytes of a response for people. Returns a phrase that tells where they are. */
async function keptUnread(
  bytes: Buffer,
  { keepUnread, rescue }: Pick<IntakeOptions, 'keepUnread' | 'rescue'>,
): Promise<string> {
  const size = shownSize(bytes.length);
  try {
    return `the ${size} that came are in ${await keepUnread(bytes)}`;
  } catch (error) {
    rescue(JSON.stringify({ unread: bytes.toString('base64') }));
    return `the ${size} that came cannot be kept (${reasonOf(error)}) and were written to stderr`;
  }
}

/** Whether the server itself has responded. A gateway that cannot reach it has not. */
function isAnswer(result: PollResult): boolean {
  return result.kind !== 'empty' || result.answered;
}
