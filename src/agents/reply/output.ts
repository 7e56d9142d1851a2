import { terminalText } from '../../core/terminal.ts';

/** What a command printed, or a service answered, as the text of a reply; null when it is not text. */
export function replyTextOf(text: string): string | null {
  const clean = terminalText(text).replace(/\n$/, '');
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
