/** Medians and ratios, and how they are shown. */

/** The value below which `share` of the samples lie. */
export function percentile(samples, share) {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** The middle value. */
export function median(samples) {
  return percentile(samples, 0.5);
}

/**
 * One line of the table: what wxagent does (`ours`) beside what `bare` does, in the same unit.
 * `atMost` or `atLeast` is the target for ours / bare; neither: shown for orientation only.
 */
export function figure({ name, unit, ours, bare, beside, atMost = null, atLeast = null }) {
  const ratio = ours / bare;
  const isMet = (atMost === null || ratio <= atMost) && (atLeast === null || ratio >= atLeast);
  return { name, unit, ours, bare, beside, ratio, atMost, atLeast, isMet };
}

/** Says on stderr what belongs to no figure. */
export function note(text) {
  process.stderr.write(`bench: ${text}\n`);
}

/** All figures as a table for people. */
export function tableOf(figures) {
  const rows = figures.map((one) => [
    one.name,
    shown(one.ours, one.unit),
    shown(one.bare, one.unit),
    one.beside,
    one.ratio.toFixed(2),
    targetOf(one),
    one.atMost === null && one.atLeast === null ? '' : one.isMet ? 'met' : 'MISSED',
  ]);
  const head = ['figure', 'wxagent', 'bare', 'bare is', 'ratio', 'target', ''];
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const numeric = new Set([1, 2, 4]);
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) =>
          numeric.has(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function shown(value, unit) {
  const digits = unit === 'ms' && value < 20 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}

function targetOf({ atMost, atLeast }) {
  if (atMost !== null) return `<= ${atMost}`;
  return atLeast === null ? '' : `>= ${atLeast}`;
}
