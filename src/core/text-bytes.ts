/** The beginning of a text that fits into `maxBytes` of UTF-8, whole characters only, and whether any is missing. */
export function cutUtf8(text: string, maxBytes: number): { value: string; cut: boolean } {
  if (text.length * 3 <= maxBytes) return { value: text, cut: false };
  // A UTF-16 unit has at least one byte, so what lies further back cannot fit.
  const bytes = Buffer.from(text.slice(0, maxBytes + 1), 'utf8');
  if (bytes.length <= maxBytes) return { value: text, cut: false };
  let end = maxBytes;
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return { value: bytes.toString('utf8', 0, end), cut: true };
}

/** Text in UTF-8, without a mark before it; null: it is none. */
export function utf8Of(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** A text as a piece of an address. Half a character (a lone surrogate) becomes a replacement mark, as in all that is stored. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** The last line of a text that holds more than blanks; '' when there is none. */
export function lastLineOf(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.trim() ?? '';
}

/** The last line with a word in it; of a crash of Node its error, which stands above the stack and Node's version. */
export function tellingLineOf(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  const last = lines.findLast((line) => /\p{L}/u.test(line)) ?? lastLineOf(text);
  if (!/^Node\.js v\d/.test(last)) return last;
  return text.match(/^\w*Error(?: \[\w+\])?: .*/gm)?.at(-1) ?? last;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
