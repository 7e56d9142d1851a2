import { readBlocks } from './blocks.ts';
import { readMarks } from './emphasis.ts';
import { readInline } from './inline.ts';
import { fits, type TextLimits } from './part-limits.ts';
import { endOfLine, type Table, tablesIn } from './tables.ts';

/** What of a text a cut should leave whole. */
export interface Wholes {
  /** Whether a cut in front of this index would part a link, a code span, a formula, a row or the like. */
  parts(at: number): boolean;
  /** The table that has a row at this index, or null. */
  tableAt(at: number): Table | null;
}

const STRIKES = /~~(?=\S)[^~\n]*[^~\s]~~/g;

/** What a cut should leave whole: Markdown that fits into a part; emphasis only up to half of one. */
export function readWholes(text: string, limits: TextLimits): Wholes {
  const depth = new Int32Array(text.length + 2);
  const half = { maxChars: limits.maxChars / 2, maxBytes: limits.maxBytes / 2 };
  const keep = (start: number, end: number, max = limits) => {
    if (end - start < 2 || end - start > max.maxChars || !fits(text.slice(start, end), max)) return;
    depth[start + 1] = (depth[start + 1] as number) + 1;
    depth[end] = (depth[end] as number) - 1;
  };
  const tables: Table[] = [];
  const blocks = readBlocks(text);
  for (const { kind, start, end } of blocks) {
    if (kind === 'verbatim' && isFormula(text, start)) keep(start, end);
    if (kind !== 'prose') continue;
    const block = text.slice(start, end);
    const { atoms } = readInline(block);
    for (const atom of atoms) keep(start + atom.start, start + atom.end);
    for (const { open, close, length } of readMarks(block, atoms).emphases) {
      keep(start + open, start + close + length, half);
    }
    for (const { 0: strike, index } of block.matchAll(STRIKES)) {
      keep(start + index, start + index + strike.length, half);
    }
  }
  for (const { start, end } of stretches(blocks)) tables.push(...tablesIn(text, start, end));
  for (const table of tables) {
    keep(table.start, endOfLine(text, Math.min(table.rows, table.end), table.end));
    for (let row = table.rows; row < table.end; ) {
      const end = endOfLine(text, row, table.end);
      keep(row, end);
      row = end + 1;
    }
  }
  for (let at = 1; at < depth.length; at++) depth[at] = (depth[at] as number) + (depth[at - 1] as number);
  return {
    parts: (at) => (depth[at] ?? 0) > 0,
    tableAt: (at) => tables.find(({ rows, end }) => rows <= at && at < end) ?? null,
  };
}

function isFormula(text: string, start: number): boolean {
  return /^[ \t>]*(?:\$\$|\\[[b])/.test(text.slice(start, start + 64));
}

/** Neighbouring blocks of prose: the rows of a table are a block each. */
function stretches(blocks: ReturnType<typeof readBlocks>): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  let open: { start: number; end: number } | null = null;
  for (const { kind, start, end } of blocks) {
    if (kind !== 'prose') open = null;
    else if (open) open.end = end;
    else {
      open = { start, end };
      found.push(open);
    }
  }
  return found;
}
