import { findCut, resumeAt } from './cut-place.ts';
import { closedBy, type Fence, fenceAfter } from './fences.ts';
import { readWholes, type Wholes } from './keep-whole.ts';
import { DEFAULT_LIMITS, fits, type TextLimits, without } from './part-limits.ts';
import { endOfLine, type Table } from './tables.ts';

/** A fence line may take this share of the smaller limit: closing and reopening then leave room for text. */
const FENCE_SHARE = 1 / 8;
/** So may the header and the rule of a table, which are repeated. */
const HEAD_SHARE = 1 / 4;

/**
 * Cuts a text into the parts it is sent as, each within both limits. A text that fits comes back as it is; one of only
 * white space gives no part. Cuts fall at paragraphs, lines, sentences, words or graphemes, in this order of
 * preference, and not inside a link, a code span, a formula, a row of a table or short emphasis, unless it is larger
 * than a part. A code block cut in two is closed and opened again with its language; a table repeats its header and
 * rule. Nothing visible is lost. Throws RangeError for limits that no character fits in.
 */
export function splitText(text: string, limits: TextLimits = DEFAULT_LIMITS): string[] {
  if (!(limits.maxChars >= 2 && limits.maxBytes >= 4)) throw new RangeError('limits of a part too small');
  if (fits(text, limits)) return text.trim() === '' ? [] : [text];
  const parts: string[] = [];
  const wholes = readWholes(text, limits);
  let fence: Fence | null = null;
  let at = resumeAt(`\n${text}`, 0) - 1;
  while (at < text.length) {
    const next = nextPart(text, at, fence, limits, wholes);
    if (next.part !== '') parts.push(next.part);
    ({ at, fence } = next);
  }
  return parts;
}

/** One part, where the following one begins, and the code block open there. */
interface Step {
  /** Empty where only white space was met. */
  part: string;
  at: number;
  fence: Fence | null;
}

function nextPart(
  text: string,
  from: number,
  before: Fence | null,
  limits: TextLimits,
  wholes: Wholes,
): Step {
  const maxMarker = Math.floor(Math.min(limits.maxChars, limits.maxBytes) * FENCE_SHARE);
  const opening = before ? `${before.reopening}\n` : repeatedHead(text, from, limits, wholes.tableAt(from));
  let reserved = '';
  for (;;) {
    const cut = findCut(text, from, without(limits, opening + reserved), before, maxMarker, wholes);
    const body = text.slice(from, cut).trimEnd();
    const fence = fenceAfter(body, before, maxMarker);
    const closing = fence ? `\n${fence.closing}` : '';
    if (closing.length <= reserved.length) {
      const part = body === '' ? '' : opening + body + closing;
      return { part, ...continueAt(text, resumeAt(text, cut), fence, limits.maxChars) };
    }
    // Whether a block is open shows only at the cut; the room its closing line takes may move the cut.
    reserved = closing;
  }
}

/** Header and rule of the table in which a part begins, where there is room for them beside its first row. */
function repeatedHead(text: string, from: number, limits: TextLimits, table: Table | null): string {
  if (!table || from === 0 || text[from - 1] !== '\n') return '';
  const head = `${table.head}\n`;
  const share = { maxChars: limits.maxChars * HEAD_SHARE, maxBytes: limits.maxBytes * HEAD_SHARE };
  const row = text.slice(from, endOfLine(text, from, table.end));
  return fits(head, share) && fits(head + row, limits) ? head : '';
}

/** Steps over the block's own closing line where a part was just closed in its place. */
function continueAt(
  text: string,
  at: number,
  fence: Fence | null,
  lineChars: number,
): { at: number; fence: Fence | null } {
  const line = text.slice(at, at + lineChars).split('\n', 1)[0] as string;
  if (!fence || !closedBy(line, fence)) return { at, fence };
  return { at: resumeAt(text, at + line.length), fence: null };
}
