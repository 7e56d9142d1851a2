const RULE = /^[ \t>]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t\r]*$/;

/** A table in a text, as indices. */
export interface Table {
  /** Of its header. */
  start: number;
  /** Of the first row behind the rule. */
  rows: number;
  /** Behind its last row. */
  end: number;
  /** Header and rule, as they stand. */
  head: string;
}

/** The tables in a stretch of whole lines without code. */
export function tablesIn(text: string, start: number, end: number): Table[] {
  const tables: Table[] = [];
  /** Where the line before begins, if it may be a header. */
  let header: number | null = null;
  let table: Table | null = null;
  for (let at = start; at < end; ) {
    const lineEnd = endOfLine(text, at, end);
    const line = text.slice(at, lineEnd);
    const isRow = line.includes('|');
    if (table && isRow) table.end = lineEnd;
    else if (header !== null && isRow && RULE.test(line)) {
      table = { start: header, rows: lineEnd + 1, end: lineEnd, head: text.slice(header, lineEnd) };
      tables.push(table);
    } else table = null;
    header = isRow && !table ? at : null;
    at = lineEnd + 1;
  }
  return tables;
}

/** Index of the line end behind `at`, or `end`. */
export function endOfLine(text: string, at: number, end = text.length): number {
  const found = text.indexOf('\n', at);
  return found === -1 || found > end ? end : found;
}
