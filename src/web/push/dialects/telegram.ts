import { WxError } from '../../../core/errors.ts';
import { isObject } from '../../../core/object.ts';
import type { PartFile } from '../../../store/port/port.ts';
import { HttpError, type Problem } from '../../api/problem.ts';
import { formOf, joinedIn, objectsIn, textIn } from '../port/content.ts';
import {
  type Answer,
  type Dialect,
  json,
  PLAIN,
  type Pushed,
  type PushRequest,
  type Sent,
} from '../port/dialect.ts';
import { markdownOfHtml } from '../text/html.ts';
import { markdownOfV2 } from '../text/markdown-v2.ts';
import { takes } from './native.ts';

/** `/bot<digits>:<token>/<method>`: some clients want digits there, others take what they get. */
const PATH = /^\/bot(?:\d{1,20}(?::|%3A))?([^/:]+)\/(?:test\/)?(\w+)$/i;

/** The methods that send a file, each with the name under which it comes. */
const FILES: Readonly<Record<string, string>> = {
  ...{ sendphoto: 'photo', senddocument: 'document', sendvideo: 'video' },
  ...{ sendaudio: 'audio', sendanimation: 'animation', sendvoice: 'voice' },
};

/** The methods that send neither a text nor a file, each with its lines: a phone can show them. */
const IN_WORDS: Readonly<Record<string, (fields: Readonly<Record<string, unknown>>) => string>> = {
  ...{ sendlocation: placeIn, sendvenue: placeIn },
  sendcontact: (fields) =>
    `${joinedIn(fields, ' ', 'first_name', 'last_name')}: ${joinedIn(fields, '', 'phone_number')}`,
};

/** The method that sends several files. */
const ALBUM = 'sendmediagroup';

const ERRORS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Request Entity Too Large',
  429: 'Too Many Requests',
};

/** The chat that every ID names. */
const CHAT = { id: 1, type: 'private', first_name: 'wxagent' };
/** What libraries want beside, of who asks for the chat. */
const FULL_CHAT = {
  ...CHAT,
  ...{ accent_color_id: 0, max_reaction_count: 0 },
  accepted_gift_types: Object.fromEntries(
    ['unlimited_gifts', 'limited_gifts', 'unique_gifts', 'premium_subscription', 'gifts_from_channels'].map(
      (name) => [name, false],
    ),
  ),
};

const BOT = { id: 1, is_bot: true, first_name: 'wxagent', username: 'wxagent_bot' };

/** The Bot API of Telegram, as far as it sends. The chat that it names does not count: the source has its user. */
export const telegram: Dialect = {
  name: 'telegram',
  // Without digits it could be a source of Bark, whose token begins with "bot".
  isOwn: ({ path }) =>
    /^\/bot\d{1,20}(:|%3A)[^/]*\//i.test(path) || /^\/bot[^/:]+\/(test\/)?(get|send)[A-Z]\w+$/.test(path),
  tokenOf: ({ path }) => PATH.exec(path)?.[1] ?? null,
  async read(request) {
    takes(request.method, 'GET', 'POST');
    const method = methodOf(request);
    if (method === 'getme')
      return { answer: json(200, { ok: true, result: { ...BOT, can_join_groups: false } }) };
    if (method === 'getchat') return { answer: json(200, { ok: true, result: FULL_CHAT }) };
    if (method === 'sendchataction') return { answer: json(200, { ok: true, result: true }) };
    if (/^(edit|delete)message/.test(method))
      throw new WxError('usage', "message can't be changed in WeChat");
    const [name, inWords] = [FILES[method], IN_WORDS[method]];
    if (name === undefined && inWords === undefined && method !== 'sendmessage' && method !== ALBUM)
      throw new HttpError(404, 'not-found', 'method not found');
    const fields = await fieldsOf(request);
    if (textIn(fields, 'chat_id') === null) throw new WxError('usage', 'chat_id is empty');
    const buttons = buttonsOf(fields);
    if (inWords) return { push: withLines({ ...PLAIN, text: inWords(fields) }, buttons) };
    if (method === ALBUM) return { push: withLines(albumOf(fields, request.kept.length), buttons) };
    if (name === undefined) {
      const text = textIn(fields, 'text');
      if (text === null) throw new WxError('usage', 'message text is empty');
      const links = linksOf(text, fields, 'entities');
      return { push: withLines(pushedOf(text, textIn(fields, 'parse_mode')), [...links, ...buttons]) };
    }
    const address = addressOf(fields, name);
    if (request.kept.length === 0 && address === null)
      throw new WxError(
        'usage',
        textIn(fields, name) === null ? `there is no ${name} in the request` : 'wrong file identifier',
      );
    return { push: withLines({ ...captionOf(fields), link: address }, buttons) };
  },
  accepted,
  refused,
};

/** Where something is. Throws WxError `usage` for no place on earth. */
function placeIn(fields: Readonly<Record<string, unknown>>): string {
  const [latitude, longitude] = ['latitude', 'longitude'].map((name) =>
    Number(textIn(fields, name) ?? Number.NaN),
  );
  if (Math.abs(latitude ?? 0) <= 90 && Math.abs(longitude ?? 0) <= 180)
    return [joinedIn(fields, '\n', 'title', 'address'), `📍 ${latitude}, ${longitude}`].join('\n').trim();
  throw new WxError('usage', 'latitude and longitude must be degrees');
}

/** What is JSON in a form. */
function jsonIn(fields: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = fields[name];
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

/** An address instead of a file; null: there is none. */
function addressOf(fields: Readonly<Record<string, unknown>>, name: string): string | null {
  const address = textIn(fields, name);
  return address !== null && /^https?:\/\//i.test(address) ? address : null;
}

function captionOf(fields: Readonly<Record<string, unknown>>): Pushed {
  const caption = textIn(fields, 'caption') ?? '';
  const pushed = pushedOf(caption, textIn(fields, 'parse_mode'));
  return withLines(pushed, linksOf(caption, fields, 'caption_entities'));
}

function methodOf({ path }: Pick<PushRequest, 'path'>): string {
  return (PATH.exec(path)?.[2] ?? '').toLowerCase();
}

async function fieldsOf({ query, content }: PushRequest): Promise<Record<string, unknown>> {
  return { ...formOf(query), ...(await content()).fields };
}

/** What several files are, and how each comes. */
function mediaIn(fields: Readonly<Record<string, unknown>>): Record<string, unknown>[] {
  return objectsIn({ media: jsonIn(fields, 'media') }, 'media');
}

/** The captions of several files, and the addresses of those that are not in the request. */
function albumOf(fields: Readonly<Record<string, unknown>>, files: number): Pushed {
  const media = mediaIn(fields);
  const addresses = media.flatMap((one) => addressOf(one, 'media') ?? []);
  if (files + addresses.length === 0) throw new WxError('usage', 'there is no media in the request');
  const captions = media.map(captionOf).filter(({ text }) => text !== '');
  const text = captions.map((one) => one.text).join('\n');
  return withLines({ ...PLAIN, text, form: captions[0]?.form ?? 'raw' }, addresses);
}

/** The buttons that open an address. */
function buttonsOf(fields: Readonly<Record<string, unknown>>): string[] {
  const markup = jsonIn(fields, 'reply_markup');
  const rows = isObject(markup) && Array.isArray(markup.inline_keyboard) ? markup.inline_keyboard : [];
  return objectsIn({ buttons: rows.flat() }, 'buttons').flatMap((button) =>
    addressOf(button, 'url') === null ? [] : [`${textIn(button, 'text') ?? ''}: ${addressOf(button, 'url')}`],
  );
}

/** The addresses behind the words of a text without a parse mode. */
function linksOf(text: string, fields: Readonly<Record<string, unknown>>, name: string): string[] {
  if (textIn(fields, 'parse_mode') !== null) return [];
  return objectsIn({ entities: jsonIn(fields, name) }, 'entities').flatMap((entity) => {
    const url = addressOf(entity, 'url');
    const from = Number(entity.offset);
    return url === null ? [] : [`${text.slice(from, from + Number(entity.length))}: ${url}`];
  });
}

function withLines(pushed: Pushed, lines: readonly string[]): Pushed {
  return { ...pushed, text: [pushed.text, ...lines].filter((line) => line !== '').join('\n') };
}

/** A text in its parse mode. Throws WxError `usage` for a mode that there is not. */
function pushedOf(text: string, mode: string | null): Pushed {
  switch ((mode ?? '').toLowerCase()) {
    case '':
      return { ...PLAIN, text };
    case 'html':
      return { ...PLAIN, text: markdownOfHtml(text), form: 'wechat' };
    case 'markdown':
    case 'markdownv2':
      return { ...PLAIN, text: markdownOfV2(text), form: 'wechat' };
    default:
      throw new WxError('usage', 'unsupported parse_mode');
  }
}

/** The message as it was sent: some clients end with a fault where a file is not under its own name. */
async function accepted({ parts, pushed, nowMs }: Sent, request: PushRequest): Promise<Answer> {
  const id = parts[0]?.seq ?? 0;
  const message = {
    ...{ message_id: id, from: BOT, date: Math.floor(nowMs / 1_000) },
    chat: CHAT,
  };
  const method = methodOf(request);
  const isAlbum = method === ALBUM;
  const kinds = isAlbum
    ? mediaIn(await fieldsOf(request)).map((one) => textIn(one, 'type') ?? 'document')
    : [FILES[method]].filter((kind) => kind !== undefined);
  if (kinds.length === 0) return json(200, { ok: true, result: { ...message, text: pushed.text } });
  const messages = kinds.map((kind, index) => ({
    ...message,
    ...(index === 0 ? { caption: pushed.text } : {}),
    ...contentOf(kind, request.kept[index], `${id}-${index}`),
  }));
  return json(200, { ok: true, result: isAlbum ? messages : messages[0] });
}

/** A file under the name of its kind; what only the phone would know of it is 0. */
function contentOf(kind: string, file: PartFile | undefined, id: string): Record<string, unknown> {
  const content = {
    ...{ file_id: id, file_unique_id: id, width: 0, height: 0, duration: 0 },
    ...(file ? { file_name: file.name, file_size: file.sizeBytes ?? 0 } : {}),
  };
  return { [kind]: kind === 'photo' ? [content] : content };
}

function refused({ status, detail }: Problem): Answer {
  const prefix = ERRORS[status] ?? 'Internal Server Error';
  const description = status === 401 ? prefix : `${prefix}: ${detail}`;
  return json(status, { ok: false, error_code: status, description });
}
