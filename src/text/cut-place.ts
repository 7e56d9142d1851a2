import { type Fence, fenceAfterLine, openedBy } from './fences.ts';
import type { Wholes } from './keep-whole.ts';
import { reach, type TextLimits } from './part-limits.ts';

/** A preferred place counts only in the second half of what fits: parts cost quota, so none is tiny. */
const FLOOR = 0.5;
/** Characters looked at behind the last that fits, to see what a cut there would come before. */
const AHEAD = 64;
/** Places of one kind tried from the last backwards; more are only met in hostile text. */
const TRIES = 32;

const SENTENCE_END = /[。！？；…]+["'”’」』）)\]】》〉]*|(?<![.!?])[.!?]+["'”’)\]]*(?=\s)/g;
const WORD_END = /[ \t\u3000]+|[，、：]["'”’」』）)\]】》〉]*/g;

/** What would be a fence, a list item, a heading or a quote at the start of a part. */
const BLOCK_MARK = /^(?:`{3}|~{3}|(?:[-+*]|#{1,6}|\d{1,9}[.)])\s|>)/;
const EXTENDS = /^(?:\p{M}|\p{Grapheme_Extend}|[\u200d\u0e33\u0eb3])/u;

/** Made when the first text is cut: it costs 14 ms, which a start need not pay. */
let segmenter: Intl.Segmenter | undefined;

/** What of the text a cut is looked for in: a slice, so that a long rest costs nothing. */
interface View {
  text: string;
  /** Indices into `text`: the first place that is far enough, the last that fits. */
  floor: number;
  end: number;
  graphemes: Intl.Segments;
  /** Whether a cut here would part what should stay whole. */
  parts(at: number): boolean;
}

/**
 * Where a part that begins at `from` ends: behind the last paragraph, line, sentence or word that fits,
 * else between two graphemes; inside one only when it alone is larger than the limits. White space at the
 * returned index belongs to neither part. `fence` is the code block open at `from`.
 */
export function findCut(
  text: string,
  from: number,
  limits: TextLimits,
  fence: Fence | null,
  maxMarker: number,
  wholes: Wholes,
): number {
  const end = reach(text, from, limits);
  if (end === text.length) return end;
  const slice = text.slice(from, end + AHEAD);
  segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const view: View = {
    text: slice,
    floor: Math.ceil((end - from) * FLOOR),
    end: end - from,
    graphemes: segmenter.segment(slice),
    parts: (at) => wholes.parts(from + at),
  };
  return (
    from +
    (lineCut(view, fence, maxMarker) ??
      punctuationCut(view, SENTENCE_END) ??
      punctuationCut(view, WORD_END) ??
      wholeCut(view) ??
      graphemeCut(view))
  );
}

/**
 * Index of the line end to cut at. Best between paragraphs and at the edges of code blocks, then at an empty
 * line of code, then anywhere except right behind the line that opens a block, last in front of a nested line.
 */
function lineCut({ text, floor, end, parts }: View, before: Fence | null, maxMarker: number): number | null {
  let fence = before;
  let best: { rank: number; at: number } | null = null;
  let start = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at <= end; at = text.indexOf('\n', start)) {
    const earlier = fence;
    fence = fenceAfterLine(text.slice(start, at), earlier, maxMarker);
    start = at + 1;
    if (at < floor || (fence && !earlier) || parts(at)) continue;
    const next = lineAt(text, start);
    const edge = !fence && (earlier !== null || openedBy(next, maxMarker) !== null);
    // At the start of a part the indentation of a nested item would make it code.
    const nested = !fence && /^(?: {2}|\t)/.test(next);
    const rank = next.trim() === '' ? (fence ? 2 : 3) : edge ? 3 : nested ? 0 : 1;
    if (!best || rank >= best.rank) best = { rank, at };
  }
  return best?.at ?? null;
}

function lineAt(text: string, start: number): string {
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end);
}

/** Index behind the last match that fits; in front of it where the match is white space. */
function punctuationCut(view: View, pattern: RegExp): number | null {
  const places: number[] = [];
  const offset = view.floor;
  for (const match of view.text.slice(offset).matchAll(pattern)) {
    const blank = match[0].trim() === '';
    const at = offset + match.index + (blank ? 0 : match[0].length);
    if (at > view.end) break;
    if (!view.parts(at)) places.push(at);
  }
  return places.slice(-TRIES).findLast((at) => isSound(view, at)) ?? null;
}

/** Index in front of what should stay whole and does not fit, however much is left free behind it. */
function wholeCut(view: View): number | null {
  if (!view.parts(view.end)) return null;
  let at = view.end;
  while (at > 0 && view.parts(at)) at--;
  if (view.text[at - 1] === '\n') return at > 1 ? at - 1 : null;
  return at > 0 && isSound(view, at) ? at : null;
}

function graphemeCut(view: View): number {
  let at = view.end;
  for (let tries = 0; tries < TRIES; tries++) {
    const start = view.graphemes.containing(at)?.index ?? 0;
    if (start === 0) break;
    if (isSound(view, start)) return start;
    at = start - 1;
  }
  return view.graphemes.containing(view.end)?.index || view.end;
}

/** Whether a cut inside a line parts no grapheme and leaves nothing behind it that begins a block by chance. */
function isSound({ text, graphemes }: View, at: number): boolean {
  const rest = skipSpaces(text, at);
  const starts = (index: number) => index >= text.length || graphemes.containing(index)?.index === index;
  return starts(at) && starts(rest) && !BLOCK_MARK.test(text.slice(rest, rest + 12));
}

/** Index behind the white space of a line; a space that carries a combining mark is visible and stays. */
function skipSpaces(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== '\n' && (text[at] as string).trim() === '') at++;
  return at > from && EXTENDS.test(text.slice(at, at + 2)) ? at - 1 : at;
}

/** Where the next part begins: behind white space, but with the indentation of a line, which code and lists need. */
export function resumeAt(text: string, cut: number): number {
  let at = skipSpaces(text, cut);
  if (text[at] !== '\n') return at;
  let lineStart = at;
  while (text[at] === '\n') {
    lineStart = at + 1;
    at = skipSpaces(text, lineStart);
  }
  return at === text.length ? at : lineStart;
}
