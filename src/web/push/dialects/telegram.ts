import { WxError } from '../../../core/errors.ts';
import { HttpError, type Problem } from '../../api/problem.ts';
import { formOf, textIn } from '../port/content.ts';
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

/** `/bot<digits>:<token>/<method>`: clients want digits there. */
const PATH = /^\/bot(?:\d{1,20}(?::|%3A))?([^/:]+)\/(?:test\/)?(\w+)$/i;

/** The methods that send a file, each with the name under which it comes. */
const FILES: Readonly<Record<string, string>> = {
  ...{ sendphoto: 'photo', senddocument: 'document', sendvideo: 'video' },
  ...{ sendaudio: 'audio', sendanimation: 'animation', sendvoice: 'voice' },
};

const ERRORS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Request Entity Too Large',
  429: 'Too Many Requests',
};

const BOT = { id: 1, is_bot: true, first_name: 'wxagent', username: 'wxagent_bot' };

/** The Bot API of Telegram, as far as it sends. The chat that it names does not count: the source has its user. */
export const telegram: Dialect = {
  name: 'telegram',
  isOwn: ({ path }) => /^\/bot\d{1,20}(:|%3A)[^/]*\//i.test(path),
  tokenOf: ({ path }) => PATH.exec(path)?.[1] ?? null,
  async read(request) {
    takes(request.method, 'GET', 'POST');
    const method = (PATH.exec(request.path)?.[2] ?? '').toLowerCase();
    if (method === 'getme')
      return { answer: json(200, { ok: true, result: { ...BOT, can_join_groups: false } }) };
    const fields = { ...formOf(request.query), ...(await request.content()).fields };
    if (textIn(fields, 'chat_id') === null) throw new WxError('usage', 'chat_id is empty');
    if (method === 'sendmessage') {
      const text = textIn(fields, 'text');
      if (text === null) throw new WxError('usage', 'message text is empty');
      return { push: pushedOf(text, textIn(fields, 'parse_mode')) };
    }
    const name = FILES[method];
    if (name === undefined) throw new HttpError(404, 'not-found', 'method not found');
    const address = textIn(fields, name);
    const isLink = address !== null && /^https?:\/\//i.test(address);
    if (request.kept.length === 0 && !isLink)
      throw new WxError(
        'usage',
        address === null ? `there is no ${name} in the request` : 'wrong file identifier',
      );
    const push = pushedOf(textIn(fields, 'caption') ?? '', textIn(fields, 'parse_mode'));
    return { push: isLink ? { ...push, link: address } : push };
  },
  accepted,
  refused,
};

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

function accepted({ parts, pushed, nowMs }: Sent, request: PushRequest): Answer {
  const message = {
    message_id: parts[0]?.seq ?? 0,
    from: BOT,
    chat: { id: 1, type: 'private', first_name: 'wxagent' },
    date: Math.floor(nowMs / 1_000),
  };
  const content = request.kept.map(({ name, sizeBytes }, index) => ({
    ...{ file_id: `${parts[0]?.seq ?? 0}-${index}`, file_unique_id: `${parts[0]?.seq ?? 0}-${index}` },
    ...{ file_name: name, file_size: sizeBytes ?? 0 },
  }))[0];
  const shown = content ? { caption: pushed.text, document: content } : { text: pushed.text };
  return json(200, { ok: true, result: { ...message, ...shown } });
}

function refused({ status, detail }: Problem): Answer {
  const prefix = ERRORS[status] ?? 'Internal Server Error';
  const description = status === 401 ? prefix : `${prefix}: ${detail}`;
  return json(status, { ok: false, error_code: status, description });
}
