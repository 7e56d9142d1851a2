import { languageIn } from '../../core/message/language.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { SteadyClock } from '../../core/time/steady-clock.ts';
import type { Inbound } from '../../ilink/message/inbound.ts';
import type { ChatNotice, IncomingMessage, Intake } from '../../store/port/port.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import { mergeForRelease, textParts } from '../delivery/reply-parts.ts';
import type { RunnerOptions } from '../port/options.ts';
import { readChatText } from './chat-commands.ts';
import { chatNotice } from './chat-notices.ts';

/** What stays the same from one intake of an account to the next. */
export type IntakeTerms = Pick<Intake, 'allow' | 'dedupeWindowMs' | 'merge' | 'chat'> & {
  /** `later`: nobody is served, and the next runner decides about what comes in. */
  triage: 'now' | 'later';
  /** Older messages are stored and not answered; 0: any age. */
  maxAgeMs: number;
  /** Whether the owner's chat commands are obeyed. */
  commands: boolean;
};

/** What tells ages: one that learns from servers knows the wall clock beside what they say. */
export type AgeClock = Clock & Partial<Pick<SteadyClock, 'wall'>>;

/** The terms of an account as its settings say. */
export function intakeTerms(options: {
  settings: RunnerOptions;
  outgoing: Outgoing;
  clock: AgeClock;
  /** The agent as `/status` names it. */
  agent: string;
  questionTo: Intake['chat']['questionTo'];
  triage: IntakeTerms['triage'];
}): IntakeTerms {
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
        const notice = chatNotice(onThePhone(news, clock), language ?? settings.language, options.agent);
        return textParts(notice, { ...settings, format: 'raw' }, { origin: 'notice', runId: null });
      },
    },
  };
}

/** What a message says, and why the agent is not to see it, as the terms have it. */
export function judgementOf(
  inbound: Inbound,
  options: { terms: IntakeTerms; bot: string; clock: AgeClock },
): Pick<IncomingMessage, 'ignore' | 'chat' | 'language'> {
  return {
    ignore: ignoreReason(inbound, options),
    chat: chatTextOf(inbound, options.terms),
    language: languageIn(inbound.text),
  };
}

function ignoreReason(
  { skip, user, kind, createdAtMs }: Inbound,
  { terms: { triage, maxAgeMs }, bot, clock }: { terms: IntakeTerms; bot: string; clock: AgeClock },
): string | null {
  if (skip !== null) return skip;
  if (user === bot) return 'bot';
  const isOld = createdAtMs !== null && maxAgeMs > 0 && ageOf(createdAtMs, clock) > maxAgeMs;
  if (triage === 'now' && isOld) return 'too-old';
  return kind === 'unknown' ? 'kind:unknown' : null;
}

/**
 * How old a message is, at least. A server whose `Date` is far ahead must not make all that is written to it too old:
 * what the wall clock has in its past is no older than that says. What lies in its future says that it is behind.
 */
function ageOf(createdAtMs: number, clock: AgeClock): number {
  const [ageMs, byWallMs] = [clock.now() - createdAtMs, (clock.wall ?? clock.now)() - createdAtMs];
  return byWallMs < 0 ? ageMs : Math.min(ageMs, byWallMs);
}

/** Only what was typed is a command: nobody says a slash. */
function chatTextOf({ kind, text }: Inbound, { commands }: IntakeTerms): IncomingMessage['chat'] {
  if (text === '') return null;
  return commands && kind === 'text' ? readChatText(text) : { command: null, agentFrom: 0 };
}

/** Clocks that differ by less tell the same time. */
const FAR_MS = 60 * 60_000;

/** The time of a message by the clock that ages are counted with; null where that is its own. */
export function steadyTimeOf(createdAtMs: number, clock: AgeClock): number | null {
  const atMs = clock.now() - ageOf(createdAtMs, clock);
  return atMs - createdAtMs > FAR_MS ? atMs : null;
}

/** News whose times are those of a phone: of a server and a machine that differ, the one that is ahead is wrong. */
function onThePhone(news: ChatNotice, clock: AgeClock): ChatNotice {
  if (news.about !== 'status') return news;
  const aheadMs = clock.now() - (clock.wall ?? clock.now)();
  return aheadMs > FAR_MS ? { ...news, windowEndsAtMs: news.windowEndsAtMs - aheadMs } : news;
}
