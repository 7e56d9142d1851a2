import { reasonOf } from '../../core/errors.ts';
import { digest } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import { languageIn } from '../../core/message/language.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { SteadyClock } from '../../core/time/steady-clock.ts';
import {
  encodeRaw,
  excessOf,
  fingerprintOf,
  type Inbound,
  readInbound,
  writtenAtMs,
} from '../../ilink/message/inbound.ts';
import type { WeixinMessage } from '../../ilink/wire/wire.ts';
import type { ChatNotice, IncomingMessage, Intake, MediaKey, Said } from '../../store/port/port.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import { mergeForRelease, textParts } from '../delivery/reply-parts.ts';
import type { RunnerOptions } from '../port/options.ts';
import { isQuoting } from '../received/quotes.ts';
import { readChatText } from './chat-commands.ts';
import { chatNotice } from './chat-notices.ts';

/** How new messages of an account are triaged: the same for every poll. */
export type TriageRules = Pick<Intake, 'allow' | 'dedupeWindowMs' | 'merge' | 'chat'> & {
  /** `later`: this process has no agent, and the next runner decides about the messages. */
  triage: 'now' | 'later';
  /** Older messages are stored and not answered; 0: any age. */
  maxAgeMs: number;
  /** Whether the owner's chat commands take effect. */
  commands: boolean;
};

/** Tells the age of messages. A steady clock follows servers, and knows the wall clock of this machine too. */
export type AgeClock = Clock & Partial<Pick<SteadyClock, 'wall' | 'serverNow'>>;

/** What the triage of one message needs. */
export interface TriageContext {
  rules: TriageRules;
  /** ID of the bot: its own messages are not answered. */
  bot: string;
  clock: AgeClock;
}

/** The rules that the settings of an account say. */
export function triageRules(options: {
  settings: RunnerOptions;
  outgoing: Outgoing;
  clock: AgeClock;
  /** The name of the agent in `/status`. */
  agent: string;
  questionTo: Intake['chat']['questionTo'];
  triage: TriageRules['triage'];
}): TriageRules {
  const { settings, outgoing, clock } = options;
  return {
    triage: options.triage,
    allow: settings.allow,
    maxAgeMs: settings.maxAgeMs,
    dedupeWindowMs: settings.dedupeWindowMs,
    commands: settings.commands,
    merge: mergeForRelease(settings, outgoing, clock),
    chat: {
      busy: settings.busy,
      mergeMs: settings.mergeMs,
      questionTo: options.questionTo,
      noticeOf(news, language) {
        const notice = chatNotice(withPhoneTime(news, clock), language ?? settings.language, options.agent);
        return textParts(notice, { ...settings, format: 'raw' }, { origin: 'notice', runId: null });
      },
    },
  };
}

/** A message of the server as the store takes it; none for what no user wrote. An unreadable one is kept as it came. */
export function incomingMessages(
  message: WeixinMessage,
  context: TriageContext & { log: Log },
): IncomingMessage[] {
  try {
    return readable(message, context);
  } catch (error) {
    context.log.error(`a message cannot be read: ${reasonOf(error)}; kept unread`);
    return [unreadable(encodeRaw(message))];
  }
}

/** A message of which only the bytes are known. */
export function unreadable(raw: Buffer): IncomingMessage {
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
    said: { text: '', atMs: null, quote: null },
  };
}

/** So many unknown types are named on a log line. */
const SHOWN_TYPES = 5;

function readable(message: WeixinMessage, context: TriageContext & { log: Log }): IncomingMessage[] {
  const { clock, log } = context;
  const inbound = readInbound(message);
  // A draft comes again when it is finished, and must not make that one a duplicate (protocol 4.4).
  if (inbound.skip === 'own' || inbound.skip === 'unfinished') {
    log.debug(`skipped a message: ${inbound.skip}`, { id: inbound.id });
    return [];
  }
  if (inbound.unknownItems.length > 0) {
    const types = [...new Set(inbound.unknownItems)].slice(0, SHOWN_TYPES).join(', ');
    log.warn(`items of a kind unknown to this version: type ${types}; kept`, { message: inbound.id });
  }
  const raw = encodeRaw(message);
  const createdAtMs = writtenAtMs(inbound, clock.now());
  const { ignore, chat, language } = classify({ ...inbound, createdAtMs }, context);
  const steadyAtMs = createdAtMs === null ? null : steadyTimeOf(createdAtMs, clock);
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
      // Without a user only the bytes tell whether two messages are the same.
      fingerprint: inbound.user === '' ? bytesDigest(raw) : fingerprintOf(message),
      raw,
      ignore: excessOf(message, raw) ?? ignore,
      chat,
      language,
      said: saidOf({ ...inbound, createdAtMs }, clock),
    },
  ];
}

/** What an answer to a question is found by. */
function saidOf(inbound: Inbound, clock: AgeClock): Said {
  const { text, createdAtMs, quoteId: id, quoteAtMs, quoteText, quoteTitle } = inbound;
  // The server has told its time with this message: whatever this clock shows, the difference is the age.
  const serverNowMs = clock.serverNow?.() ?? null;
  const ownTimeOf = (atMs: number | null): number | null =>
    atMs === null || serverNowMs === null ? null : clock.now() - Math.max(0, serverNowMs - atMs);
  const quotedAtMs = ownTimeOf(quoteAtMs) ?? quoteAtMs;
  return {
    text,
    atMs: ownTimeOf(createdAtMs),
    quote: isQuoting(inbound) ? { id, atMs: quotedAtMs, text: quoteText ?? quoteTitle } : null,
  };
}

/** Reads what a message says, and why the agent does not get it. */
export function classify(
  inbound: Inbound,
  context: TriageContext,
): Pick<IncomingMessage, 'ignore' | 'chat' | 'language'> {
  return {
    ignore: ignoreReason(inbound, context),
    chat: chatTextOf(inbound, context.rules),
    language: languageIn(inbound.text),
  };
}

function ignoreReason(
  { skip, user, kind, createdAtMs }: Inbound,
  { rules: { triage, maxAgeMs }, bot, clock }: TriageContext,
): string | null {
  if (skip !== null) return skip;
  if (user === bot) return 'bot';
  const isOld = createdAtMs !== null && maxAgeMs > 0 && ageOf(createdAtMs, clock) > maxAgeMs;
  if (triage === 'now' && isOld) return 'too-old';
  return kind === 'unknown' ? 'kind:unknown' : null;
}

/** Only typed text can be a command: speech has no slash. */
function chatTextOf({ kind, text }: Inbound, { commands }: TriageRules): IncomingMessage['chat'] {
  if (text === '') return null;
  return commands && kind === 'text' ? readChatText(text) : { command: null, agentFrom: 0 };
}

/** The keys of the files of a message, with the md5 of each file. */
function mediaKeysOf({ media, quoteMedia }: Inbound): MediaKey[] {
  return [...media, ...quoteMedia].flatMap(({ md5, keys }) =>
    md5 === null ? [] : keys.map((key) => ({ md5, key })),
  );
}

function bytesDigest(raw: Buffer): string {
  return digest(raw.toString('latin1'));
}

/**
 * The least age of a message. If the `Date` of the server is far ahead, messages must not look too old: by the wall
 * clock they are younger. A time in the future of the wall clock means that the wall clock is behind.
 */
function ageOf(createdAtMs: number, clock: AgeClock): number {
  const [ageMs, byWallMs] = [clock.now() - createdAtMs, (clock.wall ?? clock.now)() - createdAtMs];
  return byWallMs < 0 ? ageMs : Math.min(ageMs, byWallMs);
}

/** Clocks that differ by less count as equal. */
const FAR_MS = 60 * 60_000;

/** The time of a message by the steady clock; null where that is the time of the message itself. */
function steadyTimeOf(createdAtMs: number, clock: AgeClock): number | null {
  const atMs = clock.now() - ageOf(createdAtMs, clock);
  return atMs - createdAtMs > FAR_MS ? atMs : null;
}

/** News with the times that a phone shows. Where server and machine differ, the one that is ahead is wrong. */
function withPhoneTime(news: ChatNotice, clock: AgeClock): ChatNotice {
  if (news.about !== 'status') return news;
  const aheadMs = clock.now() - (clock.wall ?? clock.now)();
  return aheadMs > FAR_MS ? { ...news, windowEndsAtMs: news.windowEndsAtMs - aheadMs } : news;
}
