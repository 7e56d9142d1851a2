import { closedBy, type Fence, openedBy } from './fences.ts';
import { displayMath } from './math.ts';

const QUOTE = /^[ \t>]+/;
const CONTAINER = /^(?:[ \t>]|[-+*][ \t]|\d+[.)][ \t])+/;
const QUOTE_MARKS = /^(?: {0,3}> ?)+/;
const LIST_ITEM = /^([ \t]*)([-+*]|\d{1,9}[.)])([ \t]+|$)/;
const BLOCK_START = /^\s*(?:$|[-+*][ \t]|\d+[.)][ \t]|#{1,6}[ \t]|>|\|)/;

/** A formula of more lines is not one; so an opening mark without an end costs little. */
const FORMULA_LINES = 100;

/** Lines of Markdown that belong together, as indices; the line end behind them is outside. */
export interface Block {
  /** `verbatim` is code or a formula of several lines; `blank` is one line. */
  kind: 'prose' | 'verbatim' | 'blank';
  start: number;
  end: number;
}

/**
 * Reads the blocks of a text in linear time. Marks of emphasis pair within a block of prose only: a stray one
 * in a list item must not reach into the next. What may be code is code: fences inside lists and quotes
 * count, however deep, and one that is never closed lasts to the end.
 */
export function readBlocks(text: string): Block[] {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  const margin = listMargin();
  let fence: Fence | null = null;
  let formulaEnd = -1;
  let paragraph: Block | null = null;
  let inCode = false;
  let start = 0;
  const add = (kind: Block['kind'], end: number): Block => {
    const block: Block = { kind, start, end };
    blocks.push(block);
    return block;
  };
  for (const [index, line] of lines.entries()) {
    const end = start + line.length;
    const opened: Fence | null = fence ? null : openedBy(line.replace(CONTAINER, ''));
    if (index <= formulaEnd) (blocks.at(-1) as Block).end = end;
    else if (fence || opened) {
      add('verbatim', end);
      paragraph = null;
      inCode = false;
      if (fence) fence = closedBy(line.replace(QUOTE, ''), fence) ? null : fence;
      else fence = opened;
    } else {
      const bare = line.replace(QUOTE_MARKS, '');
      const blank = bare.trim() === '';
      const width = indentation(bare);
      inCode = !blank && (inCode || !paragraph) && width >= margin.at(width) + 4;
      if (!inCode && !blank) margin.read(bare);
      const formula = blank || inCode ? null : displayMath(line.replace(CONTAINER, ''));
      formulaEnd = formula ? lastFormulaLine(lines, index, formula.closer) : -1;
      const alone = formula && !formula.behindText && lines[formulaEnd]?.trimEnd().endsWith(formula.closer);
      if (inCode || alone) {
        add('verbatim', end);
        paragraph = null;
      } else if (line.trim() === '') {
        add('blank', end);
        paragraph = null;
      } else {
        if (!paragraph || BLOCK_START.test(line)) paragraph = add('prose', end);
        else paragraph.end = end;
        if (blank || /^\s*#/.test(line)) paragraph = null;
      }
    }
    start = end + 1;
  }
  return blocks;
}

/** Index of the line that ends the formula of several lines begun here, or -1. */
function lastFormulaLine(lines: readonly string[], index: number, closer: string): number {
  const ahead = lines.slice(index + 1, index + 1 + FORMULA_LINES);
  const found = ahead.findIndex((line) => line.includes(closer));
  return found === -1 ? -1 : index + 1 + found;
}

/** Columns of white space a line begins with; a tab reaches to the next multiple of four. */
function indentation(line: string): number {
  let columns = 0;
  for (const char of line) {
    if (char === ' ') columns++;
    else if (char === '\t') columns += 4 - (columns % 4);
    else break;
  }
  return columns;
}

/** Where the text of list items begins: only what is indented by four beyond it is code. */
function listMargin() {
  let margins: number[] = [];
  return {
    /** The margin of a line that is indented so far. */
    at: (width: number): number => margins.findLast((margin) => margin <= width) ?? 0,
    /** Takes a line of prose in, which may begin or end list items. */
    read(line: string): void {
      const item = LIST_ITEM.exec(line);
      const width = indentation(line);
      margins = margins.filter((margin) => margin <= width);
      if (item)
        margins.push(width + (item[2] as string).length + Math.min(4, (item[3] as string).length || 1));
    },
  };
}
