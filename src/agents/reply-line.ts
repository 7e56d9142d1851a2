import type { ReplyPiece } from '../core/message.ts';
import { replyTextOf } from './output.ts';

/** What one line of a reply in JSON lines asks for; `bad` says what is wrong with it. */
export type ReplyLine =
  | { kind: 'piece'; piece: ReplyPiece }
  | { kind: 'nothing' }
  | { kind: 'bad'; detail: string };

/** Longest line (contract 4). */
export const MAX_LINE_BYTES = 1024 * 1024;

/** Reads `{"text"}`, `{"file","name"?}`, `{"typing":true}` (contract 4); blank lines are nothing. */
export function parseReplyLine(line: string): ReplyLine {
  if (line.trim() === '') return { kind: 'nothing' };
  if (Buffer.byteLength(line) > MAX_LINE_BYTES) return { kind: 'bad', detail: 'a line is longer than 1 MiB' };
  const value = parseJson(line);
  if (!isObject(value)) return { kind: 'bad', detail: `a line is no JSON object: ${line.slice(0, 80)}` };
  return (
    readReplyObject(value) ?? {
      kind: 'bad',
      detail: `a line has neither text nor file: ${line.slice(0, 80)}`,
    }
  );
}

/** What one object of a reply asks for; null when it has none of text, file and typing. */
export function readReplyObject(value: Record<string, unknown>): Exclude<ReplyLine, { kind: 'bad' }> | null {
  if (typeof value.text === 'string') {
    const text = replyTextOf(value.text);
    return text === null ? { kind: 'nothing' } : { kind: 'piece', piece: { text } };
  }
  if (typeof value.file === 'string') {
    const name = typeof value.name === 'string' ? value.name : null;
    return { kind: 'piece', piece: { file: value.file, name } };
  }
  return value.typing === true ? { kind: 'nothing' } : null;
}

/** The value of a JSON text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
