import { newClientId } from '../../core/ids.ts';
import { type ChatLanguage, languageOf } from '../../core/message/language.ts';
import { BUDGET_MESSAGES } from '../../core/message/verdict.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { HeldPart, MergedHolds, NewPart, PartFile, PartOrigin } from '../../store/port/port.ts';
import { shapeForWeChat } from '../../text/shape.ts';
import { splitText } from '../../text/split.ts';
import type { RunnerOptions } from '../port/options.ts';
import type { KeptPiece } from './kept-pieces.ts';
import { mergeHeld, wholeInFile } from './notices.ts';
import type { Outgoing } from './outgoing-files.ts';

/** Most UTF-8 bytes of a text part: well under what the server takes (protocol 9.1). */
const MAX_BYTES = 12_000;
/** How much of a text that goes as a file is shown as text. */
const PREVIEW_CHARS = 800;
/** Parts that a text may always have: as a file it would be a text and a file. */
const LEAST_ROOM = 2;
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
  return pieces(text, shape).map((part) => textPart(part, head));
}

function textPart(text: string, head: ReplyHead): NewPart {
  return { ...head, clientId: newClientId(), text, file: null };
}

/** A file of ours as the part it is sent in. */
export function filePart(file: PartFile, head: ReplyHead): NewPart {
  return { ...head, clientId: newClientId(), text: '', file };
}

/**
 * The pieces of a reply as parts: texts, then files. Texts that make more parts than `maxParts` or than the
 * budget has left are joined; when that is not enough, they become one text, which shows the beginning,
 * and one file (contract 4).
 */
export async function replyParts(
  reply: readonly KeptPiece[],
  shape: ReplyShape,
  head: ReplyHead,
  about: { budgetLeft: () => Promise<number>; outgoing: Pick<Outgoing, 'keepText'>; nowMs: number },
): Promise<NewPart[]> {
  const texts = reply.flatMap((piece) => ('text' in piece ? [piece.text] : []));
  const files = reply.flatMap((piece) => ('kept' in piece ? [filePart(piece.kept, head)] : []));
  // What fits in any case needs no look at the budget.
  const short =
    withinRoom(texts, shape, LEAST_ROOM) ?? (await withinBudget(texts, files.length, shape, about));
  if (short) return [...short.map((text) => textPart(text, head)), ...files];
  const whole = texts.join('\n\n');
  const file = about.outgoing.keepText(whole, `${fileStem(about.nowMs)}.${shape.longAs}`);
  return [...textParts(preview(whole, languageOf(whole)), shape, head), filePart(file, head), ...files];
}

async function withinBudget(
  texts: readonly string[],
  files: number,
  shape: ReplyShape,
  about: { budgetLeft: () => Promise<number> },
): Promise<string[] | null> {
  const room = Math.max(LEAST_ROOM, Math.min(shape.maxParts, await about.budgetLeft()) - files);
  return withinRoom(texts, shape, room) ?? withinRoom([texts.join('\n\n')], shape, room);
}

/** The texts as they are sent, or null when they need more than `room` parts; what is far too long is not even shaped. */
function withinRoom(
  texts: readonly string[],
  shape: Pick<ReplyShape, 'maxChars' | 'format'>,
  room: number,
): string[] | null {
  const said = texts.filter((text) => text.trim() !== '');
  if (said.length > room || said.some((text) => text.length > 2 * room * shape.maxChars)) return null;
  const cut = said.flatMap((text) => pieces(text, shape));
  return cut.length > room ? null : cut;
}

/**
 * Makes the `merge` of an intake: the held texts of a user as what goes first when they write again,
 * files after them, never so many that the new answer has fewer than four messages left (design 3).
 */
export function mergeForRelease(
  shape: Pick<RunnerOptions, 'maxChars' | 'longAs' | 'language'>,
  outgoing: Outgoing,
  clock: Clock,
): (held: HeldPart[], expired: number, language: ChatLanguage | null) => MergedHolds {
  return (held, expired, known) => {
    const language = known ?? shape.language;
    const nowMs = clock.now();
    const files = held.filter((part) => part.file !== null).map(({ file }) => ({ text: '', file }));
    const texts = held.filter((part) => part.file === null);
    const merged = (some: readonly HeldPart[], told: number): string[] => {
      const whole = mergeHeld(some, told, language, nowMs);
      return whole === '' ? [] : pieces(whole, { ...shape, format: 'raw' });
    };
    const room = Math.max(1, BUDGET_MESSAGES - LEFT_FOR_ANSWER - files.length);
    const all = merged(texts, expired);
    if (all.length <= room) return [...all.map(textItem), ...files];
    // As many of them as fit beside the file; each stays whole, in the one or the other.
    let fit = texts.length - 1;
    while (fit > 0 && merged(texts.slice(0, fit), expired).length > room - 1) fit--;
    const rest = mergeHeld(texts.slice(fit), fit > 0 ? 0 : expired, language, nowMs);
    const file = outgoing.keepText(rest, `${fileStem(nowMs)}.${shape.longAs}`);
    const shown = fit > 0 ? merged(texts.slice(0, fit), expired) : room > 1 ? [preview(rest, language)] : [];
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
