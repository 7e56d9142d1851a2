import type { ReplyPiece } from '../../core/message/message.ts';
import { isObject } from '../../core/object.ts';
import { missingFile } from './outcomes.ts';
import { replyTextOf } from './output.ts';

/** What one line of a reply in JSON lines asks for; `bad` says what is wrong with it. */
export type ReplyLine = ({ kind: 'reply' } & ReplyObject) | { kind: 'bad'; detail: string };

export interface ReplyObject {
  /** Its text, then its file. */
  pieces: ReplyPiece[];
  /** Fields that mean nothing here. */
  unread: string[];
}

export const MAX_LINE_BYTES = 1024 * 1024;

/** What an object of a reply may have. */
const FIELDS = ['text', 'file', 'name', 'typing'];

/** Reads `{"text"}`, `{"file","name"?}`, both, or `{"typing":true}`; blank lines are nothing. */
export function parseReplyLine(line: string): ReplyLine {
  if (line.trim() === '') return { kind: 'reply', pieces: [], unread: [] };
  if (Buffer.byteLength(line) > MAX_LINE_BYTES) return { kind: 'bad', detail: 'a line is longer than 1 MiB' };
  const value = parseJson(line);
  const quoted = line.slice(0, 80);
  if (!isObject(value)) return { kind: 'bad', detail: `a line is not a JSON object: ${quoted}` };
  const read = readReplyObject(value);
  if (typeof read === 'string') return { kind: 'bad', detail: `${read}: ${quoted}` };
  return read === null
    ? { kind: 'bad', detail: `a line has neither text nor file: ${quoted}` }
    : { kind: 'reply', ...read };
}

/** What one object of a reply asks for; null: nothing; a text: what is wrong. `others` are the caller's fields. */
export function readReplyObject(
  value: Record<string, unknown>,
  others: readonly string[] = [],
): ReplyObject | string | null {
  const { text, file, name } = value;
  if (isGiven(text) && typeof text !== 'string') return 'text must be a string';
  if (!isGiven(text) && !isGiven(file) && value.typing !== true) return null;
  const clean = typeof text === 'string' ? replyTextOf(text) : null;
  const pieces: ReplyPiece[] = clean === null ? [] : [{ text: clean }];
  const shown = typeof name === 'string' ? name : null;
  if (typeof file === 'string') pieces.push({ file, name: shown });
  else if (isGiven(file)) pieces.push(missingFile(shown ?? 'file', 'unreadable', 'file must be a path'));
  return { pieces, unread: unreadFields(value, [...FIELDS, ...others]) };
}

/** The fields of an object that are not among the known ones; null is as good as none, in all that agents give. */
export function unreadFields(value: Record<string, unknown>, known: readonly string[]): string[] {
  return Object.keys(value).filter((field) => isGiven(value[field]) && !known.includes(field));
}

/** Whether a field of an object of an agent is there: null is as good as none. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Says once for each of its fields that nobody reads it. `tell` gets the line for the log. */
export function createUnreadNotes(tell: (line: string) => void): (fields: readonly string[]) => void {
  const told = new Set<string>();
  return (fields) => {
    const fresh = fields.filter((field) => !told.has(field)).slice(0, MAX_TOLD - told.size);
    for (const field of fresh) told.add(field);
    if (fresh.length > 0)
      tell(
        `ignored unknown fields of the reply: ${fresh.map((field) => JSON.stringify(field.slice(0, 40))).join(', ')}`,
      );
  };
}

/** A flood of them must not flood the log. */
const MAX_TOLD = 10;

/** The value of a JSON text, which may begin with a byte order mark; undefined when it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}
