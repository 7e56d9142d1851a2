import type { Agent, TurnEnd } from '../../agents/port/port.ts';
import { endedOutcome, turnEndOf } from '../../agents/port/turn-end.ts';
import { outcomeOfFault } from '../../agents/reply/outcomes.ts';
import { WxError } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import type { Outcome, Turn } from '../../core/message/message.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Inbound } from '../../ilink/message/inbound.ts';
import type {
  DeliveryTerms,
  EndedTurn,
  QueuedParts,
  StartedTurn,
  Store,
  TurnResult,
} from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import type { EventSink } from '../port/events.ts';
import type { RunnerOptions } from '../port/options.ts';
import type { Attachments } from '../received/attachments.ts';
import { createBegunTurns } from './begun-turns.ts';
import { createTurnEndings, type TurnEnding } from './finish.ts';
import type { FolderMaker } from './folders.ts';
import type { Follower, LaneStep } from './lanes.ts';
import { turnOf } from './message-turn.ts';
import type { Asks } from './questions.ts';
import { createSessionMemory } from './session-memory.ts';
import { watchSilence } from './silence.ts';
import { createTurnOutput, type TurnOutput } from './streamed-output.ts';
import { createTurnOver } from './turn-signals.ts';
import type { Typing } from './typing.ts';
import { createWorkingNotice } from './working-notice.ts';

/** How soon a turn that `--max-messages` may not leave room for is looked at again. */
const STARTING_MS = 20;

/** Runs messages through the agent, one turn each. */
export interface Turns {
  /** The start of this turn is committed already; it is run when its lane comes to it. */
  take(started: StartedTurn): void;
  /** Runs one message of a lane, and begins the turn of its `next` with the end of this one. Rejects only for the store. */
  run(seq: number, user: string, next: Follower): Promise<LaneStep>;
  /** Gives up a message whose last try ended with a crash of the runner. */
  giveUp(started: StartedTurn): Promise<void>;
  /** Ends the turn of a message that is not to be answered any more, if it runs. */
  cancel(seq: number): void;
  /** Ends the turns that run: their messages stay and run again later. */
  stop(): void;
  /** Puts back what was taken and has not been run. */
  giveBack(): Promise<void>;
  /** Turns started so far. */
  readonly started: number;
}

/** See {@link Turns}. */
export function createTurns(options: {
  account: { key: string; id: string; name: string | null };
  store: Store;
  agent: Agent;
  delivery: Pick<Delivery, 'queue'>;
  asks: Pick<Asks, 'ask'>;
  typing: Typing | null;
  folders: FolderMaker;
  attachments: Pick<Attachments, 'complete'>;
  outgoing: Outgoing;
  settings: RunnerOptions;
  clock: Clock;
  log: Log;
  emit: EventSink;
}): Turns {
  const { store, agent, delivery, settings, clock, emit } = options;
  const account = options.account.key;
  const stopping = new AbortController();
  const terms = { ...options, account, shape: settings };
  const endings = createTurnEndings({ ...options, account, stopping: stopping.signal });
  /** What ends each turn that runs or is about to, by its message. */
  const running = new Map<number, AbortController>();
  const notice =
    settings.workingNoticeMs === 0
      ? null
      : createWorkingNotice({ ...options, account, afterMs: settings.workingNoticeMs, shape: settings });
  const begun = createBegunTurns();
  const maxMessages = settings.maxMessages ?? Number.POSITIVE_INFINITY;
  let count = 0;
  /** Turns that are being started, and may turn out not to be. */
  let starting = 0;

  async function run(seq: number, user: string, next: Follower, signal: AbortSignal): Promise<LaneStep> {
    if (count >= maxMessages) return { kind: 'halt' };
    if (count + starting >= maxMessages) {
      return { kind: 'later', notBeforeMs: clock.now() + STARTING_MS };
    }
    const started = begun.take(seq) ?? (await start(seq));
    if (!started) return { kind: 'next' };
    if ('notBeforeMs' in started) return { kind: 'later', ...started };
    count++;
    try {
      return await runTurn(started, user, next, signal);
    } catch (error) {
      // What the store cannot keep, no other end of the turn can change.
      if (isOfStore(error)) throw error;
      const ending = endings.broken(error, started);
      await finish(started, ending);
      const { result } = ending;
      return result.kind === 'again' ? { kind: 'later', notBeforeMs: result.notBeforeMs } : { kind: 'next' };
    }
  }

  async function runTurn(
    started: StartedTurn,
    user: string,
    next: Follower,
    signal: AbortSignal,
  ): Promise<LaneStep> {
    const runId = newUuid();
    const folders = options.folders(started.seq, started.user, started.sessionId);
    const output = createTurnOutput(terms, started, runId);
    try {
      return await runIn(started, user, next, { runId, folders, output, signal });
    } finally {
      await output.dispose();
      folders.remove();
    }
  }

  async function runIn(
    started: StartedTurn,
    user: string,
    next: Follower,
    room: { runId: string; folders: ReturnType<FolderMaker>; output: TurnOutput; signal: AbortSignal },
  ): Promise<LaneStep> {
    const { runId, folders, output, signal } = room;
    const { turn: bare, inbound } = turnOf(started, options.account);
    const startedAt = clock.monotonic();
    const endNotice = notice?.begin(started, runId);
    const { turn, outcome } = await runStarted(started, { bare, inbound }, output, folders, signal);
    const durationMs = Math.round(clock.monotonic() - startedAt);
    const noticed = endNotice?.();
    await output.close();
    await noticed;
    const said = { output, runId };
    let ending = await endings.endingOf(outcome, started, turn, said);
    if (isCancelled(signal) && ending.parts.length > 0) {
      // While the answer was made ready: the store would not take it.
      ending = await endings.endingOf(endedOutcome('cancel', 0), started, turn, said);
    }
    const { result, parts } = ending;
    emit({
      type: 'outcome',
      account: turn.account,
      id: turn.id,
      user,
      outcome: nameOf(result, output.tally.used + parts.length > 0),
      reason: result.kind === 'failed' ? result.reason : outcome.kind === 'failed' ? outcome.reason : null,
      attempt: turn.attempt,
      durationMs,
      parts: output.tally.queued + parts.length,
    });
    const mayGoOn = result.kind !== 'again' && settings.maxMessages === null && !stopping.signal.aborted;
    const after = mayGoOn ? next() : null;
    await finish(started, ending, after);
    output.release(parts);
    if (result.kind === 'again') return { kind: 'later', notBeforeMs: result.notBeforeMs };
    return { kind: 'next', begun: after !== null && begun.has(after) ? after : null };
  }

  function start(seq: number): ReturnType<Store['startTurn']> {
    starting++;
    return store
      .startTurn({ account, seq, mergeMs: settings.mergeMs, nowMs: clock.now() })
      .finally(() => starting--);
  }

  /** Commits the end of a turn, and the start of that of the message `next`, unless it has begun. */
  async function finish(turn: EndedTurn, ending: TurnEnding, next: number | null = null): Promise<void> {
    const expected = next === null ? null : begun.expect(next);
    let dropped: StartedTurn | null = null;
    const goesOn = expected && { seq: expected.seq, mergeMs: settings.mergeMs };
    const end = { account, turn, ...ending, next: goesOn };
    const commit = async (claim: DeliveryTerms | null): Promise<QueuedParts> => {
      const done = await store.finishTurn({ ...end, nowMs: clock.now(), claim });
      dropped = expected?.add(done.next) ?? null;
      return done;
    };
    if (ending.parts.length === 0) await commit(null);
    else await delivery.queue(turn.user, commit);
    if (dropped) await putBack(dropped, 'it was stopped, and asked for again');
  }

  /** A turn that has begun and is not run: its message waits again, unless it is not to run any more. */
  function putBack(turn: StartedTurn, detail: string): Promise<void> {
    const result = { kind: 'again', notBeforeMs: clock.now(), counts: false, detail } as const;
    return finish(turn, { result, parts: [] });
  }

  /** Fetches what the message brings, then runs the agent; what a stop cuts short is fetched by the next run. */
  async function runStarted(
    started: StartedTurn,
    { bare, inbound }: { bare: Turn; inbound: Inbound },
    output: TurnOutput,
    folders: ReturnType<FolderMaker>,
    signal: AbortSignal,
  ): Promise<{ turn: Turn; outcome: Outcome }> {
    const endTyping = options.typing?.begin(bare.user);
    try {
      const turn = await options.attachments.complete(bare, inbound, folders.make, signal);
      if (signal.aborted) return { turn, outcome: endedOutcome(turnEndOf(signal), settings.timeoutMs) };
      emit({ type: 'message', account: turn.account, turn });
      return { turn, outcome: await answer(started, turn, output, folders, signal) };
    } finally {
      endTyping?.();
    }
  }

  async function answer(
    started: StartedTurn,
    turn: Turn,
    output: TurnOutput,
    folders: ReturnType<FolderMaker>,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const silence = watchSilence(signal, settings.silenceMs, clock);
    const over = createTurnOver(silence.signal);
    try {
      const outcome = await agent
        .answer(turn, {
          signal: silence.signal,
          folders: folders.make,
          folderPaths: folders.paths,
          timeoutMs: settings.timeoutMs,
          emit: (piece) => silence.during(output.emit(piece)),
          alive: silence.alive,
          ask(question, waitMs) {
            const asking = { id: turn.id, user: turn.user, over: over.signal() };
            return silence.during(options.asks.ask(asking, question, waitMs));
          },
          language: started.language ?? settings.language,
          memory: createSessionMemory(store, clock, { account, user: turn.user, sessionId: turn.sessionId }),
        })
        // The disk, mostly: the folders of the turn could not be made.
        .catch(outcomeOfFault);
      // Nobody waits for an answer any more, and the store would not take it.
      return isCancelled(signal) ? endedOutcome('cancel', 0) : outcome;
    } finally {
      silence.end();
      over.end();
    }
  }

  return {
    async run(seq, user, next) {
      const cut = new AbortController();
      running.set(seq, cut);
      if (stopping.signal.aborted) cut.abort(stopping.signal.reason);
      try {
        return await run(seq, user, next, cut.signal);
      } finally {
        running.delete(seq);
      }
    },
    async giveUp(started) {
      await finish(started, endings.crashed(started));
    },
    take: begun.add,
    cancel(seq) {
      begun.drop(seq);
      running.get(seq)?.abort('cancel' satisfies TurnEnd);
    },
    stop() {
      stopping.abort('stop' satisfies TurnEnd);
      for (const cut of running.values()) cut.abort('stop' satisfies TurnEnd);
    },
    async giveBack() {
      await Promise.all(begun.takeAll().map((turn) => putBack(turn, 'wxagent was stopped')));
    },
    get started() {
      return count;
    },
  };
}

function isOfStore(error: unknown): boolean {
  if (error instanceof WxError) return error.kind === 'storage';
  return String((error as { code?: unknown } | null)?.code).startsWith('SQLITE_');
}

function isCancelled({ reason }: AbortSignal): boolean {
  return reason === ('cancel' satisfies TurnEnd);
}

function nameOf(result: TurnResult, hasSpoken: boolean): 'reply' | 'silent' | 'retry' | 'failed' {
  if (result.kind === 'again') return 'retry';
  if (result.kind === 'failed') return 'failed';
  return hasSpoken ? 'reply' : 'silent';
}
