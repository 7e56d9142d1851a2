import type { Readable } from 'node:stream';
import { WxError } from '../../../core/errors.ts';
import { isObject } from '../../../core/object.ts';
import { utf8Of } from '../../../core/text-bytes.ts';
import { looksLikeSourceToken } from '../../access/secrets.ts';
import { HttpError } from '../../api/problem.ts';
import { isForm, textIn } from '../port/content.ts';
import { basicPassword, bearerOf } from '../port/credentials.ts';
import { type Dialect, json, PLAIN, type PushRequest, type Read } from '../port/dialect.ts';
import { takes } from './native.ts';
import { viewsOf } from './ntfy-actions.ts';
import { emojiOf } from './ntfy-emoji.ts';

/** A longer body is a file, as one that is not text: so much is read to tell. */
const MAX_TEXT_BYTES = 64 * 1024;

/** The names of each parameter, as a header or in the query. */
const NAMES = {
  title: ['x-title', 'title', 'ti', 't'],
  message: ['x-message', 'message', 'm'],
  priority: ['x-priority', 'priority', 'prio', 'p'],
  tags: ['x-tags', 'tags', 'tag', 'ta'],
  delay: ['x-delay', 'delay', 'x-at', 'at', 'x-in', 'in'],
  click: ['x-click', 'click'],
  attach: ['x-attach', 'attach', 'a'],
  filename: ['x-filename', 'filename', 'file', 'f'],
  actions: ['x-actions', 'actions', 'action'],
  email: ['x-email', 'x-e-mail', 'email', 'e-mail', 'mail', 'e'],
  call: ['x-call', 'call'],
  markdown: ['x-markdown', 'markdown', 'md'],
  template: ['x-template', 'template', 'tpl'],
} as const;

const PRIORITIES: Readonly<Record<string, number>> = {
  ...{ 1: 1, 2: 2, 3: 3, 4: 4, 5: 5 },
  ...{ min: 1, low: 2, default: 3, high: 4, max: 5, urgent: 5 },
};

/** What a server of ntfy calls its errors; others have the number of their status. */
const CODES: Readonly<Record<number, number>> = {
  401: 40101,
  403: 40301,
  404: 40401,
  413: 41301,
  429: 42901,
  500: 50001,
};

const ACCOUNT = '/v1/account';

/** The account of who has none: clients look at it before they push. */
const NOBODY = {
  ...{ username: '*', role: 'anonymous' },
  stats: Object.fromEntries(
    ['messages', 'emails', 'calls', 'reservations', 'attachment_total_size'].flatMap((name) => [
      [name, 0],
      [`${name}_remaining`, 0],
    ]),
  ),
};

/** `curl -d text https://ntfy.sh/topic`; the topic can be the token, or anything beside one. */
export const ntfy: Dialect = {
  name: 'ntfy',
  isOwn(request) {
    const { method, path, query } = request;
    if (path === '/v1/health' || path === ACCOUNT) return true;
    if (path === '/') return method === 'POST' || method === 'PUT';
    const [, topic = '', verb] = /^\/([-\w]{1,64})(?:\/(publish|send|trigger|auth))?\/?$/.exec(path) ?? [];
    if (topic === '') return false;
    const hasToken = looksLikeSourceToken(topic) || (credentialOf(request) !== null && method !== 'GET');
    if (verb !== undefined) return hasToken || credentialOf(request) !== null;
    return hasToken && (method === 'POST' || method === 'PUT' || query.get('up') === '1');
  },
  probe: (request) => {
    const { path, query } = request;
    if (path === '/v1/health') return json(200, { healthy: true });
    if (path === ACCOUNT && credentialOf(request) === null) return json(200, NOBODY);
    return query.get('up') === '1' ? json(200, { unifiedpush: { version: 1 } }) : null;
  },
  async tokenOf(request) {
    const credential = credentialOf(request);
    if (credential !== null) return credential;
    return request.path === '/'
      ? topicOf((await request.content()).json)
      : (request.path.split('/')[1] ?? null);
  },
  async read(request) {
    const { method, path } = request;
    if (path === ACCOUNT) return { answer: json(200, NOBODY) };
    const verb = /\/(publish|send|trigger|auth)\/?$/.exec(path)?.[1];
    if (verb === 'auth') return { answer: json(200, { success: true }) };
    if (verb === undefined) takes(method, 'POST', 'PUT');
    return path === '/' ? readJson(request) : readPlain(request);
  },
  accepted: ({ parts, pushed, nowMs }, request) => {
    const seconds = Math.floor(nowMs / 1_000);
    const [, topic = ''] = request.path.split('/');
    return json(200, {
      id: String(parts[0]?.seq ?? 0).padStart(12, '0'),
      time: seconds,
      expires: seconds + 12 * 3_600,
      event: 'message',
      topic: looksLikeSourceToken(topic) || topic === '' ? 'wxagent' : topic,
      ...(pushed.title === null ? {} : { title: pushed.title }),
      message: pushed.text,
      ...(pushed.link === null ? {} : { click: pushed.link }),
    });
  },
  refused: ({ status, detail }) => {
    const code = CODES[status] ?? status * 100;
    return json(status, { code, http: status, error: detail, link: 'https://ntfy.sh/docs/publish/' });
  },
};

/** A token beside the topic; the query counts before the header. */
function credentialOf({ headers, query }: Pick<PushRequest, 'headers' | 'query'>): string | null {
  const inQuery = query.get('auth') ?? query.get('authorization');
  const header =
    inQuery === null ? headers.authorization : Buffer.from(inQuery, 'base64url').toString('utf8');
  return bearerOf(header) ?? basicPassword(header);
}

function topicOf(body: unknown): string | null {
  return isObject(body) ? textIn(body, 'topic') : null;
}

/** One of the parameters: of a header, else of the query. */
function param(request: PushRequest, name: keyof typeof NAMES): string | null {
  const { headers, query } = request;
  for (const one of NAMES[name]) {
    const header = headers[one];
    // A header of this name also says how urgent a request of HTTP/2 is.
    const isOther = name === 'priority' && /^\s*(u=\d|i\b)/.test(String(header));
    if (typeof header === 'string' && header !== '' && !isOther) return decodedHeader(header);
  }
  const inQuery = [...query].find(([key]) => (NAMES[name] as readonly string[]).includes(key.toLowerCase()));
  return inQuery?.[1] || null;
}

/** RFC 2047, and bytes of UTF-8 that came as they are. */
function decodedHeader(header: string): string {
  if (/=\?/.test(header))
    return header.replace(/=\?utf-8\?([bq])\?([^?]*)\?=(?:\s+(?==\?))?/gi, (_, kind: string, text: string) =>
      kind.toLowerCase() === 'b'
        ? Buffer.from(text, 'base64').toString('utf8')
        : Buffer.from(unquoted(text), 'latin1').toString('utf8'),
    );
  return utf8Of(Buffer.from(header, 'latin1')) ?? header;
}

function unquoted(text: string): string {
  return text
    .replaceAll('_', ' ')
    .replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

async function readPlain(request: PushRequest): Promise<Read> {
  const message = param(request, 'message')?.replaceAll('\\n', '\n') ?? null;
  const filename = param(request, 'filename');
  const type = request.headers['content-type'] ?? '';
  if (/^multipart\/form-data/i.test(type)) {
    // What apprise sends with a file.
    await request.content();
    return read(request, { body: message ?? '', hasFile: true });
  }
  const isText = filename === null || param(request, 'attach') !== null;
  const body = isText ? await textOrFile(request, message) : null;
  if (!isText) await request.keep(request.stream, filename);
  return read(request, {
    body: message ?? body ?? '',
    hasFile: body === null,
    isMarkdown: /markdown/i.test(type),
  });
}

/** The body as a text; null: it was kept as a file, because it is long, or no text. */
async function textOrFile(
  { stream, keep, content, headers }: PushRequest,
  message: string | null,
): Promise<string | null> {
  if (message === null && isForm(headers['content-type'])) return (await content()).text;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const rest = (stream as Readable & AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  for (let next = await nextOf(rest); next; next = await nextOf(rest)) {
    chunks.push(next);
    sizeBytes += next.length;
    if (sizeBytes > MAX_TEXT_BYTES) break;
  }
  const head = Buffer.concat(chunks);
  const text = sizeBytes > MAX_TEXT_BYTES ? null : utf8Of(head);
  if (text !== null && (message === null || text.trim() === '')) return text;
  await keep(
    (async function* () {
      yield head;
      for (let next = await nextOf(rest); next; next = await nextOf(rest)) yield next;
    })(),
    text === null && utf8Of(head.subarray(0, 1_024)) === null ? 'attachment.bin' : 'attachment.txt',
  );
  return null;
}

async function nextOf(chunks: AsyncIterator<Buffer>): Promise<Buffer | null> {
  try {
    const { done, value } = await chunks.next();
    return done ? null : value;
  } catch (cause) {
    if (cause instanceof HttpError) throw cause;
    throw new HttpError(400, 'usage', 'the body was cut off', { cause });
  }
}

async function readJson(request: PushRequest): Promise<Read> {
  const { json: body } = await request.content();
  if (!isObject(body)) throw new WxError('usage', 'the body is not a JSON object');
  const tags = Array.isArray(body.tags) ? body.tags.filter((tag) => typeof tag === 'string').join(',') : null;
  // To its server 0 is none.
  const priority = body.priority === 0 ? null : body.priority;
  return read(request, {
    ...{ body: textIn(body, 'message') ?? param(request, 'message') ?? '', hasFile: false },
    ...{ given: { ...body, tags, priority }, isMarkdown: body.markdown === true },
  });
}

/** What the body and the parameters say together; what is `given` in JSON counts before a header. */
function read(
  request: PushRequest,
  about: {
    body: string;
    hasFile: boolean;
    given?: Record<string, unknown>;
    isMarkdown?: boolean;
  },
): Read {
  const { given = {}, body, hasFile } = about;
  const value = (name: keyof typeof NAMES): string | null => textIn(given, name) ?? param(request, name);
  for (const name of ['delay', 'email', 'call'] as const)
    if (value(name) !== null)
      throw new HttpError(400, 'usage', `${name} is not possible here: it goes at once, to WeChat`);
  if (!/^(0|no|false)?$/i.test(value('template') ?? ''))
    throw new HttpError(400, 'usage', 'a template is one of the source here: wxagent source add --template');
  const priority = value('priority');
  if (priority !== null && PRIORITIES[priority.trim().toLowerCase()] === undefined)
    throw new HttpError(400, 'usage', 'invalid priority parameter');
  const { emoji, words } = emojiOf((value('tags') ?? '').split(','));
  const title = value('title');
  const marked = (text: string): string => (emoji === '' ? text : `${emoji} ${text}`);
  const isMarkdown = about.isMarkdown || /^(1|yes|true)$/i.test(param(request, 'markdown') ?? '');
  const text = body.trim() === '' && !hasFile ? 'triggered' : body.trim();
  const links = [
    value('attach'),
    ...viewsOf(Array.isArray(given.actions) ? given.actions : [], value('actions')),
  ];
  return {
    push: {
      ...PLAIN,
      title: title === null ? null : marked(title),
      text: [title === null && text !== '' ? marked(text) : text, ...links, words]
        .filter((line) => line !== null && line !== '')
        .join('\n'),
      form: isMarkdown ? 'wechat' : 'raw',
      link: value('click'),
      isImportant: priority !== null && (PRIORITIES[priority.trim().toLowerCase()] ?? 3) > 3,
    },
  };
}
