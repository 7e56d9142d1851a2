import { readBlocks } from './blocks.ts';
import { shapeInline } from './shape-inline.ts';

const SMALL_HEADING = /^((?:[ \t]*>)* {0,3})(?:#{5,6}[ \t]+)+(?=\S)/;

/** Without one of these nothing is changed: headings, emphasis, identifiers, images, a bare `<`. */
const SHAPED = /[#*_<!]/;

/**
 * Turns Markdown into what the phone shows rightly (protocol 11): small headings and CJK
 * italics lose their marks, images become links, a bare `<` becomes `＜`, identifiers get backticks. Code is
 * never touched. Linear in the length of the text, whatever it contains.
 */
export function shapeForWeChat(markdown: string): string {
  // Most of what people and agents say in a chat has nothing of what is changed here.
  if (!SHAPED.test(markdown)) return markdown;
  return readBlocks(markdown)
    .map(({ kind, start, end }) => {
      const text = markdown.slice(start, end);
      if (kind !== 'prose') return text;
      return shapeInline(text.split('\n').map(withoutSmallHeading).join('\n'));
    })
    .join('\n');
}

/** A heading of level 5 or 6 as plain text; the phone shows its marks raw. */
function withoutSmallHeading(line: string): string {
  const text = line.replace(SMALL_HEADING, '$1');
  if (text === line) return line;
  const trimmed = text.trimEnd();
  let end = trimmed.length;
  while (trimmed[end - 1] === '#') end--;
  const closed = end < trimmed.length && /[ \t]/.test(trimmed[end - 1] ?? '');
  return closed ? trimmed.slice(0, end).trimEnd() : text;
}
