import type { TurnEnd } from '../../agents/port/port.ts';
import { endedOutcome } from '../../agents/port/turn-end.ts';
import { outcomeOfFault } from '../../agents/reply/outcomes.ts';
import { isShortage, reasonOf } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import type { FailureReason, Outcome } from '../../core/message/message.ts';
import { type Random, retryAfterOf, shortageDelayMs, turnRetryDelayMs } from '../../core/time/backoff.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { ClaimRequest, NewPart, StartedTurn, Store, TurnResult } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { failureNotice, notSent } from '../delivery/notices.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import { incompleteReply, type ReplyItem } from '../delivery/reply-files.ts';
import { replyParts, textParts } from '../delivery/reply-parts.ts';
import type { EventSink } from '../port/events.ts';
import type { RunnerOptions } from '../port/options.ts';
import type { TurnOutput } from './streamed-output.ts';

export interface EndingTurn {
  started: StartedTurn;
  language: ChatLanguage;
  /** What the turn has sent so far. */
  output: Pick<TurnOutput, 'rest' | 'release' | 'tally'>;
  /** Groups the parts of the turn. */
  runId: string;
  durationMs: number;
  /** The signal that ends the turn early. */
  signal: AbortSignal;
}

/** Ends turns. Each end is one commit; the log and the `outcome` event tell of it afterwards. */
export interface TurnFinish {
  /** Ends a turn with the outcome of the agent: done, failed with a notice, or a retry. */
  finish(outcome: Outcome, turn: EndingTurn): Promise<TurnResult>;
  /** Ends a turn that a fault of ours has broken off. */
  finishBroken(error: unknown, turn: EndingTurn): Promise<TurnResult>;
  /** Fails a message during whose last attempt a former runner crashed. */
  finishCrashed(started: StartedTurn): Promise<void>;
  /** Forgets the waits of a message that is not to run any more. */
  forget(seq: number): void;
}

interface TurnCommit {
  result: TurnResult;
  parts: NewPart[];
  /** The outcome, or the failure that a reply without some of its files is; null: a fault or a crash of wxagent. */
  outcome: Outcome | null;
}

type CommittedTurn = Pick<EndingTurn, 'started' | 'output' | 'durationMs'>;

/** See {@link TurnFinish}. */
export function createTurnFinish(options: {
  account: { key: string; id: string };
  store: Pick<Store, 'outbox' | 'turns'>;
  delivery: Pick<Delivery, 'queue'>;
  outgoing: Outgoing;
  settings: RunnerOptions;
  /** Aborted while wxagent stops. */
  stopping: AbortSignal;
  clock: Clock;
  random?: Random;
  log: Log;
  emit: EventSink;
}): TurnFinish {
  const { store, outgoing, settings, stopping, clock, log } = options;
  const account = options.account.key;
  /** How often in a row this machine was short of something for a message, by its number. */
  const shortages = new Map<number, number>();

  async function commitOf(outcome: Outcome, turn: EndingTurn): Promise<TurnCommit> {
    const { started } = turn;
    const result = resultOf(outcome, started);
    if (result.kind === 'retry') return { result, parts: [], outcome };
    try {
      const reply = await replyOf(outcome, turn);
      const whole = withMissingFiles(outcome, turn);
      return {
        result: resultOf(whole, started),
        parts: [...reply, ...noticeOf(outcome, turn)],
        outcome: whole,
      };
    } catch (error) {
      // Without room for a copy the message runs again later, as if the agent could not be started.
      if (isShortage(error)) throw new Error(reasonOf(error), { cause: error });
      const detail = `cannot copy a file of the reply: ${reasonOf(error)}`;
      const failed = { kind: 'failed', reason: 'bad-output', detail } as const;
      return { result: resultOf(failed, started), parts: noticeOf(failed, turn), outcome: failed };
    }
  }

  function resultOf(outcome: Outcome, { seq, failures }: StartedTurn): TurnResult {
    if (outcome.kind === 'failed' && outcome.reason === 'cancelled' && stopping.aborted) {
      // The agent is not to blame for a stop: it adds to `attempt`, not to the limit.
      return { kind: 'retry', notBeforeMs: clock.now(), counts: false, detail: 'wxagent was stopped' };
    }
    if (outcome.kind === 'retry' && outcome.isShortage) {
      const count = (shortages.get(seq) ?? 0) + 1;
      shortages.set(seq, count);
      const notBeforeMs = clock.now() + shortageDelayMs(count, options.random);
      return { kind: 'retry', notBeforeMs, counts: false, detail: detailOf(outcome) };
    }
    if (outcome.kind === 'retry') {
      const count = failures + 1;
      if (count > settings.retries) {
        return { kind: 'failed', reason: outcome.reason ?? 'exit', detail: detailOf(outcome) };
      }
      const waitMs = retryAfterOf(outcome.afterMs) ?? turnRetryDelayMs(count);
      return { kind: 'retry', notBeforeMs: clock.now() + waitMs, counts: true, detail: detailOf(outcome) };
    }
    if (outcome.kind === 'failed') {
      return { kind: 'failed', reason: outcome.reason, detail: detailOf(outcome) };
    }
    return { kind: 'done' };
  }

  /** The parts of the reply that are not queued yet. */
  async function replyOf(outcome: Outcome, { started, output, runId }: EndingTurn): Promise<NewPart[]> {
    // What was emitted stays, however the turn ends. But the user who has cancelled it wants no more of it.
    if (outcome.kind === 'failed' && outcome.reason === 'cancelled') return [];
    const items: ReplyItem[] = await output.rest(outcome.kind === 'reply' ? outcome.pieces : []);
    if (items.length === 0) return [];
    const { maxChars, format, longAs } = settings;
    const nowMs = clock.now();
    const budgetLeft = async (): Promise<number> => {
      const { left, queued } = await store.outbox.budget({ account, user: started.user, nowMs });
      return left - queued;
    };
    return replyParts(
      items,
      { maxChars, format, longAs, maxParts: settings.maxParts - output.tally.used },
      { origin: 'answer', runId },
      { budgetLeft, outgoing, nowMs },
    );
  }

  /** What the user is told besides the reply: that the message failed, that files are missing, or both. */
  function noticeOf(outcome: Outcome, { started, language, output, runId }: EndingTurn): NewPart[] {
    const { missing } = output.tally;
    if (outcome.kind === 'reply' || outcome.kind === 'silent') {
      return missing.count === 0 ? [] : notice(notSent(missing, language), runId);
    }
    // The user who has cancelled a message knows.
    if (outcome.kind === 'failed' && outcome.reason === 'cancelled') return [];
    const helps = !(outcome.kind === 'failed' && outcome.again === false);
    const about = { started, language, detail: outcome.detail, helps };
    const failure = failureText(outcome.reason ?? 'exit', about);
    return notice(missing.count === 0 ? failure : `${failure}\n${notSent(missing, language)}`, runId);
  }

  function failureText(
    reason: FailureReason | 'crash',
    about: { started: StartedTurn; language: ChatLanguage; detail: string; helps: boolean },
  ): string {
    return failureNotice(reason, about.language, {
      detail: settings.onError === 'detail' ? about.detail : null,
      hasCommands: settings.commands && about.started.isOwner && about.helps,
    });
  }

  function notice(text: string, runId: string): NewPart[] {
    if (settings.onError === 'silent') return [];
    return textParts(settings.errorText ?? text, { ...settings, format: 'raw' }, { origin: 'notice', runId });
  }

  /** Commits the end of a turn. Then the log and the `outcome` event tell of it, before anything tells of its parts. */
  async function commit(end: TurnCommit, turn: CommittedTurn): Promise<TurnResult> {
    const { started, output } = turn;
    const { result, parts, outcome } = end;
    const step = async (claim: ClaimRequest | null) => {
      const nowMs = clock.now();
      const queued = await store.turns.finishTurn({ account, turn: started, result, parts, nowMs, claim });
      logEnd(end, turn);
      emitOutcome(end, turn);
      return queued;
    };
    if (parts.length === 0) await step(null);
    else await options.delivery.queue(started.user, step);
    output.release(parts);
    if (!(outcome?.kind === 'retry' && outcome.isShortage)) shortages.delete(started.seq);
    return result;
  }

  function logEnd({ result, parts, outcome }: TurnCommit, { started, output }: CommittedTurn): void {
    if (outcome === null) return; // It has been logged as an error.
    const about = { message: started.id, attempt: started.attempt };
    if (result.kind === 'failed' && result.reason === 'cancelled') {
      log.info(`ended: ${firstLine(result.detail)}`, about);
    } else if (result.kind === 'failed') {
      log.error(`agent failed: ${result.reason}: ${firstLine(result.detail)}`, about);
      if (outcome.kind === 'failed' && outcome.hint) log.info(`hint: ${outcome.hint}`, about);
    } else if (result.kind === 'retry') {
      const why = firstLine(result.detail);
      const seconds = Math.round((result.notBeforeMs - clock.now()) / 1000);
      log.warn(seconds > 0 ? `will run again in ${seconds} s: ${why}` : `will run again: ${why}`, about);
    } else if (outcome.kind === 'silent' && output.tally.used + parts.length === 0) {
      log.info('no reply', about);
    }
  }

  function emitOutcome({ result, parts, outcome }: TurnCommit, turn: CommittedTurn): void {
    const { started, output, durationMs } = turn;
    const { used, queued } = output.tally;
    const failure = outcome?.kind === 'failed' ? outcome.reason : null;
    options.emit({
      type: 'outcome',
      account: options.account.id,
      id: started.id,
      user: started.user,
      outcome: nameOf(result, used + parts.length > 0),
      reason: result.kind === 'failed' ? result.reason : failure,
      attempt: started.attempt,
      durationMs,
      parts: queued + parts.length,
    });
  }

  function crash(started: StartedTurn, language: ChatLanguage, detail: string, runId: string): TurnCommit {
    const text = failureText('crash', { started, language, detail, helps: true });
    const result = { kind: 'failed', reason: 'crash', detail } as const;
    return { result, parts: notice(text, runId), outcome: null };
  }

  return {
    async finish(outcome, turn) {
      const cancelled = endedOutcome('cancel', 0);
      const end = await commitOf(isCancelled(turn.signal) ? cancelled : outcome, turn);
      // The user may have cancelled it while files were copied. The store takes no parts of such a turn.
      const isLate = isCancelled(turn.signal) && end.parts.length > 0;
      return commit(isLate ? await commitOf(cancelled, turn) : end, turn);
    },
    async finishBroken(error, turn) {
      const { started, language, runId } = turn;
      if (isShortage(error)) {
        const outcome = outcomeOfFault(error);
        return commit({ result: resultOf(outcome, started), parts: [], outcome }, turn);
      }
      const about = { message: started.id, attempt: started.attempt };
      const detail = `internal error of wxagent: ${reasonOf(error)}`;
      log.error(`turn failed: ${detail}`, about);
      log.debug(String(error instanceof Error ? error.stack : error), about);
      return commit(crash(started, language, detail, runId), turn);
    },
    async finishCrashed(started) {
      const detail = 'wxagent ended during the turn';
      log.error(`message failed: ${detail}`, { message: started.id, attempt: started.attempt });
      const language = started.language ?? settings.language;
      await commit(crash(started, language, detail, newUuid()), {
        started,
        output: NO_OUTPUT,
        durationMs: 0,
      });
    },
    forget: (seq) => void shortages.delete(seq),
  };
}

/** The output of a turn that a former runner ran. */
const NO_OUTPUT: EndingTurn['output'] = {
  rest: async () => [],
  release() {},
  tally: { used: 0, queued: 0, missing: { first: [], count: 0 } },
};

/** The outcome, or the failure that a reply without some of its files is. A failure stays as it is. */
function withMissingFiles(outcome: Outcome, { output }: EndingTurn): Outcome {
  const isReply = outcome.kind === 'reply' || outcome.kind === 'silent';
  return isReply && output.tally.missing.count > 0 ? incompleteReply(output.tally.missing) : outcome;
}

/** The reason that is stored with a message, and below it the end of stderr. */
function detailOf({ detail, stderr }: { detail: string; stderr?: string }): string {
  return stderr === undefined ? detail : `${detail}\n${stderr}`;
}

function firstLine(detail: string): string {
  return detail.split('\n', 1)[0] ?? '';
}

function isCancelled({ reason }: AbortSignal): boolean {
  return reason === ('cancel' satisfies TurnEnd);
}

function nameOf(result: TurnResult, hasReply: boolean): 'reply' | 'silent' | 'retry' | 'failed' {
  if (result.kind === 'retry') return 'retry';
  if (result.kind === 'failed') return 'failed';
  return hasReply ? 'reply' : 'silent';
}
