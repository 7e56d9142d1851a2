/** What one text part may measure; both hold for every part (protocol 9.1). */
export interface TextLimits {
  /** UTF-16 units, as JavaScript counts; at least 2. */
  maxChars: number;
  /** UTF-8 bytes as sent, a lone surrogate counting 3 (it goes out as U+FFFD); at least 4. */
  maxBytes: number;
}

/** Limits of a part unless `--max-chars` says otherwise: far below what the server refuses (protocol 9.1). */
export const DEFAULT_LIMITS: TextLimits = { maxChars: 4000, maxBytes: 12_000 };

/** Whether the whole text may go out as one part. */
export function fits(text: string, limits: TextLimits): boolean {
  return text.length <= limits.maxChars && Buffer.byteLength(text) <= limits.maxBytes;
}

/** The largest index up to which `text` from `from` stays within both limits; never inside a surrogate pair. */
export function reach(text: string, from: number, limits: TextLimits): number {
  const last = Math.min(text.length, from + limits.maxChars);
  let bytes = 0;
  let at = from;
  while (at < last) {
    const code = text.codePointAt(at) as number;
    const units = code > 0xffff ? 2 : 1;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes > limits.maxBytes || at + units > last) break;
    at += units;
  }
  return at;
}

/** What is left of the limits beside some text that goes into the same part. */
export function without(limits: TextLimits, text: string): TextLimits {
  return { maxChars: limits.maxChars - text.length, maxBytes: limits.maxBytes - Buffer.byteLength(text) };
}
