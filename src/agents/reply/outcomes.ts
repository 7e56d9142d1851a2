import { isAbsolute } from 'node:path';
import { isShortage, reasonOf } from '../../core/errors.ts';
import { plainFileName } from '../../core/file-name.ts';
import type {
  FailureReason,
  MissingFile,
  MissingReason,
  Outcome,
  ReplyPiece,
} from '../../core/message/message.ts';
import { retryAfterOf } from '../../core/time/backoff.ts';
import { replyTextOf } from './output.ts';

/** A text of an agent as a piece of its reply; null when there is nothing to say in it. */
export function textPiece(raw: string): ReplyPiece | null {
  const text = replyTextOf(raw);
  return text === null ? null : { text };
}

/** A file that a service names: by its whole path, since it does not run where wxagent does. */
export function absoluteFile(piece: Extract<ReplyPiece, { file: string }>): ReplyPiece {
  if (isAbsolute(piece.file)) return piece;
  return missingFile(piece.name ?? piece.file, 'not-found', `${piece.file} is not an absolute path`);
}

/** A file of an answer that is known not to be there to be sent. */
export function missingFile(
  name: string,
  reason: MissingReason,
  detail: string,
  hint?: string,
): { missing: MissingFile } {
  return { missing: { name: plainFileName(name) ?? 'file', reason, detail, ...(hint && { hint }) } };
}

/** A reply of these pieces without the empty ones; silence when none is left. */
export function replyOf(candidates: readonly (ReplyPiece | null)[]): Outcome {
  const pieces = candidates.filter((piece) => piece !== null);
  return pieces.length === 0 ? { kind: 'silent' } : { kind: 'reply', pieces };
}

/** Shorter texts are in too many words to be told from them. */
const SHORTEST_SECRET_CHARS = 6;

/** An outcome whose reason says no secret: servers may repeat in an error what they were sent. */
export function withoutSecrets(outcome: Outcome, secrets: readonly string[]): Outcome {
  const known = secrets.filter(({ length }) => length >= SHORTEST_SECRET_CHARS);
  const told = (detail: string): string => known.reduce((text, one) => text.replaceAll(one, '***'), detail);
  if (outcome.kind === 'silent') return outcome;
  if (outcome.kind !== 'reply') return { ...outcome, detail: told(outcome.detail) };
  const pieces = outcome.pieces.map((piece) =>
    'missing' in piece ? { missing: { ...piece.missing, detail: told(piece.missing.detail) } } : piece,
  );
  return { kind: 'reply', pieces };
}

/** What is wrong with a `retryAfterMs` that is no wait. */
export const BAD_RETRY_AFTER = 'retryAfterMs must be a number of milliseconds up to 24 hours';

/** The wish of an agent to be asked again: after the usual delays (null), or after so many milliseconds. */
export function retryAfter(wait: unknown, detail: string): Outcome {
  const afterMs = wait === null ? null : retryAfterOf(wait);
  return wait !== null && afterMs === null
    ? failed('bad-output', BAD_RETRY_AFTER)
    : { kind: 'retry', afterMs, detail };
}

/** What a start, or a folder, that this machine was short of something for comes to. */
export function shortage(detail: string): Outcome {
  return { kind: 'retry', afterMs: null, detail, isShortage: true };
}

/** What it comes to that something of ours has failed around an agent: its folders could not be made, mostly. */
export function outcomeOfFault(error: unknown): Outcome {
  return isShortage(error) ? shortage(reasonOf(error)) : failed('spawn', reasonOf(error));
}

/** A failure, and what to do about it where that is known. */
export function failed(
  reason: FailureReason,
  detail: string,
  hint?: string | null,
): Extract<Outcome, { kind: 'failed' }> {
  return { kind: 'failed', reason, detail, ...(hint ? { hint } : {}) };
}
