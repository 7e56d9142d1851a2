import type { MediaSource } from '../core/message/media.ts';
import { decodeRaw, readInbound } from '../ilink/message/inbound.ts';
import type { MessageView } from '../store/port/port.ts';
import { timeShown } from './account.ts';

/** A stored message with what it says. */
export type ReadMessage = Omit<MessageView, 'raw'> & {
  text: string;
  media: MediaSource[];
  /** The files of the message it quotes. */
  quoteMedia: MediaSource[];
  /** What it quotes: what it says of that itself, and the ID under which that may be stored. */
  quoteText: string | null;
  quoteTitle: string | null;
  quoteId: string | null;
  /** Types of items that this version cannot read. */
  unknownItems: string[];
};

/** Reads what a stored message says. */
export function readMessage({ raw, ...message }: MessageView): ReadMessage {
  const { text, media, quoteMedia, quoteText, quoteTitle, quoteId, unknownItems } = readInbound(
    decodeRaw(raw),
  );
  return { text, media, quoteMedia, quoteText, quoteTitle, quoteId, unknownItems, ...message };
}

/** A message as `messages --json` and the API show it. */
export function messageShown(message: ReadMessage) {
  const { id, user, state, reason, detail, kind, text, attempt, unknownItems } = message;
  const time = timeShown(message.receivedAtMs);
  return { id, user, state, reason, detail, kind, text, time, attempt, unknownItems };
}
