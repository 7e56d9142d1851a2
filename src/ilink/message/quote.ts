import { createHash } from 'node:crypto';
import { enumOf, textOf, writtenOf } from '../wire/fields.ts';
import type { PartialText } from '../wire/wire.ts';

/**
 * The words a user marked when quoting (protocol 10.5). `start` and `end` are the text at the ends of the
 * selection, the indexes say which occurrence; whether `endindex` counts in the whole text or from
 * behind `start` differs between phones, so both are tried and the digest decides.
 */

/** The selection within `full`, or null when it cannot be found there or the description is unusable. */
export function resolvePartial(full: string, partial: PartialText): string | null {
  const [start, end] = [writtenOf(partial.start), writtenOf(partial.end)];
  const [startindex, endindex] = [indexOf(partial.startindex), indexOf(partial.endindex)];
  const quotemd5 = textOf(partial.quotemd5);
  if (start === null || end === null || startindex === null || endindex === null) return null;
  const from = nthIndexOf(full, start, startindex, 0);
  if (from < 0) return null;
  const afterStart = from + start.length;
  const ends = [nthIndexOf(full, end, endindex, 0), nthIndexOf(full, end, endindex, afterStart)];
  const selections = ends
    .filter((at) => at >= from && at + end.length >= afterStart)
    .map((at) => full.slice(from, at + end.length));
  if (quotemd5 === null) return selections[0] ?? null;
  return selections.find((selection) => md5(selection) === quotemd5.toLowerCase()) ?? null;
}

/** Where the n-th (0-based) occurrence that does not overlap the ones before it begins; -1 when there are fewer. */
function nthIndexOf(text: string, piece: string, n: number, from: number): number {
  let at = text.indexOf(piece, from);
  for (let passed = 0; passed < n && at >= 0; passed++) at = text.indexOf(piece, at + piece.length);
  return at;
}

function md5(text: string): string {
  return createHash('md5').update(text, 'utf8').digest('hex');
}

/** An index off the wire. */
function indexOf(value: unknown): number | null {
  const index = enumOf(value);
  return index !== null && index >= 0 ? index : null;
}
