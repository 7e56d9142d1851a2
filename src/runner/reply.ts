import { basename } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { newClientId } from '../core/ids.ts';
import { type ChatLanguage, languageOf } from '../core/language.ts';
import type { ReplyPiece } from '../core/message.ts';
import { BUDGET_MESSAGES } from '../core/verdict.ts';
import type { HeldPart, MergedHolds, NewPart, PartOrigin } from '../store/port.ts';
import { shapeForWeChat } from '../text/shape.ts';
import { splitText } from '../text/split.ts';
import { mergeHeld, wholeInFile } from './notices.ts';
import type { Outgoing } from './outgoing.ts';

/** Most UTF-8 bytes of a text part: well under what the server takes (protocol 9.1). */
const MAX_BYTES = 12_000;
/** How much of a text that goes as a file is shown as text. */
const PREVIEW_CHARS = 800;
/** Messages that a released hold leaves to the new answer (design 3). */
const LEFT_FOR_ANSWER = 4;

/** How replies become parts. */
export interface ReplyShape {
  maxChars: number;
  format: 'wechat' | 'raw';
  /** Parts a reply may have before its text goes as one file. */
  maxParts: number;
  longAs: 'txt' | 'md';
}

/** Who writes, and in whose name. */
export interface ReplyHead {
  origin: PartOrigin;
  runId: string | null;
}

/** One text as the parts it is sent in. */
export function textParts(
  text: string,
  shape: Pick<ReplyShape, 'maxChars' | 'format'>,
  head: ReplyHead,
): NewPart[] {
  return pieces(text, shape).map((part) => ({ ...head, clientId: newClientId(), text: part, file: null }));
}

/**
 * The pieces of a reply as parts: texts, then files. A reply of more parts than `maxParts` or than
 * the budget has left becomes one text, which shows its beginning, and one file (contract 4).
 */
export async function replyParts(
  reply: readonly ReplyPiece[],
  shape: ReplyShape,
  head: ReplyHead,
  about: { budgetLeft: number; outgoing: Outgoing; nowMs: number },
): Promise<NewPart[]> {
  const texts = reply.flatMap((piece) => ('text' in piece ? [piece.text] : []));
  const files: NewPart[] = [];
  for (const piece of reply) {
    if ('text' in piece) continue;
    const file = await about.outgoing.keepCopy(piece.file, piece.name ?? basename(piece.file));
    files.push({ ...head, clientId: newClientId(), text: '', file });
  }
  const parts = texts.flatMap((text) => textParts(text, shape, head));
  const room = Math.max(0, Math.min(shape.maxParts, about.budgetLeft) - files.length);
  if (parts.length <= Math.max(2, room)) return [...parts, ...files];
  const whole = texts.join('\n\n');
  const file = about.outgoing.keepText(whole, `${fileStem(about.nowMs)}.${shape.longAs}`);
  return [
    ...textParts(preview(whole, languageOf(whole)), shape, head),
    { ...head, clientId: newClientId(), text: '', file },
    ...files,
  ];
}

/**
 * Makes the `merge` of an intake: the held texts of a user as what goes first when he writes again,
 * files after them, never so many that the new answer has fewer than four messages left (design 3).
 */
export function mergeForRelease(
  shape: Pick<ReplyShape, 'maxChars' | 'longAs'>,
  outgoing: Outgoing,
  clock: Clock,
): (held: HeldPart[], expired: number) => MergedHolds {
  return (held, expired) => {
    const nowMs = clock.now();
    const files = held.filter((part) => part.file !== null).map(({ file }) => ({ text: '', file }));
    const texts = held.filter((part) => part.file === null);
    const merged = (some: readonly HeldPart[], told: number): string[] => {
      const whole = mergeHeld(some, told, nowMs);
      return whole === '' ? [] : pieces(whole, { ...shape, format: 'raw' });
    };
    const room = Math.max(1, BUDGET_MESSAGES - LEFT_FOR_ANSWER - files.length);
    const all = merged(texts, expired);
    if (all.length <= room) return [...all.map(textItem), ...files];
    // As many of them as fit beside the file; each stays whole, in the one or the other.
    let fit = texts.length - 1;
    while (fit > 0 && merged(texts.slice(0, fit), expired).length > room - 1) fit--;
    const rest = mergeHeld(texts.slice(fit), fit > 0 ? 0 : expired, nowMs);
    const file = outgoing.keepText(rest, `${fileStem(nowMs)}.${shape.longAs}`);
    const shown =
      fit > 0 ? merged(texts.slice(0, fit), expired) : room > 1 ? [preview(rest, languageOf(rest))] : [];
    return [...shown.map(textItem), { text: '', file }, ...files];
  };
}

function textItem(text: string): MergedHolds[number] {
  return { text, file: null };
}

function pieces(text: string, shape: Pick<ReplyShape, 'maxChars' | 'format'>): string[] {
  const shaped = shape.format === 'wechat' ? shapeForWeChat(text) : text;
  return splitText(shaped, { maxChars: shape.maxChars, maxBytes: MAX_BYTES });
}

function preview(whole: string, language: ChatLanguage): string {
  const [beginning = ''] = splitText(whole, { maxChars: PREVIEW_CHARS, maxBytes: MAX_BYTES });
  return `${beginning}\n\n${wholeInFile(whole.length, language)}`;
}

/** `answer-20261122-103102`: sorts by time in the phone's list of files. */
function fileStem(nowMs: number): string {
  const at = new Date(nowMs);
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${at.getFullYear()}${two(at.getMonth() + 1)}${two(at.getDate())}`;
  return `answer-${day}-${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
}
