import { basename } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { newClientId } from '../core/ids.ts';
import type { ReplyPiece } from '../core/message.ts';
import type { HeldText, NewPart, PartOrigin } from '../store/port.ts';
import { shapeForWeChat } from '../text/shape.ts';
import { splitText } from '../text/split.ts';
import { mergeHeld } from './notices.ts';

/** Most UTF-8 bytes of a text part: well under what the server takes (protocol 9.1). */
const MAX_BYTES = 12_000;

/** How texts become parts. */
export interface ReplyShape {
  maxChars: number;
  format: 'wechat' | 'raw';
}

/** One text as the parts it is sent in. */
export function textParts(
  text: string,
  shape: ReplyShape,
  head: { origin: PartOrigin; runId: string | null },
): NewPart[] {
  const shaped = shape.format === 'wechat' ? shapeForWeChat(text) : text;
  return splitText(shaped, { maxChars: shape.maxChars, maxBytes: MAX_BYTES }).map((part) => ({
    ...head,
    clientId: newClientId(),
    text: part,
  }));
}

/** The pieces of a reply as parts. A file cannot be sent yet: its name at least arrives. */
export function replyParts(
  pieces: readonly ReplyPiece[],
  shape: ReplyShape,
  head: { origin: PartOrigin; runId: string | null },
): NewPart[] {
  return pieces.flatMap((piece) =>
    'text' in piece
      ? textParts(piece.text, shape, head)
      : textParts(`[${piece.name ?? basename(piece.file)}]`, { ...shape, format: 'raw' }, head),
  );
}

/** Makes the `merge` of an intake: a user's held texts as the parts that go first when the user writes again. */
export function mergeForRelease(shape: ReplyShape, clock: Clock): (held: HeldText[]) => string[] {
  return (held) => splitText(mergeHeld(held, clock.now()), { maxChars: shape.maxChars, maxBytes: MAX_BYTES });
}
