import type { Log } from '../../core/log.ts';
import type { Turn } from '../../core/message/message.ts';
import { BUDGET_MESSAGES } from '../../core/message/wechat-limits.ts';
import type { Clock } from '../../core/time/clock.ts';
import { documentOf, type EventSink, type RunnerEvent } from '../../runner/port/events.ts';
import { contextOf, knownAccounts } from '../account/choose-account.ts';
import { type Words, wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { deafSentence } from '../terminal/deaf-sentence.ts';
import { excerpt } from '../terminal/excerpt.ts';
import { filesShown } from '../terminal/message-files.ts';

/** Longest quotation of a message on a log line. */
const QUOTE_CHARS = 60;

/** Parts of one answer that are not final yet. */
interface Answer {
  startedAtMs: number;
  open: number;
  confirmed: number;
  unconfirmed: number;
  refused: number;
  held: number;
  reason: string;
}

/** Turns runner events into what `run` prints: JSON lines on stdout, or log lines for people. */
export function createEventLog(context: CommandContext): EventSink {
  const words = wordsOf(context.language);
  const names = new Map(knownAccounts(context).map(({ id, name }) => [id, name]));
  /** One of several accounts by its name, as its log lines give it. */
  const sinks = new Map<string, EventSink>();
  const logOf = (id: string): Log => contextOf(context, { id, name: names.get(id) ?? null }).log;
  const people: EventSink = (event) => {
    const { account: id } = event;
    const sink = sinks.get(id) ?? humanLog(logOf(id), context.clock, words);
    sinks.set(id, sink);
    sink(event);
  };
  if (!context.json) return people;
  return (event) => {
    people(event);
    context.io.outSoon(`${JSON.stringify(documentOf(event))}\n`);
  };
}

function humanLog(log: Log, clock: Clock, words: Words): EventSink {
  const answers = new Map<string, Answer>();
  /** Messages in progress, and how many of their parts are settled already. */
  const settledBefore = new Map<string, number>();

  function settled(event: Extract<RunnerEvent, { type: 'part' }>): void {
    if (event.verdict === 'queued' || event.verdict === 'sending') return;
    if (event.verdict === 'fallback') {
      log.warn(words.fellBack(event.reason), { user: event.user });
      return;
    }
    const key = event.message ?? event.clientId;
    const before = settledBefore.get(key);
    if (before !== undefined) settledBefore.set(key, before + 1);
    const answer = answers.get(key) ?? newAnswer(clock.now(), 1);
    answer.open--;
    if (event.verdict === 'confirmed' || event.verdict === 'unconfirmed') answer[event.verdict]++;
    else {
      answer[event.verdict === 'held' ? 'held' : 'refused']++;
      answer.reason = event.reason ?? '';
    }
    if (answer.open > 0) return;
    answers.delete(key);
    const counts = [
      answer.confirmed > 0 && words.confirmed(answer.confirmed),
      answer.unconfirmed > 0 && words.unconfirmed(answer.unconfirmed),
      answer.refused > 0 && words.refused(answer.refused, answer.reason),
      answer.held > 0 && words.held(answer.held, answer.reason),
      words.took(((clock.now() - answer.startedAtMs) / 1000).toFixed(1)),
      event.budgetLeft !== null && words.left(event.budgetLeft, BUDGET_MESSAGES),
    ].filter((one) => one !== false);
    const line = `-> ${counts.join(words.comma)}`;
    const about = { user: event.user };
    if (answer.refused + answer.held > 0) log.warn(line, about);
    else log.info(line, about);
  }

  return (event) => {
    switch (event.type) {
      case 'ready':
        log.info(words.ready(event.name ?? event.account));
        break;
      case 'message':
        settledBefore.set(event.turn.id, 0);
        log.info(`<- ${(log.showsText ? shown : described)(event.turn, words)}`, { user: event.turn.user });
        break;
      case 'outcome': {
        const open = event.parts - (settledBefore.get(event.id) ?? 0);
        settledBefore.delete(event.id);
        if (open > 0) answers.set(event.id, newAnswer(clock.now() - event.durationMs, open));
        break;
      }
      case 'part':
        settled(event);
        break;
      case 'expired':
        log.error(words.tokenDead);
        break;
      case 'undelivered':
        if (event.about === 'account') log.warn(deafSentence(event));
        break;
      case 'stopped':
        if (event.unread === 0) log.info(words.stopped);
        else log.warn(words.stoppedUnread(event.unread));
        break;
    }
  };
}

/** What a message says, for who may read it. */
function shown({ text, attachments }: Turn, words: Words): string {
  const said = text === '' ? [] : [`"${excerpt(text, QUOTE_CHARS)}"`];
  return [...said, ...filesShown(attachments, words)].join(' ');
}

/** What it is, without what it says. */
function described({ kind, text }: Turn, words: Words): string {
  const shownKind = words.kinds[kind] ?? kind;
  return text === '' ? shownKind : `${shownKind}${words.comma}${words.characters([...text].length)}`;
}

function newAnswer(startedAtMs: number, open: number): Answer {
  return { startedAtMs, open, confirmed: 0, unconfirmed: 0, refused: 0, held: 0, reason: '' };
}
