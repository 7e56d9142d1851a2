import { closedBy, type Fence, openedBy } from './fences.ts';
import { shapeInline } from './shape-inline.ts';

const QUOTE = /^[ \t>]+/;
const CONTAINER = /^(?:[ \t>]|[-+*][ \t]|\d+[.)][ \t])+/;
const SMALL_HEADING = /^((?:[ \t]*>)* {0,3})(?:#{5,6}[ \t]+)+(?=\S)/;
const BLOCK_START = /^\s*(?:$|[-+*][ \t]|\d+[.)][ \t]|#{1,6}[ \t]|>|\|)/;

/** Without one of these nothing is changed: headings, emphasis, identifiers, images, a bare `<`. */
const SHAPED = /[#*_<!]/;

/**
 * Turns Markdown into what the phone shows rightly (design 3 "Shape", protocol 11): small headings and CJK
 * italics lose their marks, images become links, a bare `<` becomes `＜`, identifiers get backticks. Code is
 * never touched. Linear in the length of the text, whatever it contains.
 */
export function shapeForWeChat(markdown: string): string {
  // Most of what people and agents say in a chat has nothing of what is changed here.
  if (!SHAPED.test(markdown)) return markdown;
  const shaped: string[] = [];
  let block: string[] = [];
  let fence: Fence | null = null;
  const endBlock = () => {
    if (block.length > 0) shaped.push(shapeInline(block.join('\n')));
    block = [];
  };
  for (const line of markdown.split('\n')) {
    // Fences inside lists and quotes count too, however deep: what may be code is left alone.
    const opened: Fence | null = fence ? null : openedBy(line.replace(CONTAINER, ''));
    if (fence || opened) {
      endBlock();
      shaped.push(line);
      if (fence) fence = closedBy(line.replace(QUOTE, ''), fence) ? null : fence;
      else fence = opened;
      continue;
    }
    // Marks pair within a paragraph only: a stray one in a list item must not reach into the next.
    if (BLOCK_START.test(line)) endBlock();
    if (line.trim() === '') shaped.push(line);
    else block.push(withoutSmallHeading(line));
    if (/^\s*#/.test(line)) endBlock();
  }
  endBlock();
  return shaped.join('\n');
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
