import { readInbound } from '../../ilink/message/inbound.ts';
import { mergeStored } from '../../ilink/message/merged.ts';

/** How much of a message a notice about it quotes. */
const QUOTE_CHARS = 40;

/** What a notice calls a message: the beginning of its text on one line, or its kind. */
export function excerptOf(said: readonly { raw: Buffer; textFrom: number }[]): string {
  const { text, kind } = readInbound(mergeStored([...said]));
  const line = text.replace(/\s+/g, ' ').trim() || `[${kind}]`;
  return cutTo(line, QUOTE_CHARS);
}

/** A line of at most so many characters. */
export function cutTo(line: string, limit: number): string {
  const chars = [...line];
  return chars.length > limit ? `${chars.slice(0, limit - 1).join('')}…` : line;
}
