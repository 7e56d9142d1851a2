const WORD = /[A-Za-z0-9]/;
const BLANK = /\s/;
/** An amount of money and a word: `$5 for two, 6$`. */
const PRICE = /^\d[\d.,_]*[A-Za-z%]?\s+\p{L}{2,}/u;
/** Two sentences, two words, or Chinese between the dollars: prose, unless there is a command in it. */
const PROSE = /[.;!?]\s|[，。；！？→]|(?:^|\s)\p{L}{3,}\s+\p{L}{2,}(?:\s|$)/u;
const ENVIRONMENT = /^\\begin\{[A-Za-z]+\*?\}/;

/** Finds formulas in one text; it remembers what is not closed, so that all of it stays linear. */
export interface MathReader {
  /** Index behind the formula that begins here, or -1. */
  endAt(at: number): number;
}

/** Reads `$..$`, `$$..$$`, `\(..\)`, `\[..\]` and `\begin{..}`; prices and shell variables are not formulas. */
export function mathReader(text: string): MathReader {
  const unclosed = new Set<string>();
  const closedWith = (closer: string, from: number): number => {
    if (unclosed.has(closer)) return -1;
    const end = text.indexOf(closer, from);
    if (end === -1) unclosed.add(closer);
    return end <= from ? -1 : end + closer.length;
  };
  return {
    endAt(at) {
      if (text[at] === '\\') {
        const begin = ENVIRONMENT.exec(text.slice(at, at + 40))?.[0];
        if (begin) return closedWith(endOf(begin), at + begin.length);
        const closer = text[at + 1] === '(' ? '\\)' : text[at + 1] === '[' ? '\\]' : null;
        return closer === null ? -1 : closedWith(closer, at + 2);
      }
      if (text[at] !== '$') return -1;
      return text[at + 1] === '$' ? closedWith('$$', at + 2) : dollarEnd(text, at);
    },
  };
}

/** Index behind `$..$`, or -1. Blanks inside and digits outside tell formulas from `$5 and $6` and `$HOME/$USER`. */
function dollarEnd(text: string, at: number): number {
  if (WORD.test(text[at - 1] ?? '') || BLANK.test(text[at + 1] ?? ' ')) return -1;
  for (let end = at + 1; end < text.length; end++) {
    const char = text[end] as string;
    if (char === '\n' || char === '`') return -1;
    if (char === '\\') end++;
    else if (char === '$') {
      const closes = !BLANK.test(text[end - 1] as string) && !/[A-Za-z0-9_{($]/.test(text[end + 1] ?? '');
      return closes && !isProse(text.slice(at + 1, end)) ? end + 1 : -1;
    }
  }
  return -1;
}

function endOf(begin: string): string {
  return begin.replace('begin', 'end');
}

function isProse(content: string): boolean {
  return PRICE.test(content) || (PROSE.test(content) && !content.includes('\\'));
}

/** What closes the formula of several lines that a line opens, and whether text stands before it; or null. */
export function displayMath(line: string): { closer: string; behindText: boolean } | null {
  const text = line.trim();
  const environment = ENVIRONMENT.exec(text)?.[0];
  const opener = ['$$', '\\['].find((mark) => text.startsWith(mark) || text.endsWith(mark)) ?? environment;
  if (opener === undefined) return null;
  const behindText = !text.startsWith(opener);
  if (opener === '$$') return text.split('$$').length % 2 === 1 ? null : { closer: '$$', behindText };
  const closer = opener === '\\[' ? '\\]' : endOf(opener);
  return text.includes(closer, text.lastIndexOf(opener)) ? null : { closer, behindText };
}
