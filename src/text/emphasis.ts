import type { Atom } from './inline.ts';

const LETTER = /[\p{L}\p{N}]/u;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const ASCII_WORD = /[A-Za-z0-9]/;
const CJK = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]/u;
/** What `_` beside it is part of: a word, or a face such as `^_^`. */
const NO_EDGE = /(?![|~＜＞])[\p{L}\p{N}\p{S}]/u;
/** Behind these a name goes on with `_`, and no emphasis begins. */
const GOES_ON = /[/\\.@$#%=&+)\]}-]/;
const MARKS = /\*+|_+/g;

/** Two runs of marks with what they emphasise between them, as indices. */
export interface Emphasis {
  /** Of the run that opens it, and of the one that closes it. */
  open: number;
  close: number;
  /** Marks in each of the two runs: 1 to 3. */
  length: number;
}

/** How the marks of a block are to be read. */
export interface Marks {
  emphases: readonly Emphasis[];
  /** Runs of `*` that would read as emphasis but multiply, or stand for any name: `2*3*4`, `src/*.ts`. */
  operators: readonly number[];
}

interface Run {
  at: number;
  mark: string;
  before: string;
  after: string;
}

/** Pairs the runs of `*` and `_` outside atoms by the rules of CommonMark, and tells names and formulas apart. */
export function readMarks(text: string, atoms: readonly Atom[]): Marks {
  const emphases: Emphasis[] = [];
  const operators: number[] = [];
  const openers = new Map<string, Run>();
  const table = /^\s*\|/.test(text);
  for (const run of runsOutside(text, atoms)) {
    const { mark } = run;
    const opener = openers.get(mark);
    if (
      opener &&
      flanks(mark, run.after, run.before) &&
      !(table && text.slice(opener.at, run.at).includes('|'))
    ) {
      openers.delete(mark);
      if (mark.startsWith('*') && isOperator(text, opener, run)) operators.push(opener.at, run.at);
      else if (mark.startsWith('*') || !isName(text, opener, run)) {
        emphases.push({ open: opener.at, close: run.at, length: mark.length });
      }
    } else if (flanks(mark, run.before, run.after) && !(mark.startsWith('_') && GOES_ON.test(run.before))) {
      openers.set(mark, run);
    }
  }
  return { emphases, operators };
}

/** Whether an emphasis loses its marks: the phone shows one or three of them raw around CJK (protocol 11). */
export function isRawOnPhone(text: string, { open, close, length }: Emphasis): boolean {
  return length !== 2 && CJK.test(text.slice(open + length, close));
}

/** The runs of one to three marks outside atoms, with the characters around them. */
function* runsOutside(text: string, atoms: readonly Atom[]): Generator<Run> {
  let next = 0;
  for (const { 0: mark, index: at } of text.matchAll(MARKS)) {
    while (next < atoms.length && (atoms[next] as Atom).end <= at) next++;
    const atom = atoms[next];
    if (mark.length > 3 || (atom && atom.start <= at)) continue;
    yield { at, mark, before: charBefore(text, at), after: charAt(text, at + mark.length) };
  }
}

function charAt(text: string, at: number): string {
  return at < text.length ? String.fromCodePoint(text.codePointAt(at) as number) : ' ';
}

function charBefore(text: string, at: number): string {
  if (at === 0) return ' ';
  const low = text.charCodeAt(at - 1);
  return charAt(text, low >= 0xdc00 && low <= 0xdfff && at > 1 ? at - 2 : at - 1);
}

/** CommonMark's flanking rule, from outside: may a run begin emphasis here? CJK letters outside count as ones for `*`. */
function flanks(run: string, outside: string, inside: string): boolean {
  if (inside.trim() === '' || (run.startsWith('_') && NO_EDGE.test(outside))) return false;
  if (!PUNCTUATION.test(inside) || outside.trim() === '' || PUNCTUATION.test(outside)) return true;
  return run.startsWith('*') && CJK.test(outside);
}

/** Whether two runs of `*` are more likely signs: what follows the second goes on like a formula or a path. */
function isOperator(text: string, open: Run, close: Run): boolean {
  const behind = text.slice(close.at + close.mark.length, close.at + close.mark.length + 2);
  const { before, after, mark } = open;
  if (after === '/' && close.before === '/') return true;
  // `(a+b)*(c+d)*(e+f)`; but `[link](..)**bold**[link](..)`.
  if (/^[([{$]/.test(behind)) {
    return (
      /[A-Za-z0-9)\]]/.test(before) && ('([{$'.includes(after) || (mark === '*' && ASCII_WORD.test(after)))
    );
  }
  if (!/^(?:[A-Za-z0-9_]|[./\\][A-Za-z0-9_*])/.test(behind)) return false;
  if (/[A-Za-z0-9./\\)\]]/.test(before)) return mark === '*' || !CJK.test(after);
  if (!LETTER.test(after)) return './\\'.includes(after);
  // `int *a, b*c`: emphasis of several words does not end within one.
  const words = ASCII_WORD.test(close.before) && /\s/.test(text.slice(open.at, close.at));
  if (words && ASCII_WORD.test(close.after)) return true;
  // `*args和*rest`: both are names with a mark in front of them.
  return /[a-z_]/.test(after) && /[a-z_]/.test(close.after) && !ASCII_WORD.test(close.before);
}

/** Whether two runs of `_` belong to one name: `__init__.py`, `_my_name_`, `src/_x_/y`. */
function isName(text: string, open: Run, close: Run): boolean {
  const inside = text.slice(open.at + open.mark.length, close.at);
  if (/\s/.test(inside)) return false;
  const behind = text.slice(close.at + close.mark.length, close.at + close.mark.length + 3);
  return (
    inside.includes('_') ||
    (open.mark.length === 2 && /^[A-Za-z0-9]+$/.test(inside)) ||
    /^(?:[./\\@=:-][\p{L}\p{N}]|[/\\([])/u.test(behind)
  );
}
