import { quotedRanges } from './quoted-ranges.ts';

/**
 * What models think aloud, where servers leave it in the text: in marks of their own, of which the first one is often
 * swallowed by the template of the model, and the last one by its token limit.
 */

/** What the marks are called; servers put a name of their own before it (`seed:think`, `longcat_think`). */
const NAME = '(?:[a-z]+[:_-])?(?:think|thinking|thoughts?|reasoning|antthinking|scratchpad)';

/** Opening and closing marks; one without its `>` counts at the very end, where tokens ran out in it. */
const MARKS = new RegExp(
  [
    `(?<open><${NAME}(?:\\s[^<>]*)?(?:>|$))`,
    `(?<close><[/\\\\]\\s*${NAME}\\s*(?:>|$))`,
    '(?<openOther>\\[THINK\\]|◁think▷|<\\|begin_of_thought\\|>|<\\|START_THINKING\\|>|<\\|channel>thought\\b|<unused94>thought\\b)',
    '(?<closeOther>\\[/THINK\\]|◁/think▷|<\\|end_of_thought\\|>|<\\|END_THINKING\\|>|<channel\\|>|<unused95>)',
    // What Dify and Open WebUI make of it.
    '(?<openFold><details[^<>]*>\\s*<summary>\\s*(?:thinking|thought|reasoning|思考|已深度思考)[^<]*</summary>|<details type="reasoning"[^<>]*>)',
    '(?<closeFold></details>)',
  ].join('|'),
  'giu',
);

/** What is only about the marks: `<think>` and `</think>`, the <think> tag. */
const SPOKEN_OF = /^\s*(?:tags?|tokens?|blocks?|elements?|marks?|markers?|标签|标记|标识)(?![a-z])/i;
const BETWEEN_SPOKEN = /^(?:\.{0,3}|…|and|or|to|\/|和|与|及|或|到|、)$/i;

interface Mark {
  at: number;
  end: number;
  opens: boolean;
  /** `<details>` is closed by its own mark only. */
  isFold: boolean;
  /** It stands in code or in a quotation: it is only mentioned. */
  isQuoted: boolean;
}

/**
 * An answer without what the model thought before and within it: blocks wherever they stand and however deep, one that
 * was never closed, and everything before a closing mark whose opening one is missing. Marks in code, in quotations and
 * in blockquotes are left alone: an answer may be about them. `isCut`: the tokens ran out, so that what is open at the end
 * is open because of that.
 */
export function withoutThinking(text: string, isCut = false): string {
  const plain = withoutChannels(text);
  const marks = marksOf(plain);
  if (marks.length === 0) return withoutFirstReasons(plain);
  const said: string[] = [];
  let from = 0;
  let didThink = false;
  const lastClose = (fold: boolean): number =>
    marks.findLast(({ opens, isFold }) => !opens && isFold === fold)?.at ?? -1;
  const lastOf = { fold: lastClose(true), other: lastClose(false) };
  for (let index = 0; index < marks.length; ) {
    const mark = marks[index] as Mark;
    const next = index + 1;
    if (mark.isQuoted || isMentioned(plain, mark)) {
      index = next;
      continue;
    }
    if (!mark.opens) {
      index = next;
      if (mark.isFold) continue;
      // All of it so far was thought.
      said.splice(0, said.length, '');
      from = mark.end;
      didThink = true;
      continue;
    }
    const closing = mark.at > (mark.isFold ? lastOf.fold : lastOf.other) ? -1 : closingOf(marks, index);
    const end = closing === -1 ? plain.length : (marks[closing] as Mark).end;
    const isNext = plain.slice(from, mark.at).trim() === '';
    if (closing === -1 && !isCut && !isNext && !beginsBlock(plain, mark)) {
      index = next;
      continue;
    }
    if (closing !== -1 && isMentionedPair(plain, mark, marks[closing] as Mark)) {
      index = closing + 1;
      continue;
    }
    said.push(plain.slice(from, mark.at));
    from = end;
    didThink = true;
    index = closing === -1 ? marks.length : closing + 1;
  }
  if (!didThink) return withoutFirstReasons(plain);
  said.push(plain.slice(from));
  return withoutWrapper(withoutFirstReasons(joinPieces(said)));
}

/** The mark that closes the one at `index`: nested ones are counted; where that does not work out, the last one there is. */
function closingOf(marks: readonly Mark[], index: number): number {
  const { isFold, end } = marks[index] as Mark;
  let depth = 1;
  let last = -1;
  for (let at = index + 1; at < marks.length; at++) {
    const mark = marks[at] as Mark;
    // Thinking has quotations of its own, which may be open at its end.
    if (mark.isFold !== isFold || mark.at < end) continue;
    depth += mark.opens ? 1 : -1;
    if (!mark.opens) last = at;
    if (depth === 0) return at;
  }
  return last;
}

/** Whether a mark that is never closed opens something: it begins the text, a line, or what follows a sentence. */
function beginsBlock(text: string, { at, isFold }: Mark): boolean {
  return !isFold && /(?:^|\n|[.!?:;…。！？：；)\]）”"])[^\S\n]*$/u.test(text.slice(Math.max(0, at - 20), at));
}

function isMentioned(text: string, { at, end, opens }: Mark): boolean {
  if (!SPOKEN_OF.test(text.slice(end, end + 20))) return false;
  // "<think> Tags are..." at the beginning is a thought, whatever it is about.
  return !opens || /\S/.test(text.slice(Math.max(0, at - 20), at));
}

function isMentionedPair(text: string, open: Mark, close: Mark): boolean {
  const isInSentence = /[\p{L}\p{N},，、]\s?$/u.test(text.slice(Math.max(0, open.at - 2), open.at));
  return isInSentence && BETWEEN_SPOKEN.test(text.slice(open.end, close.at).trim());
}

/** The pieces around thoughts, with what stood around each of empty lines and blanks once. */
function joinPieces(pieces: readonly string[]): string {
  const said: string[] = [];
  for (const piece of pieces) {
    const left = said.pop();
    said.push(...(left === undefined ? [piece] : joined(left, piece)));
  }
  return said.join('');
}

/** Two pieces with what belongs between them; only the last element may still change. */
function joined(left: string, right: string): string[] {
  const before = left.trimEnd();
  const after = right.replace(/^\s*\n|^\s+/, '');
  if (before === '') return [after];
  if (after.trim() === '') return [before];
  const gaps = [left.slice(before.length), right.slice(0, right.length - right.trimStart().length)];
  const lines = Math.max(...gaps.map((gap) => count(gap, '\n')));
  if (lines > 0) return [before, lines > 1 ? '\n\n' : '\n', after];
  if (gaps.join('') !== '') return [before, ' ', after];
  return [before, /[.!?。！？]$/u.test(before) ? '\n' : '', after];
}

/** Marks whose names are common words: thoughts only at the beginning, closed, and with something said behind them that is no other mark. */
const FIRST_REASON = /^\s*<(reason|reflection)>[\s\S]*?<\/\1>\s*/i;

function withoutFirstReasons(text: string): string {
  let rest = text;
  for (let found = FIRST_REASON.exec(rest); found; found = FIRST_REASON.exec(rest))
    rest = rest.slice(found[0].length);
  const isSaid = rest !== '' && !/^<(?!(?:answer|final_answer|response|output)>)/i.test(rest);
  return rest !== text && isSaid ? withoutWrapper(rest) : text;
}

/** Models that are taught to think in marks may put the rest into others. */
function withoutWrapper(text: string): string {
  const [, inside] =
    /^\s*<(?:answer|final_answer|response|output)>([\s\S]*?)(?:<\/(?:answer|final_answer|response|output)>\s*)?$/i.exec(
      text,
    ) ??
    /^\s*<\|(?:begin_of_solution|START_RESPONSE)\|>([\s\S]*?)(?:<\|(?:end_of_solution|END_RESPONSE)\|>\s*)?$/.exec(
      text,
    ) ??
    [];
  return inside ?? text;
}

/** Messages of the harmony format (gpt-oss) that a server has not taken apart: only those of the channel `final` are said. */
function withoutChannels(text: string): string {
  const bare = /^\s*(?:assistant)?analysis(?=[A-Z\p{Lo}])[\s\S]*?assistantfinal(?=\S)/u.exec(text);
  if (bare) return text.slice(bare[0].length);
  if (
    !/<\|channel\|>\w[^<\n]*(?:<\|constrain\|>[^<\n]*)?<\|message\|>/.test(text) ||
    isInCode(text, '<|channel|>')
  )
    return text;
  const said: string[] = [];
  for (const message of text.split(/<\|(?:start|end|return|call)\|>/)) {
    const [, header, content] = /^([\s\S]*?)<\|message\|>([\s\S]*)$/.exec(message) ?? [];
    const channel = /<\|channel\|>\s*(\w+)/.exec(header ?? '')?.[1];
    if (content !== undefined && (channel === undefined || channel === 'final')) said.push(content.trim());
  }
  return said.filter((one) => one !== '').join('\n\n');
}

function isInCode(text: string, what: string): boolean {
  const at = text.indexOf(what);
  return quotedRanges(text).some(([start, end]) => start <= at && at < end);
}

function marksOf(text: string): Mark[] {
  const marks: Mark[] = [];
  let ranges: [number, number][] | null = null;
  let nth = 0;
  for (const { 0: whole, index: at, groups = {} } of text.matchAll(MARKS)) {
    ranges ??= quotedRanges(text);
    const end = at + whole.length;
    while ((ranges[nth]?.[1] ?? Number.POSITIVE_INFINITY) <= at) nth++;
    const isQuoted = (ranges[nth]?.[0] ?? Number.POSITIVE_INFINITY) <= at || isInQuotation(text, at, end);
    const { open, openOther, openFold, closeFold } = groups;
    // One that closes itself opens nothing, and in small letters brackets are but brackets.
    if (open?.endsWith('/>') || (whole.startsWith('[') && whole !== whole.toUpperCase())) continue;
    const opens = (open ?? openOther ?? openFold) !== undefined;
    marks.push({ at, end, opens, isFold: (openFold ?? closeFold) !== undefined, isQuoted });
  }
  return marks;
}

const QUOTES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '“': '”',
  '‘': '’',
  '「': '」',
  '『': '』',
  '«': '»',
  '《': '》',
  '(': ')',
  '（': '）',
};

/** The widest quotation that is looked at, on either side of a mark. */
const QUOTATION_CHARS = 300;

/** Whether quotation marks stand around a mark, at it or further off on its line. */
function isInQuotation(text: string, at: number, end: number): boolean {
  const before = text[at - 1] ?? '';
  if (before === '\\') return true;
  if (QUOTES[before] !== undefined && text[end] === QUOTES[before]) return true;
  const left =
    text
      .slice(Math.max(0, at - QUOTATION_CHARS), at)
      .split('\n')
      .at(-1) ?? '';
  const right = text.slice(end, end + QUOTATION_CHARS).split('\n', 1)[0] ?? '';
  if (count(left, '"') % 2 === 1 && right.includes('"')) return true;
  return count(left, '“') > count(left, '”') && right.includes('”');
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}
