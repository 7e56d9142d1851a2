import { WxError } from '../../../core/errors.ts';
import { isObject } from '../../../core/object.ts';
import { looksLikeSourceToken } from '../../access/secrets.ts';
import { HttpError } from '../../api/problem.ts';
import { formOf, isForm, textIn } from '../port/content.ts';
import { type Dialect, json, PLAIN, type PushRequest } from '../port/dialect.ts';
import { takes } from './native.ts';

/** A longer form is a text of ntfy. */
const MAX_FORM_BYTES = 64 * 1_024;

/** What an empty push of Bark can have beside its text. */
const BESIDE: readonly string[] = [
  ...[
    'device_key',
    'device_keys',
    'level',
    'volume',
    'badge',
    'call',
    'sound',
    'icon',
    'image',
    'group',
    'url',
  ],
  ...[
    'autocopy',
    'automaticallycopy',
    'copy',
    'isarchive',
    'ttl',
    'action',
    'id',
    'category',
    'title',
    'body',
  ],
];

/** Whether fields are those of another service, whose webhook was given an address of Bark. */
function isOfOthers(fields: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys(fields);
  return names.length > 0 && !names.some((name) => BESIDE.includes(name));
}

/** Bark: `/<key>/<title>/<body>`, or fields. */
export const bark: Dialect = {
  name: 'bark',
  async isOwn(request) {
    const { method, path, headers } = request;
    if (path === '/ping' || path === '/info') return true;
    if (path === '/push' || path === '/push/') return true;
    const [, key = '', rest = ''] = /^\/([^/]+)(\/.*)?$/.exec(path) ?? [];
    if (!looksLikeSourceToken(key)) return false;
    if (rest.length > 1) return !/^\/(?:publish|send|trigger|auth)\/?$/.test(rest);
    // A topic of ntfy looks the same: its clients send text, those of Bark fields.
    if (method === 'GET') return !request.query.has('up');
    if (method !== 'POST') return false;
    if (/^\s*application\/json/i.test(headers['content-type'] ?? '')) return true;
    const isShortForm =
      isForm(headers['content-type']) && Number(headers['content-length'] ?? '0') <= MAX_FORM_BYTES;
    if (!isShortForm) return false;
    // What cannot be read is refused by whoever takes it.
    const { fields } = await request.content().catch(() => ({ fields: {} }));
    return textIn(fields, 'body', 'title') !== null;
  },
  probe: ({ path, nowMs }) => {
    if (path === '/ping')
      return json(200, { code: 200, message: 'pong', timestamp: Math.floor(nowMs / 1_000) });
    return path === '/info'
      ? json(200, { version: 'wxagent', build: '', arch: '', commit: '', devices: 1 })
      : null;
  },
  async tokenOf(request) {
    if (!/^\/push\/?$/.test(request.path)) return request.path.split('/')[1] ?? null;
    const fields = await fieldsOf(request);
    const [first] = Array.isArray(fields.device_keys)
      ? fields.device_keys
      : String(fields.device_keys ?? '').split(',');
    return textIn(fields, 'device_key') ?? (typeof first === 'string' ? first.trim() : null);
  },
  async read(request) {
    takes(request.method, 'GET', 'POST');
    const given = await fieldsOf(request);
    // Some add `/push` to an address that has the key already.
    const isDoubled = /^\/[^/]+\/push\/?$/.test(request.path) && textIn(given, 'body', 'markdown') !== null;
    const fields = isDoubled ? given : { ...given, ...inPath(request.path) };
    if (textIn(fields, 'ciphertext') !== null)
      throw new WxError('usage', 'an encrypted push cannot be read here: only the app has its key');
    if (textIn(fields, 'delete') === '1')
      throw new WxError('usage', 'a push cannot be taken back: WeChat has no way to');
    const subtitle = textIn(fields, 'subtitle');
    const markdown = textIn(fields, 'markdown');
    const title = textIn(fields, 'title');
    const body = markdown ?? textIn(fields, 'body');
    const copied = textIn(fields, 'image');
    const nothing = title === null && subtitle === null && body === null;
    if (nothing && isOfOthers(fields))
      throw new WxError('usage', 'there is none of title, subtitle, body, markdown', {
        hint: `wxagent source add <name> --template '{"text":"{{path}}"}'`,
      });
    return {
      push: {
        ...PLAIN,
        title,
        text: nothing ? 'Empty Message' : [subtitle, body, copied].filter((one) => one !== null).join('\n'),
        form: markdown === null ? 'raw' : 'wechat',
        link: textIn(fields, 'url'),
        isImportant: ['timeSensitive', 'critical'].includes(textIn(fields, 'level') ?? ''),
        // A later push with the same ID takes the place of the first.
        key: textIn(fields, 'id')?.slice(0, 200) ?? null,
      },
    };
  },
  accepted: ({ nowMs }) => json(200, { code: 200, message: 'success', timestamp: Math.floor(nowMs / 1_000) }),
  refused: ({ status, detail }, { nowMs }) =>
    json(status === 401 ? 400 : status, {
      code: status === 401 ? 400 : status,
      message: status === 401 ? `failed to get device token: ${detail}` : detail,
      timestamp: Math.floor(nowMs / 1_000),
    }),
};

/** The fields of the body and of the query; their names in any case. */
async function fieldsOf({ content, query }: PushRequest): Promise<Record<string, unknown>> {
  const { fields, json: body } = await content();
  const lower = (all: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name.toLowerCase(), value]));
  const given = formOf(query);
  return isObject(body) ? { ...lower(fields), ...lower(given) } : { ...lower(given), ...lower(fields) };
}

/** What is behind the key in the path: body; title, body; title, subtitle, body. More was an address in the body. */
function inPath(path: string): Record<string, string> {
  if (/^\/push\/?$/.test(path)) return {};
  const [, title = '', rest = ''] = /^\/[^/]+\/([^/]*)\/?(.*)$/.exec(path) ?? [];
  const parts = [title, ...rest.split('/')].filter((part) => part !== '').map(decoded);
  if (parts.length > 3 || /:\/\/?/.test(rest)) return { title: decoded(title), body: decoded(rest) };
  const names = [[], ['body'], ['title', 'body'], ['title', 'subtitle', 'body']][parts.length] ?? [];
  return Object.fromEntries(names.map((name, index) => [name, parts[index] ?? '']));
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '));
  } catch {
    throw new HttpError(400, 'usage', 'the path is not UTF-8 in percent');
  }
}
