const RUN = /(?:(?![\u0080-\u{10ffff}])[^\s`|]|[_\p{Pc}]|(?![\p{P}\s`|＜＞])[\u0080-\u{10ffff}])+/gu;
/** A tag of HTML, but no parameter of a type: `List<String>`. */
const TAG = /<\/[A-Za-z][A-Za-z0-9-]*>|(?<![A-Za-z0-9_])<[A-Za-z][A-Za-z0-9-]*\/?>|<br\/?>/gi;
const PARTNER: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' };
/** A symbol or an emoji at an edge is decoration, unless the name goes on beside it. */
const SYMBOLS_BEFORE = /^(?:(?!\p{ASCII})(?:[\p{S}\p{Emoji_Modifier}]|\u{200d}|\u{fe0f}))+(?![_./\\-])/u;
const SYMBOLS_AFTER = /(?<![_./\\-])(?:(?!\p{ASCII})(?:[\p{S}\p{Emoji_Modifier}]|\u{200d}|\u{fe0f}))+$/u;

/** A name in a text, as indices. */
export interface Name {
  start: number;
  end: number;
}

/**
 * The names in a stretch of prose whose underscores or stars the phone would swallow: whole runs without a
 * blank, in any script, without the punctuation, quotes and brackets around them. `isMark` tells which
 * characters of the stretch make a run such a name.
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

function trimmed(text: string, { start, end }: Name): Name {
  let name = { start, end };
  for (;;) {
    const next = trimmedOnce(text, name);
    if (next.start === name.start && next.end === name.end) return name;
    name = next;
  }
}

function trimmedOnce(text: string, name: Name): Name {
  let { start, end } = name;
  const quote = text.slice(start, end).split("'").length === 2 ? "'" : '';
  const colon = text[start] === ':' ? '' : ':';
  while (start < end && `,;!?${quote}`.includes(text[start] as string)) start++;
  while (end > start && `.,;!?${quote}${colon}`.includes(text[end - 1] as string)) end--;
  const piece = text.slice(start, end);
  if (piece.length > 4 && piece.startsWith('~~') && piece.endsWith('~~'))
    return { start: start + 2, end: end - 2 };
  const before = SYMBOLS_BEFORE.exec(piece)?.[0].length ?? 0;
  const after = before < piece.length ? (SYMBOLS_AFTER.exec(piece)?.[0].length ?? 0) : 0;
  start += before;
  end -= after;
  return enclosed(text, start, end) ? { start: start + 1, end: end - 1 } : { start, end };
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
