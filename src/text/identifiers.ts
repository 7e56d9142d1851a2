const RUN = /(?:(?![\u0080-\u{10ffff}])[^\s`|]|[_\p{Pc}]|(?![\p{P}\s`|＜＞])[\u0080-\u{10ffff}])+/gu;
/** A tag of HTML, but no parameter of a type: `List<String>`. */
const TAG = /<\/[A-Za-z][A-Za-z0-9-]*>|(?<![A-Za-z0-9_])<[A-Za-z][A-Za-z0-9-]*\/?>|<br\/?>/gi;
const PARTNER: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' };
const SYMBOL = /(?!\p{ASCII})[\p{S}\p{Emoji_Modifier}\u{200d}]|\u{fe0f}/u;
/** Where a name goes on beside a symbol; any other symbol or emoji at an edge is decoration. */
const JOINT = /[_./\\-]/;
/** Layers of punctuation, quotes and brackets around a name; more are only met in hostile text. */
const LAYERS = 8;

/** A name in a text, as indices. */
export interface Name {
  start: number;
  end: number;
}

/**
 * The names in a stretch of prose whose underscores or stars the phone would swallow: whole runs without a
 * blank, in any script, without the punctuation, quotes and brackets around them. `operators` are indices
 * of the stars in question.
 */
export function namesIn(text: string, start: number, end: number, operators: ReadonlySet<number>): Name[] {
  const names: Name[] = [];
  for (const { 0: run, index } of text.slice(start, end).matchAll(RUN)) {
    const from = start + index;
    if (!run.includes('_') && !(operators.size > 0 && run.includes('*'))) continue;
    for (const piece of betweenTags(run).flatMap((piece) =>
      segments(text, from + piece.start, from + piece.end),
    )) {
      const name = trimmed(text, piece);
      const characters = text.slice(name.start, name.end);
      let marked = /_/.test(characters) && /[^_]/.test(characters);
      for (let at = name.start; !marked && at < name.end; at++) marked = operators.has(at);
      if (marked) names.push(name);
    }
  }
  return names;
}

function betweenTags(run: string): Name[] {
  const pieces: Name[] = [];
  let start = 0;
  for (const { 0: tag, index } of run.includes('<') ? run.matchAll(TAG) : []) {
    pieces.push({ start, end: index });
    start = index + tag.length;
  }
  return [...pieces, { start, end: run.length }];
}

/** The pieces of a run between brackets and quotes that have no partner in it. */
function segments(text: string, start: number, end: number): Name[] {
  const open: number[] = [];
  const alone: number[] = [];
  const quotes: number[] = [];
  for (let at = start; at < end; at++) {
    const char = text[at] as string;
    if (char === '"') quotes.push(at);
    else if (PARTNER[char]) open.push(at);
    else if (')]}>'.includes(char) && !isArrow(text, at)) {
      if (PARTNER[text[open.at(-1) ?? -1] ?? ''] === char) open.pop();
      else alone.push(at);
    }
  }
  if (quotes.length % 2 === 1) alone.push(...quotes);
  const found: Name[] = [];
  let from = start;
  for (const at of [...alone, ...open].sort((a, b) => a - b)) {
    if (at > from) found.push({ start: from, end: at });
    from = at + 1;
  }
  if (end > from) found.push({ start: from, end });
  return found;
}

/** Whether the `>` here is the point of `->` or `=>`. */
export function isArrow(text: string, at: number): boolean {
  return text[at] === '>' && (text[at - 1] === '-' || text[at - 1] === '=');
}

function trimmed(text: string, name: Name): Name {
  let { start, end } = name;
  for (let layer = 0; layer < LAYERS; layer++) {
    const next = trimmedOnce(text, start, end);
    if (next.start === start && next.end === end) break;
    ({ start, end } = next);
  }
  return { start, end };
}

function trimmedOnce(text: string, from: number, to: number): Name {
  let [start, end] = [from, to];
  const quote = text.slice(start, end).split("'").length === 2 ? "'" : '';
  const colon = text[start] === ':' ? '' : ':';
  while (start < end && `,;!?${quote}`.includes(text[start] as string)) start++;
  while (end > start && `.,;!?${quote}${colon}`.includes(text[end - 1] as string)) end--;
  ({ start, end } = withoutSymbols(text, start, end));
  const width = enclosed(text, start, end) ? 1 : isStruck(text, start, end) ? 2 : 0;
  return { start: start + width, end: end - width };
}

function withoutSymbols(text: string, from: number, to: number): Name {
  const isSymbol = (at: number) => SYMBOL.test(String.fromCodePoint(text.codePointAt(at) as number));
  const width = (at: number) => ((text.codePointAt(at) as number) > 0xffff ? 2 : 1);
  let [start, end] = [from, to];
  while (start < end && isSymbol(start)) start += width(start);
  if (start > from && JOINT.test(text[start] ?? '')) start = from;
  for (let at = end; at > start; end = at) {
    at -= at - 2 >= start && width(at - 2) === 2 ? 2 : 1;
    if (!isSymbol(at)) break;
  }
  return { start, end: end < to && JOINT.test(text[end - 1] ?? '') ? to : end };
}

/** Whether `~~` stands around the whole piece. */
function isStruck(text: string, start: number, end: number): boolean {
  return end - start > 4 && text.startsWith('~~', start) && text.startsWith('~~', end - 2);
}

/** Whether a pair of brackets or quotes stands around the whole piece. */
function enclosed(text: string, start: number, end: number): boolean {
  const first = text[start] as string;
  if (end - start < 2 || !`(["'`.includes(first)) return false;
  if (first === '"' || first === "'") return text.indexOf(first, start + 1) === end - 1;
  let depth = 0;
  for (let at = start; at < end; at++) {
    if (text[at] === first) depth++;
    else if (text[at] === PARTNER[first] && --depth === 0) return at === end - 1;
  }
  return false;
}
