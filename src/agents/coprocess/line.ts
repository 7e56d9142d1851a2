import { eventOf, type ReplyPiece, type Turn } from '../../core/message/message.ts';
import { isObject } from '../../core/object.ts';
import { retryAfterOf } from '../../core/time/backoff.ts';
import { wellFormedJson } from '../port/input.ts';
import type { TurnFolders } from '../port/port.ts';
import { BAD_RETRY_AFTER } from '../reply/outcomes.ts';
import { isGiven, MAX_LINE_BYTES, parseJson, readReplyObject, unreadFields } from '../reply/reply-line.ts';

/** A message as a coprocess gets it: its event, and where the folders of its turn are or would be. */
export function eventLine(turn: Turn, { state, reply, media }: TurnFolders): string {
  return wellFormedJson({ ...eventOf(turn), stateDir: state, replyDir: reply, mediaDir: media });
}

/** What tells it that nobody waits for the answer to a message any more. */
export function cancelLine(id: string): string {
  return JSON.stringify({ v: 1, type: 'cancel', id });
}

/** How a coprocess ends a turn. */
export type TurnClose =
  | { kind: 'done' }
  | { kind: 'retry'; afterMs: number }
  | { kind: 'error'; text: string };

/** What one line of a coprocess says. `bad` is a line that nothing can be made of; `id` is the turn it speaks of, if any. */
export type CoprocessLine =
  | { kind: 'blank' }
  | { kind: 'answer'; id: string; pieces: ReplyPiece[]; unread: string[]; close: TurnClose | null }
  | { kind: 'bad'; id: string | null; detail: string };

/** Longest beginning of a bad line that the log shows. */
const QUOTED_CHARS = 80;

/** What a line may have beside text, file and typing. */
const FIELDS = ['id', 'done', 'retryAfterMs', 'error'];

/** Reads `{"id"}` with `text`, `file` or `typing` and with `done`, `retryAfterMs` or `error`. */
export function readCoprocessLine(line: string): CoprocessLine {
  if (line.trim() === '') return { kind: 'blank' };
  // A UTF-16 unit has at most three bytes.
  if (line.length * 3 > MAX_LINE_BYTES && Buffer.byteLength(line) > MAX_LINE_BYTES) return overlongLine(line);
  const value = parseJson(line);
  if (!isObject(value)) return bad(null, 'a line is not a JSON object', line);
  if (typeof value.id !== 'string')
    return bad(null, 'a line has no "id" with the id of a message, as text', line);
  const { id } = value;
  const wrong = wrongIn(value);
  if (wrong !== null) return bad(id, wrong, line);
  const close = closeOf(value);
  const reply = readReplyObject(value, FIELDS);
  if (typeof reply === 'string') return bad(id, reply, line);
  if (reply === null && close === null) {
    return bad(id, 'a line has none of text, file, typing, done, retryAfterMs and error', line);
  }
  return {
    kind: 'answer',
    id,
    pieces: reply?.pieces ?? [],
    unread: reply?.unread ?? unreadFields(value, FIELDS),
    close,
  };
}

/** What to make of a line over 1 MiB, of which only the beginning is there: its id may stand in it. */
export function overlongLine(beginning: string): CoprocessLine {
  const [, id] = /(?<!\\)"id"\s*:\s*"([^"\\]*)"/.exec(beginning) ?? [];
  return bad(id ?? null, 'a line is longer than 1 MiB', beginning);
}

/** What must not pass for an answer, although something else in the line may be one. */
function wrongIn({ retryAfterMs, error, sessionId }: Record<string, unknown>): string | null {
  if (isGiven(sessionId)) return 'a line is what was given, not an answer to it';
  if (isGiven(error) && typeof error !== 'string') return 'error must be a string';
  return isGiven(retryAfterMs) && retryAfterOf(retryAfterMs) === null ? BAD_RETRY_AFTER : null;
}

/** Null when the turn goes on. */
function closeOf({ done, retryAfterMs, error }: Record<string, unknown>): TurnClose | null {
  if (typeof error === 'string') return { kind: 'error', text: error };
  const afterMs = retryAfterOf(retryAfterMs);
  if (afterMs !== null) return { kind: 'retry', afterMs };
  return done === true ? { kind: 'done' } : null;
}

function bad(id: string | null, detail: string, line: string): CoprocessLine {
  return { kind: 'bad', id, detail: `${detail}: ${line.slice(0, QUOTED_CHARS)}` };
}
