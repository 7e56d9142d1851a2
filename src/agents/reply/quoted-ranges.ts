/** Where a code block opens, perhaps as an item of a list, and a line that closes one. */
const OPENING = /^[ \t]*(?:[-*+][ \t]+|\d+[.)][ \t]+)?(`{3,}(?=[^`]*$)|~{3,})/;
const CLOSING = /^[ \t]*(`{3,}|~{3,})[ \t]*$/;
const BLOCKQUOTE = /^[ \t]*>/;

interface Line {
  at: number;
  end: number;
  text: string;
}

/** Where code blocks, code spans and blockquotes begin and end, in order. One that is never closed is none. Linear. */
export function quotedRanges(text: string): [number, number][] {
  const ranges: [number, number][] = [];
  const lines = linesOf(text);
  const closingOf = closings(lines);
  const spans = spansOf(text);
  let at = 0;
  for (let nth = 0; nth < lines.length; nth++) {
    const line = lines[nth] as Line;
    // Not where a span of an earlier line still goes on.
    if (at <= line.at) {
      const closing = closingOf(nth);
      const last = closing === null && !BLOCKQUOTE.test(line.text) ? null : (closing ?? nth);
      if (last !== null) {
        at = (lines[last] as Line).end;
        ranges.push([line.at, at]);
        nth = last;
        continue;
      }
    }
    for (const { index } of line.text.matchAll(/`+/g)) {
      const from = line.at + index;
      const end = from < at ? undefined : spans.get(from);
      if (end === undefined) continue;
      ranges.push([from, end]);
      at = end;
    }
  }
  return ranges;
}

function linesOf(text: string): Line[] {
  let at = 0;
  return text.split('\n').map((line) => {
    const found = { at, end: at + line.length, text: line };
    at = found.end + 1;
    return found;
  });
}

/** Finds the line that closes the block which a line opens; null where it opens none, or nothing closes it. */
function closings(lines: readonly Line[]): (nth: number) => number | null {
  const markers = lines.map(({ text }) => CLOSING.exec(text)?.[1] ?? '');
  /** The longest of each kind from a line on: a search begins only where it ends. */
  const longest = { '`': new Array<number>(lines.length + 1), '~': new Array<number>(lines.length + 1) };
  for (const kind of ['`', '~'] as const) {
    longest[kind][lines.length] = 0;
    for (let nth = lines.length - 1; nth >= 0; nth--) {
      const marker = markers[nth] as string;
      const later = longest[kind][nth + 1] as number;
      longest[kind][nth] = marker[0] === kind ? Math.max(later, marker.length) : later;
    }
  }
  return (opening) => {
    const marker = OPENING.exec((lines[opening] as Line).text)?.[1];
    if (marker === undefined) return null;
    const kind = marker[0] as '`' | '~';
    if ((longest[kind][opening + 1] as number) < marker.length) return null;
    let nth = opening + 1;
    while (markers[nth]?.[0] !== kind || (markers[nth] as string).length < marker.length) nth++;
    return nth;
  };
}

/** Where the code span ends that each run of backticks would open. */
function spansOf(text: string): Map<number, number> {
  const runs: { at: number; length: number; paragraph: number }[] = [];
  let paragraph = 0;
  for (const { 0: found, index } of text.matchAll(/`+|\n[ \t]*(?=\n)/g)) {
    if (found.startsWith('`')) runs.push({ at: index, length: found.length, paragraph });
    else paragraph++;
  }
  const ends = new Map<number, number>();
  const next = new Map<number, { at: number; paragraph: number }>();
  for (const run of runs.reverse()) {
    const closing = next.get(run.length);
    if (closing?.paragraph === run.paragraph) ends.set(run.at, closing.at + run.length);
    next.set(run.length, run);
  }
  return ends;
}
