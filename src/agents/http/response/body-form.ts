import { isObject } from '../../../core/object.ts';
import { isGiven, parseJson } from '../../reply/reply-line.ts';
import { isEventStream } from './event-stream.ts';

/** What the body of an answer is; `other`: nothing that can be said. */
export type BodyForm = 'text' | 'json' | 'lines' | 'events' | 'page' | 'other';

/** Names that JSON lines go by. */
const LINES = /^(?:application|text)\/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines)$/;

/** How a document begins that browsers show, and what may stand before that. */
const PAGE = /<(?:!doctype\s+html|html|head|body)[\s>]/iy;
const PROLOGUE = /(?:<\?xml[^>]*>|<!--[\s\S]*?-->)\s*/iy;

/** So much of a page is looked at for its title. */
const TITLE_CHARS = 32_768;

/** Fields of an answer in JSON, and what people write for them. */
export const REPLY_FIELDS = ['text', 'files', 'file', 'attachments', 'silent'];

/** What the header says; null when it says nothing. */
function declaredForm(contentType: string): BodyForm | 'html' | null {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === '') return null;
  if (LINES.test(type)) return 'lines';
  if (/^(?:application|text)\/json$/.test(type) || type.endsWith('+json')) return 'json';
  if (type === 'text/event-stream') return 'events';
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html';
  return type.startsWith('text/') ? 'text' : 'other';
}

/** Whether the header says that the body is JSON lines, which are read while they come. */
export function isDeclaredLines(contentType: string): boolean {
  return declaredForm(contentType) === 'lines';
}

/** What a body is, by its header and itself: frameworks send JSON as HTML, and a login page is one whatever its type. */
export function formOfBody(contentType: string, body: string): BodyForm {
  const declared = declaredForm(contentType);
  if (declared === 'lines') return 'lines';
  const text = body.replace(/^\uFEFF/, '').trim();
  if (isPage(text)) return 'page';
  if (declared === 'events' || isEventStream(body)) return 'events';
  if (text.startsWith('{') && (declared !== 'text' || isReply(parseJson(text)))) {
    return parseJson(text) === undefined && isLines(text) ? 'lines' : 'json';
  }
  if (declared === 'html') return /^<[a-z!]/i.test(text) ? 'page' : 'text';
  if (declared !== null) return declared;
  if (text.startsWith('[') && parseJson(text) !== undefined) return 'json';
  return /[\0\uFFFD]/.test(text) ? 'other' : 'text';
}

/** The title of a page, or the beginning of its text, for people. */
export function titleOf(page: string): string {
  const beginning = page.slice(0, TITLE_CHARS);
  const title =
    /<title[^<>]*>([^<]*)/i.exec(beginning)?.[1] ??
    beginning.replace(/<(script|style)[\s\S]*?<\/\1>|<[^<>]*>/gi, ' ');
  return title.replace(/\s+/g, ' ').trim();
}

function isPage(text: string): boolean {
  let at = 0;
  do {
    PROLOGUE.lastIndex = at;
    at += PROLOGUE.exec(text)?.[0].length ?? 0;
  } while (PROLOGUE.lastIndex > 0);
  PAGE.lastIndex = at;
  return PAGE.test(text);
}

function isReply(value: unknown): boolean {
  return isObject(value) && REPLY_FIELDS.some((field) => isGiven(value[field]));
}

function isLines(text: string): boolean {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.length > 1 && lines.every((line) => isObject(parseJson(line)));
}
