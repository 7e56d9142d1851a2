const ESC = '\\x1b';
const STRING_END = `(?:\\x07|${ESC}\\\\|\\x9c)`;

/**
 * Terminal sequences: CSI (colours, cursor), OSC (titles, links), DCS, SOS, PM and APC
 * strings, and all two-character escapes. A string that is never ended is not one: only
 * its introducer matches, so that it cannot swallow the reply behind it.
 */
const ESCAPES = new RegExp(
  [
    `(?:${ESC}\\[|\\x9b)[0-?]*[ -/]*[@-~]`,
    `(?:${ESC}[\\]PX^_]|[\\x9d\\x90\\x98\\x9e\\x9f])[^\\x07\\x1b\\x9c\\n]*${STRING_END}`,
    `${ESC}[ -/]*[0-~]`,
  ].join('|'),
  'g',
);

/** C0, DEL and C1 but newline and tab; a carriage return is one of them, so CRLF becomes LF. */
const CONTROLS = /(?![\n\t])\p{Cc}/gu;

/** Text a terminal was meant to show, without colours and control characters but newline and tab (contract 4). */
export function stripTerminal(text: string): string {
  return text.replace(ESCAPES, '').replace(CONTROLS, '');
}

/** What a command printed, or a service answered, as the text of a reply; null when it is none (contract 4). */
export function replyTextOf(text: string): string | null {
  const clean = stripTerminal(text).replace(/\n$/, '');
  return clean.trim() === '' ? null : clean;
}

/** Bytes as text; invalid ones become U+FFFD. An encoding nobody knows counts as UTF-8. */
export function decodeText(bytes: Uint8Array, encoding = 'utf-8'): string {
  try {
    return new TextDecoder(encoding).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes);
  }
}
