import { reasonOf } from '../core/errors.ts';
import { eventOf, type MessageEvent, type Outcome, type ReplyPiece } from '../core/message/message.ts';
import { isObject } from '../core/object.ts';
import { cutUtf8 } from '../core/text-bytes.ts';
import { untilAborted } from '../core/time/event-loop.ts';
import type { Agent, SessionMemory } from './port/port.ts';
import { endedOutcome, limitTurn, turnEndOf } from './port/turn-end.ts';
import { failed, missingFile, replyOf, retryAfter, textPiece } from './reply/outcomes.ts';

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
  /** Asks the user; resolves with the next thing they write, null when nothing comes within `waitMs`. */
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

const HINT = 'return a string, {text, files: [{path}]}, {retryAfterMs}, or nothing';

/** An agent that is a function of this process. It cannot be killed: past its time it is no longer listened to. */
export function createFunctionAgent(answer: AgentFunction): Agent {
  return {
    name: String(answer.name || 'function'),
    async answer(turn, context) {
      const limit = limitTurn(context.signal, context.timeoutMs);
      const { signal } = limit;
      const ended = untilAborted(signal).then(() => endedOutcome(turnEndOf(signal), context.timeoutMs));
      const answered = Promise.resolve()
        .then(() =>
          answer(eventOf(turn), {
            signal,
            emit: async (piece) => {
              if (typeof piece !== 'string' && !isFile(piece))
                throw new TypeError('emit takes a string or {path}');
              const one = typeof piece === 'string' ? textPiece(piece) : filePiece(piece);
              // What a function says that nobody listens to any more is no part of a later turn.
              if (one !== null && !signal.aborted) await context.emit(one);
            },
            async ask(question, waitMs) {
              if (typeof question !== 'string' || typeof waitMs !== 'number' || !(waitMs >= 0))
                throw new TypeError('ask takes a string and a number of milliseconds');
              return context.ask(question, waitMs);
            },
            memory: textsOnly(context.memory),
            stateFolder: () => context.folders().state,
          }),
        )
        .then(outcomeOf)
        // What it throws, and what throws when it is looked at.
        .catch(outcomeOfError);
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
  if (text !== undefined && typeof text !== 'string') return badOutput('text must be a string');
  const given = files === undefined ? [] : Array.isArray(files) ? Array.from(files) : [files];
  return replyOf([textPiece(text ?? ''), ...given.map(givenFile)]);
}

/** An entry of the files; one that is no file costs the answer nothing else. */
function givenFile(file: unknown, index: number): ReplyPiece {
  if (isFile(file)) return filePiece(file);
  return missingFile(`files[${index}]`, 'unreadable', 'files must be a list of {path}', HINT);
}

function isFile(file: unknown): file is AnswerFile {
  return isObject(file) && typeof file.path === 'string';
}

/** A memory that throws at what is no text, before it comes to the database. */
function textsOnly({ get, set }: SessionMemory): SessionMemory {
  const check = (isText: boolean): void => {
    if (!isText) throw new TypeError('memory maps names to strings; null deletes one');
  };
  return {
    async get(name) {
      check(typeof name === 'string');
      return get(name);
    },
    async set(name, value) {
      check(typeof name === 'string' && (value === null || typeof value === 'string'));
      return set(name, value);
    },
  };
}

function outcomeOfError(error: unknown): Outcome {
  return {
    kind: 'failed',
    reason: 'exit',
    detail: cutUtf8(reasonOf(error), STACK_BYTES).value,
    ...stackOf(error),
  };
}

function stackOf(error: unknown): { stderr?: string } {
  try {
    const stack = error instanceof Error ? error.stack : undefined;
    return typeof stack === 'string' ? { stderr: cutUtf8(stack, STACK_BYTES).value } : {};
  } catch {
    return {};
  }
}

function badOutput(detail: string): Outcome {
  return failed('bad-output', detail, HINT);
}

function filePiece({ path, name }: AnswerFile): ReplyPiece {
  return { file: path, name: typeof name === 'string' ? name : null };
}
