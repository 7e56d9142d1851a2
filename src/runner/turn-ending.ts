import { turnRetryDelayMs } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { reasonOf } from '../core/errors.ts';
import { newUuid } from '../core/ids.ts';
import { languageOf } from '../core/language.ts';
import type { Log } from '../core/log.ts';
import type { FailureReason, Outcome, Turn } from '../core/message.ts';
import type { NewPart, StartedTurn, Store, TurnResult } from '../store/port.ts';
import { failureNotice } from './notices.ts';
import type { RunnerOptions } from './options.ts';
import type { Outgoing } from './outgoing.ts';
import { replyParts, textParts } from './reply.ts';

/** What is committed at the end of a turn: how its message ends, and the parts of the answer or the notice. */
export interface TurnEnding {
  result: TurnResult;
  parts: NewPart[];
}

/** Turns outcomes into what is committed of them, and says so in the log. */
export interface TurnEndings {
  /** What an outcome comes to: done, failed with a notice, or once more. */
  endingOf(outcome: Outcome, started: StartedTurn, turn: Turn, runId: string): Promise<TurnEnding>;
  /** The end of a message whose last try was cut by the end of its runner. */
  crashed(started: StartedTurn, turn: Turn): TurnEnding;
}

/** See {@link TurnEndings}. */
export function createTurnEndings(options: {
  account: string;
  store: Pick<Store, 'budget'>;
  outgoing: Outgoing;
  settings: RunnerOptions;
  /** Aborted while wxagent stops. */
  stopping: AbortSignal;
  clock: Clock;
  log: Log;
}): TurnEndings {
  const { account, store, outgoing, settings, stopping, clock, log } = options;

  async function endingOf(
    outcome: Outcome,
    started: StartedTurn,
    turn: Turn,
    runId: string,
  ): Promise<TurnEnding> {
    const ending = await plannedOf(outcome, started, turn, runId);
    tell(outcome, ending.result, turn);
    return ending;
  }

  async function plannedOf(
    outcome: Outcome,
    started: StartedTurn,
    turn: Turn,
    runId: string,
  ): Promise<TurnEnding> {
    const result = resultOf(outcome, started);
    if (result.kind === 'again') return { result, parts: [] };
    try {
      return { result, parts: await partsOf(outcome, turn, runId) };
    } catch (error) {
      // A file of the answer has gone, or cannot be copied: the rest of it must not pass for the whole.
      const detail = `a file of the answer cannot be kept: ${reasonOf(error)}`;
      const failed: TurnResult = { kind: 'failed', reason: 'bad-output', detail };
      return { result: failed, parts: notice('bad-output', turn, detail, runId) };
    }
  }

  function resultOf(outcome: Outcome, started: StartedTurn): TurnResult {
    if (outcome.kind === 'failed' && outcome.reason === 'cancelled' && stopping.aborted) {
      // A stop is no fault of the agent: it adds to `attempt`, not to the limit (design 3).
      return { kind: 'again', notBeforeMs: clock.now(), counts: false, detail: 'wxagent was stopped' };
    }
    if (outcome.kind === 'retry') {
      const failures = started.failures + 1;
      if (failures > settings.retries) return { kind: 'failed', reason: 'exit', detail: kept(outcome) };
      const waitMs = outcome.afterMs ?? turnRetryDelayMs(failures);
      return { kind: 'again', notBeforeMs: clock.now() + waitMs, counts: true, detail: kept(outcome) };
    }
    if (outcome.kind === 'failed') return { kind: 'failed', reason: outcome.reason, detail: kept(outcome) };
    return { kind: 'done' };
  }

  async function partsOf(outcome: Outcome, turn: Turn, runId: string): Promise<NewPart[]> {
    if (outcome.kind === 'reply') {
      const nowMs = clock.now();
      const { left } = await store.budget({ account, user: turn.user, nowMs });
      return replyParts(
        outcome.pieces,
        settings,
        { origin: 'answer', runId },
        { budgetLeft: left, outgoing, nowMs },
      );
    }
    if (outcome.kind === 'silent') return [];
    const reason: FailureReason = outcome.kind === 'failed' ? outcome.reason : 'exit';
    return notice(reason, turn, outcome.detail, runId);
  }

  function notice(reason: FailureReason | 'crash', turn: Turn, detail: string, runId: string): NewPart[] {
    if (settings.onError === 'silent') return [];
    const shown = settings.onError === 'detail' ? detail : null;
    const text = settings.errorText ?? failureNotice(reason, languageOf(turn.text), shown);
    return textParts(text, { ...settings, format: 'raw' }, { origin: 'notice', runId });
  }

  function tell(outcome: Outcome, result: TurnResult, turn: Turn): void {
    const facts = { message: turn.id, attempt: turn.attempt };
    if (result.kind === 'failed') {
      log.error(`agent failed: ${result.reason}: ${firstLine(result.detail)}`, facts);
      if (outcome.kind === 'failed' && outcome.hint) log.info(`hint: ${outcome.hint}`, facts);
    } else if (result.kind === 'again') {
      const inMs = Math.max(0, result.notBeforeMs - clock.now());
      log.warn(`will run again in ${Math.round(inMs / 1000)} s: ${firstLine(result.detail)}`, facts);
    } else if (outcome.kind === 'silent') log.info('no reply', facts);
  }

  return {
    endingOf,
    crashed(started, turn) {
      const detail = 'the runner ended while the agent was at work';
      log.error(`giving up a message: ${detail}`, { message: started.id, attempt: started.attempt });
      return {
        result: { kind: 'failed', reason: 'crash', detail },
        parts: notice('crash', turn, detail, newUuid()),
      };
    },
  };
}

/** What is kept with a message that failed: the reason, and below it the end of stderr. */
function kept({ detail, stderr }: { detail: string; stderr?: string }): string {
  return stderr === undefined ? detail : `${detail}\n${stderr}`;
}

function firstLine(detail: string): string {
  return detail.split('\n', 1)[0] ?? '';
}
