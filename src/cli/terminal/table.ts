import { sanitized } from './printer.ts';

/** Rows as lines of aligned columns, two spaces apart. */
export function table(cells: readonly (readonly string[])[]): string[] {
  const rows = cells.map((row) => row.map(sanitized));
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, widthOf(cell));
  return rows.map((row) =>
    row
      .map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - widthOf(cell)))
      .join('  ')
      .trimEnd(),
  );
}

/** Columns a text takes on a terminal: East Asian characters take two. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/.test(
        char,
      )
        ? 2
        : 1;
  return width;
}

/** A text on one line of a table, cut to `limit` columns. */
export function excerpt(text: string, limit: number): string {
  const line = sanitized(text).replace(/\s+/g, ' ').trim();
  const chars = [...line];
  return chars.length > limit ? `${chars.slice(0, limit - 1).join('')}…` : line;
}
