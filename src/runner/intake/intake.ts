import { asWxError, reasonOf } from '../../core/errors.ts';
import { digest } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import { pollFailureDelayMs } from '../../core/time/backoff.ts';
import { shownSize } from '../../core/units.ts';
import {
  encodeRaw,
  excessOf,
  fingerprintOf,
  type Inbound,
  readInbound,
  writtenAtMs,
} from '../../ilink/message/inbound.ts';
import type { Poller, PollResult } from '../../ilink/poll.ts';
import type { WeixinMessage } from '../../ilink/wire/wire.ts';
import type {
  Admin,
  Inbox,
  IncomingMessage,
  Intake,
  IntakeResult,
  MediaKey,
  Store,
} from '../../store/port/port.ts';
import { tellFault } from '../shutdown/shutdown.ts';
import { type AgeClock, type IntakeTerms, judgementOf, steadyTimeOf } from './intake-terms.ts';

/** Longest pause after empty answers that come back at once (design 3). */
const EMPTY_PAUSE_LIMIT_MS = 2_000;
const EMPTY_PAUSE_START_MS = 50;
/** An idle account notes this often that polling works; every note is a write. */
const NOTE_EVERY_MS = 30_000;
/** So many unknown types are named on a log line. */
const SHOWN_TYPES = 5;

/** What the intake of one account needs; the callbacks are told after the commit. */
export interface IntakeOptions {
  account: string;
  /** Id of the bot in use: what it wrote itself is not answered. */
  bot: string;
  /** Digest of the token that polls. */
  login: string;
  cursor: string;
  store: { inbox: Pick<Inbox, 'storeMessages'>; admin: Pick<Admin, 'recordPoll'> } & Pick<Store, 'flush'>;
  poller: Poller;
  terms: IntakeTerms;
  clock: AgeClock;
  log: Log;
  /** The first answer that was understood: polling works. */
  onReady: () => void;
  onIntake: (result: IntakeResult) => void;
  /** Takes a message that could not be stored, as one line of JSON: the last resort of a full disk. */
  rescue: (line: string) => void;
  /**
   * Keeps what came of an answer that cannot be read; returns its path. Where that fails too it goes to `rescue`.
   */
  keepUnread: (bytes: Buffer) => Promise<string>;
  /** One poll came back empty, in time and not aborted. */
  onEmpty: () => void;
  /** One poll has failed; unless the signal is aborted here, it is tried again after a pause. */
  onFailure: () => void;
}

/**
 * Polls until the signal is aborted or the login turns out to be dead. Whatever a poll brings is
 * committed before the next one: the server hands a message out only once (protocol 3.2).
 * Rejects only for the store.
 */
export async function runIntake(options: IntakeOptions, signal: AbortSignal): Promise<'aborted' | 'expired'> {
  const { account, store, poller, clock, log } = options;
  let cursor = options.cursor;
  let failures = 0;
  let emptyPauseMs = 0;
  let ready = false;
  let notedAtMs = Number.NEGATIVE_INFINITY;

  async function step(): Promise<'aborted' | 'expired' | null> {
    const result = await poller.poll({ cursor, signal });
    if (result.kind === 'aborted') return 'aborted';
    if (result.kind === 'expired') return 'expired';
    if (result.kind === 'failed') {
      if (signal.aborted && !result.unread) return 'aborted';
      failures++;
      const waitMs = pollFailureDelayMs(failures);
      const kept = result.unread ? `; ${await keptUnread(result.unread, options)}` : '';
      log.warn(`polling failed: ${result.detail}${kept}; next try in ${waitMs / 1000} s`, { failures });
      options.onFailure();
      await clock.sleep(waitMs, signal);
      return null;
    }
    if (failures > 0) log.info('polling works again');
    failures = 0;
    if (!ready && isAnswer(result)) {
      ready = true;
      options.onReady();
    }
    if (result.kind === 'messages' || (result.cursor !== null && result.cursor !== cursor)) {
      const messages =
        result.kind === 'messages' ? result.messages.flatMap((one) => received(one, options)) : [];
      await takeInOrRescue(options, {
        account,
        login: options.login,
        cursor: result.cursor,
        messages,
        triage: options.terms.triage,
        allow: options.terms.allow,
        dedupeWindowMs: options.terms.dedupeWindowMs,
        merge: options.terms.merge,
        chat: options.terms.chat,
        nowMs: clock.now(),
      });
      cursor = result.cursor ?? cursor;
      notedAtMs = clock.monotonic();
    } else if (clock.monotonic() - notedAtMs > NOTE_EVERY_MS) {
      notedAtMs = clock.monotonic();
      await store.admin.recordPoll({ account, nowMs: clock.now() });
    }
    if (result.kind === 'empty') {
      if (isAnswer(result)) options.onEmpty();
      else options.onFailure();
      // A server that does not hold must not be hammered.
      emptyPauseMs = result.early
        ? Math.min(Math.max(EMPTY_PAUSE_START_MS, emptyPauseMs * 2), EMPTY_PAUSE_LIMIT_MS)
        : 0;
      if (emptyPauseMs > 0) await clock.sleep(emptyPauseMs, signal);
    } else emptyPauseMs = 0;
    return null;
  }

  while (!signal.aborted) {
    try {
      const end = await step();
      if (end !== null) return end;
    } catch (error) {
      // A fault of the program costs this poll, whose messages have been rescued, and no other.
      if (asWxError(error).kind !== 'internal') throw error;
      tellFault(log, error);
      await clock.sleep(pollFailureDelayMs(++failures), signal);
    }
  }
  return 'aborted';
}

/**
 * Commits a poll and flushes it: the next poll tells the server to forget these messages. Their turns need not wait
 * for the flush. What cannot be stored is handed to `rescue` before the failure is passed on: the server gives it
 * only once.
 */
async function takeInOrRescue(options: IntakeOptions, intake: Intake): Promise<void> {
  try {
    for (const result of await takeIn(options, intake)) options.onIntake(result);
    await options.store.flush();
  } catch (error) {
    for (const message of intake.messages) options.rescue(message.raw.toString('utf8'));
    throw error;
  }
}

/**
 * Commits a poll in one step. Where a message of it is more than the program can bear, each by itself: that one alone
 * is stored as `unreadable`, or handed to `rescue`.
 */
async function takeIn({ store, log, rescue }: IntakeOptions, intake: Intake): Promise<IntakeResult[]> {
  try {
    return [await store.inbox.storeMessages(intake)];
  } catch (error) {
    if (intake.messages.length === 0 || asWxError(error).kind !== 'internal') throw error;
  }
  const results: IntakeResult[] = [];
  for (const message of intake.messages) {
    for (const form of [message, unreadable(message.raw)]) {
      try {
        results.push(await store.inbox.storeMessages({ ...intake, cursor: null, messages: [form] }));
        break;
      } catch (error) {
        if (asWxError(error).kind !== 'internal') throw error;
        log.error(`a message cannot be taken in: ${reasonOf(error)}`, { message: message.id });
        if (form !== message) rescue(message.raw.toString('utf8'));
      }
    }
  }
  return [...results, await store.inbox.storeMessages({ ...intake, messages: [] })];
}

/** Keeps the bytes of an answer for people; says where they are. */
async function keptUnread(
  bytes: Buffer,
  { keepUnread, rescue }: Pick<IntakeOptions, 'keepUnread' | 'rescue'>,
): Promise<string> {
  const size = shownSize(bytes.length);
  try {
    return `the ${size} that came are in ${await keepUnread(bytes)}`;
  } catch (error) {
    rescue(JSON.stringify({ unread: bytes.toString('base64') }));
    return `the ${size} that came cannot be kept (${reasonOf(error)}) and stand on stderr`;
  }
}

/** Whether the server itself was reached: a gateway that cannot is no answer, and nothing to call empty. */
function isAnswer(result: PollResult): boolean {
  return result.kind !== 'empty' || result.answered;
}

/**
 * A received message as the store takes it; none for what no user wrote. One that cannot be read costs no other of its
 * poll: it is kept as it came.
 */
function received(message: WeixinMessage, options: IntakeOptions): IncomingMessage[] {
  try {
    return incoming(message, options);
  } catch (error) {
    options.log.error(`a message cannot be read: ${reasonOf(error)}; kept as it came`);
    return [unreadable(encodeRaw(message))];
  }
}

/** A message of which nothing is known but its bytes. */
function unreadable(raw: Buffer): IncomingMessage {
  return {
    id: null,
    user: '',
    createdAtMs: null,
    contextToken: null,
    kind: 'unknown',
    mediaKeys: [],
    unknownItems: 0,
    fingerprint: bytesDigest(raw),
    raw,
    ignore: 'unreadable',
    chat: null,
    language: null,
  };
}

function bytesDigest(raw: Buffer): string {
  return digest(raw.toString('latin1'));
}

function incoming(message: WeixinMessage, options: IntakeOptions): IncomingMessage[] {
  const inbound = readInbound(message);
  // A draft comes again when it is finished, and must not make that one a duplicate (protocol 4.4).
  if (inbound.skip === 'own' || inbound.skip === 'unfinished') {
    options.log.debug(`left out a message: ${inbound.skip}`, { id: inbound.id });
    return [];
  }
  if (inbound.unknownItems.length > 0) {
    const types = [...new Set(inbound.unknownItems)].slice(0, SHOWN_TYPES).join(', ');
    options.log.warn(`items of a kind unknown to this version: type ${types}; kept`, { message: inbound.id });
  }
  const raw = encodeRaw(message);
  const nowMs = options.clock.now();
  const createdAtMs = writtenAtMs(inbound, nowMs);
  const { ignore, chat, language } = judgementOf({ ...inbound, createdAtMs }, options);
  const steadyAtMs = createdAtMs === null ? null : steadyTimeOf(createdAtMs, options.clock);
  return [
    {
      id: inbound.id,
      user: inbound.user,
      createdAtMs,
      ...(steadyAtMs !== null && { steadyAtMs }),
      contextToken: inbound.contextToken,
      kind: inbound.kind,
      mediaKeys: mediaKeysOf(inbound),
      unknownItems: inbound.unknownItems.length,
      // Of nobody nothing is known but the bytes: two of them are not one.
      fingerprint: inbound.user === '' ? bytesDigest(raw) : fingerprintOf(message),
      raw,
      ignore: excessOf(message, raw) ?? ignore,
      chat,
      language,
    },
  ];
}

/** What opens the files of a message, by their md5. */
function mediaKeysOf({ media, quoteMedia }: Inbound): MediaKey[] {
  return [...media, ...quoteMedia].flatMap(({ md5, keys }) =>
    md5 === null ? [] : keys.map((key) => ({ md5, key })),
  );
}
