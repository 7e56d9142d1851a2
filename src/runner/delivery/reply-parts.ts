import { newClientId } from '../../core/ids.ts';
import { type ChatLanguage, languageOf } from '../../core/message/language.ts';
import { BUDGET_MESSAGES } from '../../core/message/wechat-limits.ts';
import { terminalText } from '../../core/terminal.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { HeldPart, MergedHolds, NewPart, PartFile, PartOrigin } from '../../store/port/port.ts';
import { shapeForWeChat } from '../../text/shape.ts';
import { splitText } from '../../text/split.ts';
import type { RunnerOptions } from '../port/options.ts';
import { mergeHeld, wholeInFile } from './notices.ts';
import type { Outgoing } from './outgoing-files.ts';
import type { ReplyItem } from './reply-files.ts';

/** Most UTF-8 bytes of a text part: well under what the server takes (protocol 9.1). */
const MAX_BYTES = 12_000;
/** Characters of the preview of a text that is sent as a file. */
const PREVIEW_CHARS = 800;
/** Parts that a text may always have: as a file it takes two as well, a preview and the file. */
const LEAST_ROOM = 2;
/** Messages that released parts leave to the next reply. */
const LEFT_FOR_ANSWER = 4;

/** How a reply is split into parts. */
export interface ReplyShape {
  maxChars: number;
  format: 'wechat' | 'raw';
  /** Parts that a reply may have before its text is sent as one file. */
  maxParts: number;
  longAs: 'txt' | 'md';
}

/** What all parts of one reply have in common. */
export interface ReplyHead {
  origin: PartOrigin;
  runId: string | null;
}

/** Splits a text into the parts in which it is sent, without what no phone shows; see {@link terminalText}. */
export function textParts(
  text: string,
  shape: Pick<ReplyShape, 'maxChars' | 'format'>,
  head: ReplyHead,
): NewPart[] {
  return pieces(terminalText(text), shape).map((part) => textPart(part, head));
}

function textPart(text: string, head: ReplyHead): NewPart {
  return { clientId: newClientId(), text, file: null, ...head };
}

/** The part in which a file of ours is sent. */
export function filePart(file: PartFile, head: ReplyHead): NewPart {
  return { clientId: newClientId(), text: '', file, ...head };
}

/** Texts, then files. What is over `maxParts` or the budget is joined, or becomes a preview and one file. */
export async function replyParts(
  reply: readonly ReplyItem[],
  shape: ReplyShape,
  head: ReplyHead,
  about: { budgetLeft: () => Promise<number>; outgoing: Pick<Outgoing, 'keepText'>; nowMs: number },
): Promise<NewPart[]> {
  const texts = reply.flatMap((piece) => ('text' in piece ? [terminalText(piece.text)] : []));
  const files = reply.flatMap((piece) => ('copy' in piece ? [filePart(piece.copy, head)] : []));
  // Two parts always fit, so the budget is not read for them.
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

/** The texts as they are sent; null if they need more than `room` parts. A text that is far too long is not even shaped. */
function withinRoom(
  texts: readonly string[],
  shape: Pick<ReplyShape, 'maxChars' | 'format'>,
  room: number,
): string[] | null {
  const filled = texts.filter((text) => text.trim() !== '');
  if (filled.length > room || filled.some((text) => text.length > 2 * room * shape.maxChars)) return null;
  const cut = filled.flatMap((text) => pieces(text, shape));
  return cut.length > room ? null : cut;
}

/** Makes the `merge` of an intake: held texts joined, then their files. They leave four messages to the next reply. */
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
    // Texts that do not fit go into one file. No text is divided between the two.
    const fit = mostThatFit(texts.length, (some) => merged(texts.slice(0, some), expired).length < room);
    const rest = mergeHeld(texts.slice(fit), fit > 0 ? 0 : expired, language, nowMs);
    const file = outgoing.keepText(rest, `${fileStem(nowMs)}.${shape.longAs}`);
    const shown = fit > 0 ? merged(texts.slice(0, fit), expired) : room > 1 ? [preview(rest, language)] : [];
    return [...shown.map(textItem), { text: '', file }, ...files];
  };
}

/** How many of so many fit, of which all do not: looked for from the first on, since few do and there may be very many. */
function mostThatFit(count: number, doFit: (some: number) => boolean): number {
  let [most, tooMany] = [0, 1];
  while (tooMany < count && doFit(tooMany)) [most, tooMany] = [tooMany, 2 * tooMany];
  tooMany = Math.min(tooMany, count);
  while (tooMany - most > 1) {
    const middle = Math.floor((most + tooMany) / 2);
    if (doFit(middle)) most = middle;
    else tooMany = middle;
  }
  return most;
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
