import type { Agent, TurnEnd } from '../../agents/port/port.ts';
import { WxError } from '../../core/errors.ts';
import { newUuid } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import { languageIn } from '../../core/message/language.ts';
import type { Outcome, Turn } from '../../core/message/message.ts';
import type { Random } from '../../core/time/backoff.ts';
import type { Clock } from '../../core/time/clock.ts';
import { type Inbound, readInbound, writtenAtMs } from '../../ilink/message/inbound.ts';
import { mergeStored } from '../../ilink/message/merged.ts';
import { LeaseLost, type Trust } from '../../store/port/lease.ts';
import type { StartedTurn, Store, TurnResult } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import type { EventSink } from '../port/events.ts';
import type { RunnerOptions } from '../port/options.ts';
import type { Attachments } from '../received/attachments.ts';
import { createAgentRun } from './agent-run.ts';
import { createTurnFinish } from './finish.ts';
import type { FolderMaker } from './folders.ts';
import type { LaneStep } from './lanes.ts';
import { createTurnOutput } from './streamed-output.ts';
import type { TurnQuestions } from './turn-questions.ts';
import type { Typing } from './typing.ts';
import { createWorkingNotice } from './working-notice.ts';

/** How soon a lane asks again whether `--max-messages` leaves room for its message. */
const ROOM_CHECK_MS = 20;

/** Runs messages through the agent, one turn each. */
export interface Turns {
  /** Runs one message of a lane. Rejects only for the store. */
  run(seq: number): Promise<LaneStep>;
  /** Fails a message during whose last attempt a former runner crashed. */
  fail(started: StartedTurn): Promise<void>;
  /** Ends the turn of a superseded message, if it runs. */
  cancel(seq: number): void;
  /** Ends the turns that run. Their messages run again later. */
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
  questions: Pick<TurnQuestions, 'ask'>;
  typing: Typing | null;
  folders: FolderMaker;
  attachments: Pick<Attachments, 'complete'>;
  outgoing: Outgoing;
  settings: RunnerOptions;
  /** Without trust no turn starts; null: it may always start. */
  trust?: Trust | null;
  clock: Clock;
  random?: Random;
  log: Log;
  emit: EventSink;
}): Turns {
  const { store, settings, clock } = options;
  const account = options.account.key;
  const stopping = new AbortController();
  const ofAccount = { ...options, account, shape: settings };
  const runAgent = createAgentRun({ ...ofAccount, sessions: store.sessions });
  const workingNotice = createWorkingNotice(ofAccount);
  const { finish, finishBroken, finishCrashed, forget } = createTurnFinish({
    ...options,
    stopping: stopping.signal,
  });
  /** What ends each turn that runs or is about to, by its message. */
  const running = new Map<number, AbortController>();
  const maxMessages = settings.maxMessages ?? Number.POSITIVE_INFINITY;
  let count = 0;
  /** Turns whose start is being committed. The store may find that they are not to run. */
  let starting = 0;

  async function run(seq: number, signal: AbortSignal): Promise<LaneStep> {
    const { trust } = options;
    if (trust && !trust.isTrusted()) await trust.regained(stopping.signal);
    if (count >= maxMessages) return { kind: 'halt' };
    if (count + starting >= maxMessages) return { kind: 'later', notBeforeMs: clock.now() + ROOM_CHECK_MS };
    const started = await start(seq);
    if (!started) return { kind: 'next' };
    if ('earlier' in started) return { kind: 'after', seq: started.earlier };
    if ('notBeforeMs' in started) return { kind: 'later', ...started };
    count++;
    const result = await runTurn(started, signal);
    return result.kind === 'retry' ? { kind: 'later', notBeforeMs: result.notBeforeMs } : { kind: 'next' };
  }

  async function start(seq: number): ReturnType<Store['turns']['startTurn']> {
    starting++;
    try {
      return await store.turns.startTurn({ account, seq, mergeMs: settings.mergeMs, nowMs: clock.now() });
    } finally {
      starting--;
    }
  }

  async function runTurn(started: StartedTurn, signal: AbortSignal): Promise<TurnResult> {
    const startedAtMs = clock.monotonic();
    const runId = newUuid();
    const folders = options.folders(started.seq, started.user, started.sessionId);
    const output = createTurnOutput(ofAccount, started, runId);
    let language = started.language ?? settings.language;
    const durationMs = (): number => Math.round(clock.monotonic() - startedAtMs);

    async function outcomeOfRun(): Promise<{ outcome: Outcome; durationMs: number }> {
      const message = contentOf(started, options.account);
      // Notices about a message are in its language, whatever its user has written since.
      language = languageIn(message.inbound.text) ?? language;
      const notice = workingNotice?.begin({ ...started, language }, runId);
      try {
        const { outcome } = await runAgent({ language, output, folders, signal, ...message });
        return { outcome, durationMs: durationMs() };
      } finally {
        const noticed = notice?.end();
        await output.close();
        await noticed;
      }
    }

    let fault: unknown;
    try {
      const run = await outcomeOfRun();
      return await finish(run.outcome, { started, language, output, runId, signal, ...run });
    } catch (error) {
      // No other end of the turn changes what the store cannot keep.
      if (isOfStore(error)) throw error;
      fault = error;
    } finally {
      await output.dispose();
      folders.remove();
    }
    // After its files are gone: they may be what fills the disk, which the commit needs.
    return finishBroken(fault, { started, language, output, runId, signal, durationMs: durationMs() });
  }

  return {
    async run(seq) {
      const ended = new AbortController();
      running.set(seq, ended);
      if (stopping.signal.aborted) ended.abort(stopping.signal.reason);
      try {
        return await run(seq, ended.signal);
      } finally {
        running.delete(seq);
      }
    },
    fail: finishCrashed,
    cancel(seq) {
      forget(seq);
      running.get(seq)?.abort('cancel' satisfies TurnEnd);
    },
    stop() {
      stopping.abort('stop' satisfies TurnEnd);
      for (const ended of running.values()) ended.abort('stop' satisfies TurnEnd);
    },
    get started() {
      return count;
    },
  };
}

/** What a stored message says, and its turn without attachments and quote. */
function contentOf(
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
  if (error instanceof WxError) return error.kind === 'storage' || error instanceof LeaseLost;
  return String((error as { code?: unknown } | null)?.code).startsWith('SQLITE_');
}
