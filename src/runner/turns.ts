import type { Agent, TurnEnd, TurnFolders } from '../agents/port.ts';
import { turnRetryDelayMs } from '../core/backoff.ts';
import type { Clock } from '../core/clock.ts';
import { reasonOf } from '../core/errors.ts';
import { newUuid } from '../core/ids.ts';
import type { Log } from '../core/log.ts';
import type { FailureReason, Outcome, Turn } from '../core/message.ts';
import { decodeRaw, readInbound } from '../ilink/inbound.ts';
import type { NewPart, StartedTurn, Store, TurnResult } from '../store/port.ts';
import type { Delivery } from './delivery.ts';
import type { EventSink } from './events.ts';
import type { FolderMaker } from './folders.ts';
import type { LaneStep } from './lanes.ts';
import { failureNotice, languageOf } from './notices.ts';
import type { RunnerOptions } from './options.ts';
import type { Outgoing } from './outgoing.ts';
import { replyParts, textParts } from './reply.ts';
import type { Typing } from './typing.ts';

/** Runs messages through the agent, one turn each. */
export interface Turns {
  /** Runs one message of a lane. Rejects only for the store. */
  run(seq: number, user: string): Promise<LaneStep>;
  /** Gives up a message whose last try ended with a crash of the runner. */
  giveUp(started: StartedTurn): Promise<void>;
  /** Ends the turns that run: their messages stay and run again later. */
  stop(): void;
  /** Turns started so far. */
  readonly started: number;
}

/** See {@link Turns}. */
export function createTurns(options: {
  account: { key: string; id: string; name: string | null };
  store: Store;
  agent: Agent;
  delivery: Pick<Delivery, 'queue'>;
  typing: Typing | null;
  folders: FolderMaker;
  outgoing: Outgoing;
  settings: RunnerOptions;
  clock: Clock;
  log: Log;
  emit: EventSink;
}): Turns {
  const { store, agent, delivery, settings, clock, log, emit } = options;
  const account = options.account.key;
  const stopping = new AbortController();
  let count = 0;

  async function run(seq: number, user: string): Promise<LaneStep> {
    if (settings.maxMessages !== null && count >= settings.maxMessages) {
      return { kind: 'halt' };
    }
    count++;
    const started = await store.startTurn({ account, seq, nowMs: clock.now() });
    if (!started) {
      count--;
      return { kind: 'next' };
    }
    const turn = turnOf(started);
    const runId = newUuid();
    emit({ type: 'message', account: turn.account, turn });
    const startedAt = clock.monotonic();
    const folders = options.folders(started.seq, started.user);
    const outcome = await answer(turn, folders.make);
    const durationMs = Math.round(clock.monotonic() - startedAt);
    const { result, parts } = await endingOf(outcome, started, turn, runId);
    emit({
      type: 'outcome',
      account: turn.account,
      id: turn.id,
      user,
      outcome: result.kind === 'again' ? 'retry' : result.kind === 'failed' ? 'failed' : outcome.kind,
      reason: outcome.kind === 'failed' ? outcome.reason : null,
      attempt: turn.attempt,
      durationMs,
      parts: parts.length,
    });
    tell(outcome, result, turn);
    await finish(seq, user, result, parts);
    folders.remove();
    return result.kind === 'again' ? { kind: 'later', notBeforeMs: result.notBeforeMs } : { kind: 'next' };
  }

  async function finish(seq: number, user: string, result: TurnResult, parts: NewPart[]): Promise<void> {
    const ending = { account, seq, result, parts };
    if (parts.length === 0) {
      await store.finishTurn({ ...ending, nowMs: clock.now(), claim: null });
      return;
    }
    await delivery.queue(user, (claim) => store.finishTurn({ ...ending, nowMs: clock.now(), claim }));
  }

  async function answer(turn: Turn, folders: () => TurnFolders): Promise<Outcome> {
    const endTyping = options.typing?.begin(turn.user);
    try {
      return await agent.answer(turn, {
        signal: stopping.signal,
        folders,
        timeoutMs: settings.timeoutMs,
        emit() {},
      });
    } catch (error) {
      // The disk, mostly: the folders of the turn could not be made.
      return { kind: 'failed', reason: 'spawn', detail: reasonOf(error) };
    } finally {
      endTyping?.();
    }
  }

  function turnOf(started: StartedTurn): Turn {
    const inbound = readInbound(decodeRaw(started.raw));
    return {
      id: started.id,
      account: options.account.id,
      accountName: options.account.name,
      user: started.user,
      sessionId: started.sessionId,
      turn: started.turn,
      timeMs: inbound.createdAtMs ?? started.receivedAtMs,
      kind: inbound.kind === 'unknown' ? 'text' : inbound.kind,
      text: inbound.text,
      attachments: [],
      quote:
        inbound.quoteText === null ? null : { id: inbound.quoteId, text: inbound.quoteText, attachments: [] },
      attempt: started.attempt,
    };
  }

  /** What is committed of an outcome: how the message ends, and the parts of the answer or the notice. */
  async function endingOf(
    outcome: Outcome,
    started: StartedTurn,
    turn: Turn,
    runId: string,
  ): Promise<{ result: TurnResult; parts: NewPart[] }> {
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
    if (outcome.kind === 'failed' && outcome.reason === 'cancelled' && stopping.signal.aborted) {
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
      const { outgoing } = options;
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
    run,
    async giveUp(started) {
      const turn = turnOf(started);
      const detail = 'the runner ended while the agent was at work';
      log.error(`giving up a message: ${detail}`, { message: started.id, attempt: started.attempt });
      const result: TurnResult = { kind: 'failed', reason: 'crash', detail };
      await finish(started.seq, started.user, result, notice('crash', turn, detail, newUuid()));
    },
    stop: () => stopping.abort('stop' satisfies TurnEnd),
    get started() {
      return count;
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
