import stringWidth from 'string-width';
import { sanitized } from './printer.ts';

/** Rows as lines of aligned columns, two spaces apart. */
export function table(cells: readonly (readonly string[])[]): string[] {
  // Each cell is measured once: of very many rows that is most of the work.
  const rows = cells.map((row) =>
    row.map((cell) => {
      const text = sanitized(cell);
      return { text, width: /^[ -~]*$/.test(text) ? text.length : stringWidth(text) };
    }),
  );
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, { width }] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, width);
  return rows.map((row) =>
    row
      .map(({ text, width }, at) => text + ' '.repeat((widths[at] ?? 0) - width))
      .join('  ')
      .trimEnd(),
  );
}
