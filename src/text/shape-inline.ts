import { emphasisWriter } from './emphasis.ts';
import { type Inline, isEscape, type LinkSpan, readInline } from './inline.ts';

const PLAIN = /[^\\`*_<![A-Za-z0-9./-]+/y;
const MARKS = /\*+|_+/y;
const WORD = /_*[A-Za-z0-9./-]+(?:_+[A-Za-z0-9./-]+)*/y;
const IDENTIFIER = /[A-Za-z0-9]_+[A-Za-z0-9]/;
const ADDRESS = /[a-z][a-z0-9+.-]{1,31}:\/\/[^\s<>|`"'\u2018-\u201d\u3000-\u9fff\uff00-\uffef]+/iy;
const AUTOLINK = /<[a-z][a-z0-9+.-]{1,31}:\/\/[^\s<>]*>/iy;
const CJK = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}]/u;

/** Shapes one paragraph, heading, list item or table row of Markdown without fenced code (design 3 "Shape"). */
export function shapeInline(text: string): string {
  const inline = readInline(text);
  const quote = '`'.repeat(unusedLength(inline.strayBackticks));
  const out = emphasisWriter();
  let at = 0;
  const read = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? '';
  };
  /** Writes the next `length` characters, in another shape if one is given. */
  const write = (length: number, shaped = text.slice(at, at + length)) => {
    out.write(shaped, CJK.test(shaped));
    at += length;
  };
  const writeWord = (word: string) => {
    const name = withoutTail(word, '.-');
    const besideCode = text[at - 1] === '`' || text[at + name.length] === '`';
    if (!IDENTIFIER.test(name) || besideCode) return write(word.length);
    write(name.length, quote + name + quote);
    write(word.length - name.length);
  };
  const writeMarks = (run: string) => {
    out.mark(run, text[at - 1] ?? ' ', text[at + run.length] ?? ' ');
    at += run.length;
  };

  while (at < text.length) {
    const codeEnd = inline.code.get(at);
    const link = linkAt(text, at, inline);
    if (codeEnd !== undefined) write(codeEnd - at);
    else if (isEscape(text, at)) write(2, text[at + 1] === '<' ? '＜' : undefined);
    else if (link) write(link.end - at, shapeLink(text, link, inline));
    else if (text[at] === '`') write(read(/`+/y).length);
    else if (text[at] === '<') {
      const autolink = read(AUTOLINK);
      write(autolink.length || 1, autolink.slice(1, -1) || '＜');
    } else {
      const address = withoutTail(read(ADDRESS), '*_.,;:!?)]}~\\');
      const word = address ? '' : read(WORD);
      const marks = read(MARKS);
      // `_word_` is emphasis, `_word` a name that begins with the mark.
      const emphasised = word === '' || !IDENTIFIER.test(word) || text[at + word.length] === '_';
      if (address) write(address.length);
      else if (marks && emphasised) writeMarks(marks);
      else if (word) writeWord(word);
      else write(read(PLAIN).length || 1);
    }
  }
  return out.text();
}

/** The link or image that begins here. */
function linkAt(text: string, at: number, inline: Inline): LinkSpan | null {
  if (text[at] === '[') return inline.linkAt(at);
  return text[at] === '!' && text[at + 1] === '[' ? inline.linkAt(at + 1) : null;
}

/** A link or an image as a link the phone shows; one without a label is its bare address. */
function shapeLink(text: string, link: LinkSpan, inline: Inline): string {
  const label = labelOf(text, link, inline);
  if (label.trim() === '') return link.url;
  return link.url === '' ? label : `[${label}]${text.slice(link.close + 1, link.end)}`;
}

/** The label of a link: images in it become their own labels, since links do not nest. */
function labelOf(text: string, link: LinkSpan, inline: Inline): string {
  const label: string[] = [];
  const imageEnds = new Map<number, number>();
  for (let at = link.open + 1; at < link.close; ) {
    const verbatimEnd = inline.code.get(at) ?? (isEscape(text, at) ? at + 2 : undefined);
    const image = text[at] === '!' ? linkAt(text, at, inline) : null;
    const imageEnd = imageEnds.get(at);
    if (verbatimEnd !== undefined) {
      label.push(text.slice(at, verbatimEnd));
      at = verbatimEnd;
    } else if (image) {
      imageEnds.set(image.close, image.end);
      at += 2;
    } else if (imageEnd !== undefined) at = imageEnd;
    else {
      label.push(text[at] === '<' ? '＜' : (text[at] as string));
      at++;
    }
  }
  return label.join('');
}

/** The shortest run of backticks that pairs with none of the stray ones. */
function unusedLength(strays: ReadonlySet<number>): number {
  let length = 1;
  while (strays.has(length)) length++;
  return length;
}

function withoutTail(text: string, tail: string): string {
  let end = text.length;
  while (end > 0 && tail.includes(text[end - 1] as string)) end--;
  return text.slice(0, end);
}
