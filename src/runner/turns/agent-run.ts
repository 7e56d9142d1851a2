import type { Agent, SessionMemory } from '../../agents/port/port.ts';
import { endedOutcome, turnEndOf } from '../../agents/port/turn-end.ts';
import { outcomeOfFault } from '../../agents/reply/outcomes.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import type { Outcome, Turn } from '../../core/message/message.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Inbound } from '../../ilink/message/inbound.ts';
import type { SessionKey, Sessions } from '../../store/port/port.ts';
import type { EventSink } from '../port/events.ts';
import type { RunnerOptions } from '../port/options.ts';
import type { Attachments } from '../received/attachments.ts';
import type { TurnFolderSet } from './folders.ts';
import { startSilenceTimeout } from './silence-timeout.ts';
import type { TurnOutput } from './streamed-output.ts';
import type { TurnQuestions } from './turn-questions.ts';
import type { Typing } from './typing.ts';

export interface AgentRunInput {
  /** The turn without its attachments and its quote. */
  turn: Turn;
  inbound: Inbound;
  language: ChatLanguage;
  output: Pick<TurnOutput, 'emit'>;
  folders: TurnFolderSet;
  /** Ends the turn early; its reason is a TurnEnd. */
  signal: AbortSignal;
}

/** Runs the agent once: fetches the attachments, then has the agent answer. Rejects only for faults of ours. */
export type AgentRun = (input: AgentRunInput) => Promise<{ turn: Turn; outcome: Outcome }>;

/** See {@link AgentRun}. */
export function createAgentRun(options: {
  /** Key of the account in the store. */
  account: string;
  sessions: Pick<Sessions, 'sessionValue' | 'setSessionValue'>;
  agent: Agent;
  attachments: Pick<Attachments, 'complete'>;
  questions: Pick<TurnQuestions, 'ask'>;
  typing: Typing | null;
  settings: Pick<RunnerOptions, 'timeoutMs' | 'silenceMs'>;
  clock: Clock;
  emit: EventSink;
}): AgentRun {
  const { account, sessions, agent, settings, clock } = options;

  async function answer(turn: Turn, input: AgentRunInput): Promise<Outcome> {
    const { output, folders, signal, language } = input;
    const silence = startSilenceTimeout(signal, settings.silenceMs, clock);
    /** Ends the questions of the turn; most ask none. */
    let ended: AbortController | null = null;
    try {
      return await agent
        .answer(turn, {
          signal: silence.signal,
          folders: folders.make,
          folderPaths: folders.paths,
          timeoutMs: settings.timeoutMs,
          emit: (piece) => silence.during(output.emit(piece)),
          alive: silence.alive,
          ask(question, waitMs) {
            ended ??= new AbortController();
            const over = AbortSignal.any([silence.signal, ended.signal]);
            const asking = { id: turn.id, user: turn.user, over };
            return silence.during(options.questions.ask(asking, question, waitMs));
          },
          language,
          memory: memoryOf(sessions, clock, { account, user: turn.user, sessionId: turn.sessionId }),
        })
        // Most often the folders of the turn could not be made.
        .catch(outcomeOfFault);
    } finally {
      silence.end();
      (ended as AbortController | null)?.abort('ended');
    }
  }

  return async (input) => {
    const { signal, folders } = input;
    const endTyping = options.typing?.begin(input.turn.user);
    try {
      const turn = await options.attachments.complete(input.turn, input.inbound, folders.make, signal);
      if (signal.aborted) return { turn, outcome: endedOutcome(turnEndOf(signal), settings.timeoutMs) };
      options.emit({ type: 'message', account: turn.account, turn });
      return { turn, outcome: await answer(turn, input) };
    } finally {
      endTyping?.();
    }
  };
}

/** What the agent remembers of one session, in the store. */
function memoryOf(
  sessions: Pick<Sessions, 'sessionValue' | 'setSessionValue'>,
  clock: Clock,
  session: Omit<SessionKey, 'name'>,
): SessionMemory {
  return {
    get: (name) => sessions.sessionValue({ ...session, name }),
    set: (name, value) => sessions.setSessionValue({ ...session, name, value, nowMs: clock.now() }),
  };
}
