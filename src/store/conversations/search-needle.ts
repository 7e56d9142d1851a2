/**
 * The longest piece of a text that stands in the stored bytes as it is wherever the text was written, but for ASCII
 * letters in the other case; null: there is none. JSON escapes quotes and control characters, and letters beyond ASCII
 * have another case that databases do not fold alike.
 */
export function needleOf(text: string): Buffer | null {
  const pieces = Array.from(text.toWellFormed(), (one) => (isSure(one) ? one : '\n'))
    .join('')
    .split('\n');
  const longest = pieces.map((piece) => Buffer.from(piece, 'utf8')).sort((a, b) => b.length - a.length)[0];
  return longest && longest.length > 0 ? longest : null;
}

function isSure(character: string): boolean {
  if (character === '"' || character === '\\' || character === '\ufffd') return false;
  if (character < '\x80') return character >= ' ' && character !== '\x7f';
  return character.toLowerCase() === character.toUpperCase();
}
