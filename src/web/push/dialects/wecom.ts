import { createHash } from 'node:crypto';
import { WxError } from '../../../core/errors.ts';
import { HttpError, type Problem } from '../../api/problem.ts';
import { joinedIn, objectIn, objectsIn, textIn } from '../port/content.ts';
import {
  type Answer,
  type Dialect,
  json,
  type PendingUploads,
  PLAIN,
  type PushRequest,
  type Read,
} from '../port/dialect.ts';
import { keepBase64, takes } from './native.ts';

/** What a robot of WeCom says of its errors. */
const CODES: Readonly<Record<number, number>> = {
  400: 40058,
  401: 93000,
  404: 40007,
  413: 45001,
  429: 45009,
};

/** The robot of a WeCom group: texts, Markdown, pictures, news, files. */
export const wecom: Dialect = {
  name: 'wecom',
  isOwn: ({ path }) => path.startsWith('/cgi-bin/webhook/'),
  tokenOf: ({ query }) => query.get('key'),
  async read(request, uploads) {
    takes(request.method, 'POST');
    if (request.path === '/cgi-bin/webhook/upload_media') return upload(request, uploads);
    if (request.path !== '/cgi-bin/webhook/send')
      throw new HttpError(400, 'usage', 'there is no such address');
    const { fields } = await request.content();
    return readMessage(fields, request, uploads);
  },
  accepted: () => json(200, { errcode: 0, errmsg: 'ok' }),
  refused,
};

/** Its server answers all with 200. Of its clients some look at the status alone: they would take an error for success. */
function refused({ status, detail }: Problem): Answer {
  if (status >= 500) return json(status, { errcode: -1, errmsg: `system error: ${detail}` });
  const errmsg = status === 401 ? `invalid webhook url, hint: [wxagent], ${detail}` : detail;
  return json(status, { errcode: CODES[status] ?? 40058, errmsg });
}

async function upload(request: PushRequest, uploads: PendingUploads): Promise<Read> {
  const before = request.kept.length;
  await request.content();
  const file = request.kept[before];
  if (!file) throw new WxError('usage', 'the form has no file');
  const type = request.query.get('type') ?? 'file';
  const media = { type, media_id: uploads.put(file), created_at: String(Math.floor(request.nowMs / 1_000)) };
  return { answer: json(200, { errcode: 0, errmsg: 'ok', ...media }) };
}

async function readMessage(
  fields: Readonly<Record<string, unknown>>,
  request: PushRequest,
  uploads: PendingUploads,
): Promise<Read> {
  const type = textIn(fields, 'msgtype') ?? '';
  const content = objectIn(fields, type);
  const needed = (name: string): string => {
    const text = textIn(content, name);
    if (text === null) throw new WxError('usage', `${type}.${name} is missing`);
    return text;
  };
  switch (type) {
    case 'text':
      return { push: { ...PLAIN, text: needed('content') } };
    case 'markdown':
    case 'markdown_v2':
      return { push: { ...PLAIN, text: withoutTags(needed('content')), form: 'wechat' } };
    case 'image':
      await keepPicture(request, needed('base64'), textIn(content, 'md5'));
      return { push: PLAIN };
    case 'news':
      return { push: { ...PLAIN, text: newsOf(objectsIn(content, 'articles')) } };
    case 'file':
    case 'voice': {
      const file = uploads.take(needed('media_id'));
      if (!file) throw new HttpError(404, 'not-found', 'invalid media_id');
      request.take(file);
      return { push: PLAIN };
    }
    case 'template_card':
      return { push: cardOf(content) };
    default:
      throw new WxError('usage', `invalid message type: ${type.slice(0, 40) || 'none'}`);
  }
}

/** Markdown of WeCom as anybody's: without colours, and people by their names. */
function withoutTags(markdown: string): string {
  return markdown.replace(/<\/?font[^<>]*>/gi, '').replace(/<(@[^<>\s]+)>/g, '$1');
}

async function keepPicture(request: PushRequest, base64: string, md5: string | null): Promise<void> {
  const bytes = Buffer.from(base64, 'base64');
  const isRight = md5 === null || createHash('md5').update(bytes).digest('hex') === md5.toLowerCase();
  if (!isRight) throw new WxError('usage', 'image.md5 is not that of image.base64');
  const isPng = bytes.subarray(1, 4).toString('latin1') === 'PNG';
  await keepBase64(request, base64, isPng ? 'image.png' : 'image.jpg');
}

function newsOf(articles: readonly Record<string, unknown>[]): string {
  const texts = articles.map((article) =>
    ['title', 'description', 'url', 'picurl']
      .map((name) => textIn(article, name))
      .filter(Boolean)
      .join('\n'),
  );
  if (texts.join('') === '') throw new WxError('usage', 'news.articles is missing');
  return texts.join('\n\n');
}

/** What a card shows, from its top to its foot. */
function cardOf(card: Readonly<Record<string, unknown>>) {
  const part = (name: string, between: string, ...names: string[]): string =>
    joinedIn(objectIn(card, name), between, ...names);
  const parts = (name: string, between: string, ...names: string[]): string[] =>
    objectsIn(card, name).map((one) => joinedIn(one, between, ...names));
  const rows = objectsIn(card, 'horizontal_content_list').flatMap((row) => [
    joinedIn(row, ': ', 'keyname', 'value'),
    textIn(row, 'url'),
  ]);
  // Others lead into programs of WeChat.
  const jumps = objectsIn(card, 'jump_list').filter((jump) => textIn(jump, 'url') !== null);
  const lines = [
    part('main_title', '', 'desc'),
    part('emphasis_content', ' ', 'title', 'desc'),
    part('quote_area', '\n', 'title', 'quote_text', 'url'),
    part('image_text_area', '\n', 'title', 'desc', 'url'),
    textIn(card, 'sub_title_text'),
    ...parts('vertical_content_list', '\n', 'title', 'desc'),
    ...rows,
    ...jumps.map((jump) => joinedIn(jump, ': ', 'title', 'url')),
    part('card_image', '', 'url'),
  ];
  return {
    ...PLAIN,
    title: textIn(objectIn(card, 'main_title'), 'title'),
    text: lines.filter(Boolean).join('\n'),
    link: textIn(objectIn(card, 'card_action'), 'url'),
  };
}
