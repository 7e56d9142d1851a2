import { reasonOf } from '../core/errors.ts';
import { eventOf, type MessageEvent, type Outcome, type ReplyPiece } from '../core/message.ts';
import { failed, replyOf, retryAfter, textPiece } from './outcomes.ts';
import type { Agent, SessionMemory } from './port.ts';
import { cutUtf8 } from './text-bytes.ts';
import { endedOutcome, limitTurn, turnEndOf, untilAborted } from './turn-end.ts';

/** A file of an answer: an absolute path, and the name the phone shows, else that of the file. */
export interface AnswerFile {
  path: string;
  name?: string;
}

/** What an agent function answers: a text, texts and files, nothing, or to be asked again later. */
export type Answer =
  | string
  | { text?: string; files?: readonly AnswerFile[] }
  /** Run this message again, after so long or after the usual delays (null). */
  | { retryAfterMs: number | null }
  | null
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing says nothing.
  | void;

/** What an agent function may use while it works. */
export interface AnswerContext {
  /** Aborted when the answer is not wanted any more: its time is up, the user stopped it, wxagent stops. */
  signal: AbortSignal;
  /** Sends a text or a file at once, before the answer. Resolves when it is stored. */
  emit(piece: string | AnswerFile): Promise<void>;
  /** Asks the user; resolves with the next thing he writes, null when nothing comes within `waitMs`. */
  ask(question: string, waitMs: number): Promise<string | null>;
  /** Texts kept for this conversation, by name, also over restarts; a new session begins with none. */
  memory: SessionMemory;
  /** A folder of this user's that stays. */
  stateFolder(): string;
}

/** An agent as a function. What it throws is a failure: the log has it, the user gets the notice. */
export type AgentFunction = (message: MessageEvent, context: AnswerContext) => Answer | Promise<Answer>;

/** The most that is kept of a stack with a message that failed. */
const STACK_BYTES = 4 * 1024;

/** An agent that is a function of this process. It cannot be killed: past its time it is no longer listened to. */
export function createFunctionAgent(answer: AgentFunction): Agent {
  return {
    name: answer.name || 'function',
    async answer(turn, context) {
      const limit = limitTurn(context.signal, context.timeoutMs);
      const { signal } = limit;
      const ended = untilAborted(signal).then(() => endedOutcome(turnEndOf(signal), context.timeoutMs));
      const answered = Promise.resolve()
        .then(() =>
          answer(eventOf(turn), {
            signal,
            emit: async (piece) => {
              const one = typeof piece === 'string' ? textPiece(piece) : filePiece(piece);
              // What a function says that nobody listens to any more is no part of a later turn.
              if (one !== null && !signal.aborted) await context.emit(one);
            },
            ask: (question, waitMs) => context.ask(question, waitMs),
            memory: context.memory,
            stateFolder: () => context.folders().state,
          }),
        )
        .then(outcomeOf, outcomeOfError);
      return Promise.race([ended, answered]).finally(limit.release);
    },
  };
}

function outcomeOf(answer: Answer): Outcome {
  if (answer === null || answer === undefined) return { kind: 'silent' };
  if (typeof answer === 'string') return replyOf([textPiece(answer)]);
  if (typeof answer !== 'object') return badOutput(`the function answered with a ${typeof answer}`);
  if ('retryAfterMs' in answer) return retryAfter(answer.retryAfterMs, 'the agent wants to be asked again');
  // What JavaScript gives may be null where the types know nothing of it: that is as good as none.
  const text: unknown = answer.text ?? undefined;
  const files: unknown = answer.files ?? undefined;
  if (text === undefined && files === undefined) return badOutput('the answer has neither text nor files');
  if (text !== undefined && typeof text !== 'string') return badOutput('text is no string');
  if (files !== undefined && !isFileList(files)) return badOutput('files is no list of {path}');
  return replyOf([textPiece(text ?? ''), ...(files ?? []).map(filePiece)]);
}

function isFileList(files: unknown): files is AnswerFile[] {
  return Array.isArray(files) && files.every((file) => typeof file?.path === 'string');
}

function outcomeOfError(error: unknown): Outcome {
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    kind: 'failed',
    reason: 'exit',
    detail: reasonOf(error),
    ...(stack === undefined ? {} : { stderr: cutUtf8(stack, STACK_BYTES).value }),
  };
}

function badOutput(detail: string): Outcome {
  return failed('bad-output', detail, 'return a string, {text, files: [{path}]}, {retryAfterMs}, or nothing');
}

function filePiece({ path, name }: AnswerFile): ReplyPiece {
  return { file: path, name: typeof name === 'string' ? name : null };
}
