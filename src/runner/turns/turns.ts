import type { Agent, TurnEnd } from '../../agents/port/port.ts';
import { endedOutcome, turnEndOf } from '../../agents/port/turn-end.ts';
import { outcomeOfFault } from '../../agents/reply/outcomes.ts';
import { WxError } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import { languageIn } from '../../core/message/language.ts';
import type { Outcome, Turn } from '../../core/message/message.ts';
import type { Clock } from '../../core/time/clock.ts';
import { type Inbound, readInbound, writtenAtMs } from '../../ilink/message/inbound.ts';
import { mergeStored } from '../../ilink/message/merged.ts';
import type {
  ClaimRequest,
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
import { createTurnEndings, type TurnEnding } from './finish.ts';
import type { FolderMaker } from './folders.ts';
import type { LaneStep } from './lanes.ts';
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
  /** Runs one message of a lane. Rejects only for the store. */
  run(seq: number, user: string): Promise<LaneStep>;
  /** Gives up a message whose last try ended with a crash of the runner. */
  giveUp(started: StartedTurn): Promise<void>;
  /** Ends the turn of a message that is not to be answered any more, if it runs. */
  cancel(seq: number): void;
  /** Ends the turns that run: their messages stay and run again later. */
  stop(): void;
  /** Turns started so far. */
  readonly started: number;
}

/** See {@link Turns}. */
export function createTurns(options: {
  account: { key: string; id: string; name: string | null };
  store: Pick<Store, 'turns' | 'outbox' | 'sessions'>;
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
  const endings = createTurnEndings({ ...options, outbox: store.outbox, account, stopping: stopping.signal });
  /** What ends each turn that runs or is about to, by its message. */
  const running = new Map<number, AbortController>();
  const notice =
    settings.workingNoticeMs === 0
      ? null
      : createWorkingNotice({ ...options, account, afterMs: settings.workingNoticeMs, shape: settings });
  const maxMessages = settings.maxMessages ?? Number.POSITIVE_INFINITY;
  let count = 0;
  /** Turns that are being started, and may turn out not to be. */
  let starting = 0;

  async function run(seq: number, user: string, signal: AbortSignal): Promise<LaneStep> {
    if (count >= maxMessages) return { kind: 'halt' };
    if (count + starting >= maxMessages) {
      return { kind: 'later', notBeforeMs: clock.now() + STARTING_MS };
    }
    const started = await start(seq);
    if (!started) return { kind: 'next' };
    if ('notBeforeMs' in started) return { kind: 'later', ...started };
    count++;
    try {
      return await runTurn(started, user, signal);
    } catch (error) {
      // What the store cannot keep, no other end of the turn can change.
      if (isOfStore(error)) throw error;
      const ending = endings.broken(error, started);
      await finish(started, ending);
      const { result } = ending;
      return result.kind === 'retry' ? { kind: 'later', notBeforeMs: result.notBeforeMs } : { kind: 'next' };
    }
  }

  async function runTurn(stored: StartedTurn, user: string, signal: AbortSignal): Promise<LaneStep> {
    const { turn: bare, inbound } = turnOf(stored, options.account);
    // What is said of a message is in its language, whatever its user has written since.
    const started = { ...stored, language: languageIn(inbound.text) ?? stored.language };
    const runId = newUuid();
    const folders = options.folders(started.seq, started.user, started.sessionId);
    const output = createTurnOutput(terms, started, runId);
    try {
      return await runIn(started, { bare, inbound }, user, { runId, folders, output, signal });
    } finally {
      await output.dispose();
      folders.remove();
    }
  }

  async function runIn(
    started: StartedTurn,
    { bare, inbound }: { bare: Turn; inbound: Inbound },
    user: string,
    room: { runId: string; folders: ReturnType<FolderMaker>; output: TurnOutput; signal: AbortSignal },
  ): Promise<LaneStep> {
    const { runId, folders, output, signal } = room;
    const startedAt = clock.monotonic();
    const endNotice = notice?.begin(started, runId);
    const { turn, outcome } = await runStarted(started, { bare, inbound }, output, folders, signal);
    const durationMs = Math.round(clock.monotonic() - startedAt);
    const noticed = endNotice?.();
    await output.close();
    await noticed;
    const said = { output, runId };
    let end = await endings.endingOf(outcome, started, turn, said);
    if (isCancelled(signal) && end.ending.parts.length > 0) {
      // While the answer was made ready: the store would not take it.
      end = await endings.endingOf(endedOutcome('cancel', 0), started, turn, said);
    }
    const { ending, told } = end;
    const { result, parts } = ending;
    await finish(started, ending, () => {
      endings.tell(told, ending, turn, said);
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
    });
    output.release(parts);
    return result.kind === 'retry' ? { kind: 'later', notBeforeMs: result.notBeforeMs } : { kind: 'next' };
  }

  function start(seq: number): ReturnType<Store['turns']['startTurn']> {
    starting++;
    return store.turns
      .startTurn({ account, seq, mergeMs: settings.mergeMs, nowMs: clock.now() })
      .finally(() => starting--);
  }

  /** Commits the end of a turn; `tell` is called between the commit and what becomes of the parts. */
  async function finish(turn: EndedTurn, ending: TurnEnding, tell?: () => void): Promise<void> {
    const commit = async (claim: ClaimRequest | null): Promise<QueuedParts> => {
      const queued = await store.turns.finishTurn({ account, turn, ...ending, nowMs: clock.now(), claim });
      tell?.();
      return queued;
    };
    if (ending.parts.length === 0) await commit(null);
    else await delivery.queue(turn.user, commit);
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
          memory: createSessionMemory(store.sessions, clock, {
            account,
            user: turn.user,
            sessionId: turn.sessionId,
          }),
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
    async run(seq, user) {
      const cut = new AbortController();
      running.set(seq, cut);
      if (stopping.signal.aborted) cut.abort(stopping.signal.reason);
      try {
        return await run(seq, user, cut.signal);
      } finally {
        running.delete(seq);
      }
    },
    async giveUp(started) {
      await finish(started, endings.crashed(started));
    },
    cancel(seq) {
      running.get(seq)?.abort('cancel' satisfies TurnEnd);
    },
    stop() {
      stopping.abort('stop' satisfies TurnEnd);
      for (const cut of running.values()) cut.abort('stop' satisfies TurnEnd);
    },
    get started() {
      return count;
    },
  };
}

/** A stored message whose turn has been started: what it says, and the turn of it without attachments and quote. */
function turnOf(
  started: StartedTurn,
  account: { id: string; name: string | null },
): { turn: Turn; inbound: Inbound } {
  const inbound = readInbound(mergeStored(started.messages));
  const turn: Turn = {
    id: started.id,
    account: account.id,
    accountName: account.name,
    user: started.user,
    sessionId: started.sessionId,
    turn: started.turn,
    timeMs: writtenAtMs(inbound, started.receivedAtMs) ?? started.receivedAtMs,
    kind: inbound.kind === 'unknown' ? 'text' : inbound.kind,
    text: inbound.text,
    attachments: [],
    quote: null,
    attempt: started.attempt,
  };
  return { turn, inbound };
}

function isOfStore(error: unknown): boolean {
  if (error instanceof WxError) return error.kind === 'storage';
  return String((error as { code?: unknown } | null)?.code).startsWith('SQLITE_');
}

function isCancelled({ reason }: AbortSignal): boolean {
  return reason === ('cancel' satisfies TurnEnd);
}

function nameOf(result: TurnResult, hasSpoken: boolean): 'reply' | 'silent' | 'retry' | 'failed' {
  if (result.kind === 'retry') return 'retry';
  if (result.kind === 'failed') return 'failed';
  return hasSpoken ? 'reply' : 'silent';
}
