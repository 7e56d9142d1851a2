import { mathReader } from './math.ts';

/** A link or an image in a block: `[label](target)`, as indices. */
export interface LinkSpan {
  /** Of the `[`. */
  open: number;
  /** Of the `]`. */
  close: number;
  /** Behind the `)`. */
  end: number;
  /** The target without title and angle brackets. */
  url: string;
}

/** A piece of a block of prose in which nothing is emphasis or a name, as indices. */
export interface Atom {
  kind: 'code' | 'escape' | 'link' | 'math' | 'address' | 'autolink' | 'backticks';
  start: number;
  end: number;
}

/** What of a block of Markdown is not plain text, read in linear time whatever it contains. */
export interface Inline {
  /** In their order; none lies in another. */
  atoms: readonly Atom[];
  /** Code spans: index of the first backtick to the index behind the last. */
  code: ReadonlyMap<number, number>;
  /** Lengths of backtick runs that open nothing. */
  strayBackticks: ReadonlySet<number>;
  /** The link or image that begins at this index (its `[` or `!`), or null. */
  linkAt(at: number): LinkSpan | null;
}

/** What lies between a `(` and its `)`. */
interface Round {
  close: number;
  /** Index of the first white space inside, or -1. */
  blank: number;
}

const ATOM = /`+|[\\$<[]|!\[|[a-z][a-z0-9+.-]{1,31}:\/\/|\bwww\./gi;
const ADDRESS_CHARS = '[^\\s<>|`"\'\\u2018-\\u201d\\u3000-\\u9fff\\uff00-\\uffef]+';
/** A sentence may go on right behind an address; CJK letters are part of it only between its own marks. */
const ADDRESS = new RegExp(
  `(?:[a-z][a-z0-9+.-]{1,31}://|www\\.)${ADDRESS_CHARS}` +
    `(?:(?<=[_/.=-])[\\u3040-\\u30ff\\u4e00-\\u9fff]+(?:$|(?=[\\s)\\]])|(?=[_/.-])${ADDRESS_CHARS}))*`,
  'iy',
);
const AUTOLINK = /<[a-z][a-z0-9+.-]{1,31}:\/\/[^\s<>]*>/iy;
const ESCAPE = /\\[!-/:-@[-`{-~]/y;

/** Whether a backslash at this index takes the meaning of the next character. */
export function isEscape(text: string, at: number): boolean {
  ESCAPE.lastIndex = at;
  return ESCAPE.test(text);
}

/** Reads a block as CommonMark does: code binds tighter than brackets, brackets tighter than emphasis. */
export function readInline(text: string): Inline {
  const { code, stray } = codeSpans(text);
  const { square, round } = brackets(text, code);
  const linkAt = (at: number): LinkSpan | null => {
    const open = text[at] === '!' && text[at + 1] === '[' ? at + 1 : at;
    const close = square.get(open);
    const target = close === undefined ? undefined : round.get(close + 1);
    if (close === undefined || target === undefined) return null;
    const url = targetOf(text, close + 2, target);
    return url === null ? null : { open, close, end: target.close + 1, url };
  };
  return { atoms: atoms(text, code, linkAt), code, strayBackticks: stray, linkAt };
}

function atoms(
  text: string,
  code: ReadonlyMap<number, number>,
  linkAt: (at: number) => LinkSpan | null,
): Atom[] {
  const found: Atom[] = [];
  const math = mathReader(text);
  const endOf = (pattern: RegExp, at: number): number => {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : -1;
  };
  const atomAt = (start: number, matched: string): Atom | null => {
    const atom = (kind: Atom['kind'], end = -1): Atom | null => (end > start ? { kind, start, end } : null);
    const char = matched[0];
    if (char === '`') return atom('code', code.get(start)) ?? atom('backticks', start + matched.length);
    if (char === '$') return atom('math', math.endAt(start));
    if (char === '\\') {
      return atom('math', math.endAt(start)) ?? (isEscape(text, start) ? atom('escape', start + 2) : null);
    }
    if (char === '[' || char === '!') return atom('link', linkAt(start)?.end);
    if (char === '<') return atom('autolink', endOf(AUTOLINK, start));
    const address = endOf(ADDRESS, start);
    return address === -1 ? null : atom('address', start + withoutTail(text.slice(start, address)).length);
  };
  for (let match = nextAtom(text, 0); match; ) {
    const atom = atomAt(match.index, match[0]);
    if (atom) found.push(atom);
    match = nextAtom(text, atom?.end ?? match.index + 1);
  }
  return found;
}

function nextAtom(text: string, from: number): RegExpExecArray | null {
  ATOM.lastIndex = from;
  return ATOM.exec(text);
}

/** An address without what is more likely the end of the sentence around it. */
function withoutTail(address: string): string {
  let end = address.length;
  while (end > 0 && '*_.,;:!?)]}~\\$'.includes(address[end - 1] as string)) end--;
  return address.slice(0, end);
}

function codeSpans(text: string): { code: Map<number, number>; stray: Set<number> } {
  const runs = new Map<number, number[]>();
  for (const { 0: run, index } of text.matchAll(/`+/g)) {
    const same = runs.get(run.length);
    if (same) same.push(index);
    else runs.set(run.length, [index]);
  }
  for (const same of runs.values()) same.reverse();
  const code = new Map<number, number>();
  const stray = new Set<number>();
  const opener = /\\[!-/:-@[-`{-~]|`+/g;
  for (let match = opener.exec(text); match; match = opener.exec(text)) {
    if (match[0].startsWith('\\')) continue;
    const length = match[0].length;
    const same = runs.get(length) ?? [];
    while ((same.at(-1) ?? Number.POSITIVE_INFINITY) < opener.lastIndex) same.pop();
    const closer = same.pop();
    if (closer === undefined) stray.add(length);
    else {
      code.set(match.index, closer + length);
      opener.lastIndex = closer + length;
    }
  }
  return { code, stray };
}

function brackets(text: string, code: ReadonlyMap<number, number>) {
  const square = new Map<number, number>();
  const round = new Map<number, Round>();
  const openSquare: number[] = [];
  const openRound: { at: number; blank: number }[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    const codeEnd = code.get(at);
    const inner = openRound.at(-1);
    if (codeEnd !== undefined) at = codeEnd - 1;
    else if (isEscape(text, at)) at++;
    else if (char === '[') openSquare.push(at);
    else if (char === '(') openRound.push({ at, blank: -1 });
    else if (char === ']') {
      const open = openSquare.pop();
      if (open !== undefined) square.set(open, at);
    } else if (char === ')' && inner) {
      openRound.pop();
      round.set(inner.at, { close: at, blank: inner.blank });
      const outer = openRound.at(-1);
      if (outer?.blank === -1) outer.blank = inner.blank;
    } else if (inner?.blank === -1 && char.trim() === '') inner.blank = at;
  }
  return { square, round };
}

/** The link target in these brackets, or null where they hold prose. */
function targetOf(text: string, from: number, { close, blank }: Round): string | null {
  if (text[from] === '<') return text[close - 1] === '>' ? text.slice(from + 1, close - 1) : null;
  if (blank === -1) return text.slice(from, close);
  const quote = text[blank + 1] as string;
  const titled =
    `"'(`.includes(quote) && blank + 2 < close && text[close - 1] === (quote === '(' ? ')' : quote);
  return titled ? text.slice(from, blank) : null;
}
