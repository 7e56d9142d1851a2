import { outcomeOfFault } from '../../agents/reply/outcomes.ts';
import { isShortage, reasonOf } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import type { FailureReason, Outcome, Turn } from '../../core/message/message.ts';
import { retryAfterOf, SHORTAGE_DELAY_MS, turnRetryDelayMs } from '../../core/time/backoff.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { NewPart, Outbox, StartedTurn, TurnResult } from '../../store/port/port.ts';
import { type KeptPiece, lossOf } from '../delivery/kept-pieces.ts';
import { failureNotice, notSent } from '../delivery/notices.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import { replyParts, textParts } from '../delivery/reply-parts.ts';
import type { RunnerOptions } from '../port/options.ts';
import type { TurnOutput } from './streamed-output.ts';

/** What is committed at the end of a turn: how its message ends, and the parts of the answer or the notice. */
export interface TurnEnding {
  result: TurnResult;
  parts: NewPart[];
}

/** What a turn said while it ran, and what its parts are grouped by. */
export interface TurnSaid {
  output: Pick<TurnOutput, 'rest' | 'tally'>;
  runId: string;
}

/** Turns outcomes into what is committed of them, and says so in the log. */
export interface TurnEndings {
  /**
   * What an outcome comes to: done, failed with a notice, or once more. `said` is what the turn said while it ran,
   * `told` the outcome, or the failure that an answer without some of its files is.
   */
  endingOf(
    outcome: Outcome,
    started: StartedTurn,
    turn: Turn,
    said: TurnSaid,
  ): Promise<{ ending: TurnEnding; told: Outcome }>;
  /** Says in the log how a turn has ended. */
  tell(told: Outcome, ending: TurnEnding, turn: Turn, said: TurnSaid): void;
  /** The end of a turn that a fault of ours has broken off. */
  broken(error: unknown, started: StartedTurn): TurnEnding;
  /** The end of a message whose last try was cut by the end of its runner. */
  crashed(started: StartedTurn): TurnEnding;
}

/** See {@link TurnEndings}. */
export function createTurnEndings(options: {
  account: string;
  outbox: Pick<Outbox, 'budget'>;
  outgoing: Outgoing;
  settings: RunnerOptions;
  /** Aborted while wxagent stops. */
  stopping: AbortSignal;
  clock: Clock;
  log: Log;
}): TurnEndings {
  const { account, outbox, outgoing, settings, stopping, clock, log } = options;

  async function endingOf(
    outcome: Outcome,
    started: StartedTurn,
    turn: Turn,
    said: TurnSaid,
  ): Promise<{ ending: TurnEnding; told: Outcome }> {
    const result = resultOf(outcome, started);
    if (result.kind === 'retry') return { ending: { result, parts: [] }, told: outcome };
    try {
      const parts = await answerOf(outcome, turn, said);
      const told = withLoss(outcome, said);
      const ending = {
        result: resultOf(told, started),
        parts: [...parts, ...noticeOf(outcome, started, said)],
      };
      return { ending, told };
    } catch (error) {
      // No room for a copy, say: the message runs again later, as for an agent that could not be started.
      if (isShortage(error)) throw new Error(reasonOf(error), { cause: error });
      const detail = `a file of the answer cannot be kept: ${reasonOf(error)}`;
      const told = { kind: 'failed', reason: 'bad-output', detail } as const;
      return { ending: { result: resultOf(told, started), parts: noticeOf(told, started, said) }, told };
    }
  }

  function resultOf(outcome: Outcome, started: StartedTurn): TurnResult {
    if (outcome.kind === 'failed' && outcome.reason === 'cancelled' && stopping.aborted) {
      // A stop is no fault of the agent: it adds to `attempt`, not to the limit (design 3).
      return { kind: 'retry', notBeforeMs: clock.now(), counts: false, detail: 'wxagent was stopped' };
    }
    if (outcome.kind === 'retry' && outcome.isShortage) {
      const notBeforeMs = clock.now() + SHORTAGE_DELAY_MS;
      return { kind: 'retry', notBeforeMs, counts: false, detail: kept(outcome) };
    }
    if (outcome.kind === 'retry') {
      const failures = started.failures + 1;
      if (failures > settings.retries)
        return { kind: 'failed', reason: outcome.reason ?? 'exit', detail: kept(outcome) };
      const waitMs = retryAfterOf(outcome.afterMs) ?? turnRetryDelayMs(failures);
      return { kind: 'retry', notBeforeMs: clock.now() + waitMs, counts: true, detail: kept(outcome) };
    }
    if (outcome.kind === 'failed') return { kind: 'failed', reason: outcome.reason, detail: kept(outcome) };
    return { kind: 'done' };
  }

  /** The parts of what the agent has said. */
  async function answerOf(outcome: Outcome, turn: Turn, said: TurnSaid): Promise<NewPart[]> {
    // What was emitted stays, however the turn ends; but who has stopped it wants no more of it.
    if (outcome.kind === 'failed' && outcome.reason === 'cancelled') return [];
    const pieces = await said.output.rest(outcome.kind === 'reply' ? outcome.pieces : []);
    return pieces.length === 0 ? [] : answer(pieces, turn, said);
  }

  /** What the user is told beside it: that the message failed, that files are missing, or both. */
  function noticeOf(outcome: Outcome, started: StartedTurn, { output, runId }: TurnSaid): NewPart[] {
    const { missing } = output.tally;
    const language = started.language ?? settings.language;
    if (outcome.kind === 'reply' || outcome.kind === 'silent')
      return missing.count === 0 ? [] : notice(notSent(missing, language), runId);
    // Who has cancelled a message knows.
    if (outcome.kind === 'failed' && outcome.reason === 'cancelled') return [];
    const helps = !(outcome.kind === 'failed' && outcome.again === false);
    const failure = failureText(outcome.reason ?? 'exit', started, { detail: outcome.detail, helps });
    return notice(missing.count === 0 ? failure : `${failure}\n${notSent(missing, language)}`, runId);
  }

  function answer(pieces: readonly KeptPiece[], turn: Turn, { output, runId }: TurnSaid): Promise<NewPart[]> {
    const { maxChars, format, longAs } = settings;
    const nowMs = clock.now();
    const budgetLeft = async (): Promise<number> => {
      const { left, queued } = await outbox.budget({ account, user: turn.user, nowMs });
      return left - queued;
    };
    return replyParts(
      pieces,
      { maxChars, format, longAs, maxParts: settings.maxParts - output.tally.used },
      { origin: 'answer', runId },
      { budgetLeft, outgoing, nowMs },
    );
  }

  function failureText(
    reason: FailureReason | 'crash',
    started: StartedTurn,
    { detail, helps }: { detail: string; helps: boolean },
  ): string {
    return failureNotice(reason, started.language ?? settings.language, {
      detail: settings.onError === 'detail' ? detail : null,
      hasCommands: settings.commands && started.isOwner && helps,
    });
  }

  function notice(text: string, runId: string): NewPart[] {
    if (settings.onError === 'silent') return [];
    return textParts(settings.errorText ?? text, { ...settings, format: 'raw' }, { origin: 'notice', runId });
  }

  function tell(outcome: Outcome, { result, parts }: TurnEnding, turn: Turn, { output }: TurnSaid): void {
    const facts = { message: turn.id, attempt: turn.attempt };
    if (result.kind === 'failed' && result.reason === 'cancelled') {
      log.info(`ended: ${firstLine(result.detail)}`, facts);
    } else if (result.kind === 'failed') {
      log.error(`agent failed: ${result.reason}: ${firstLine(result.detail)}`, facts);
      if (outcome.kind === 'failed' && outcome.hint) log.info(`hint: ${outcome.hint}`, facts);
    } else if (result.kind === 'retry') {
      const inMs = Math.max(0, result.notBeforeMs - clock.now());
      log.warn(`will run again in ${Math.round(inMs / 1000)} s: ${firstLine(result.detail)}`, facts);
    } else if (outcome.kind === 'silent' && output.tally.used + parts.length === 0)
      log.info('no reply', facts);
  }

  return {
    endingOf,
    tell,
    broken(error, started) {
      const facts = { message: started.id, attempt: started.attempt };
      const detail = `a fault of wxagent: ${reasonOf(error)}`;
      if (isShortage(error)) {
        const result = resultOf(outcomeOfFault(error), started);
        log.warn(`will run again: ${reasonOf(error)}`, facts);
        return { result, parts: [] };
      }
      log.error(`the turn was broken off: ${detail}`, facts);
      log.debug(String(error instanceof Error ? error.stack : error), facts);
      return {
        result: { kind: 'failed', reason: 'crash', detail },
        parts: notice(failureText('crash', started, { detail, helps: true }), newUuid()),
      };
    },
    crashed(started) {
      const detail = 'the runner ended while the agent was at work';
      log.error(`giving up a message: ${detail}`, { message: started.id, attempt: started.attempt });
      return {
        result: { kind: 'failed', reason: 'crash', detail },
        parts: notice(failureText('crash', started, { detail, helps: true }), newUuid()),
      };
    },
  };
}

/** What an outcome comes to when files of it cannot be sent: an answer is not whole, a failure stays. */
function withLoss(outcome: Outcome, { output }: TurnSaid): Outcome {
  const isAnswer = outcome.kind === 'reply' || outcome.kind === 'silent';
  return isAnswer && output.tally.missing.count > 0 ? lossOf(output.tally.missing) : outcome;
}

/** What is kept with a message that failed: the reason, and below it the end of stderr. */
function kept({ detail, stderr }: { detail: string; stderr?: string }): string {
  return stderr === undefined ? detail : `${detail}\n${stderr}`;
}

function firstLine(detail: string): string {
  return detail.split('\n', 1)[0] ?? '';
}
