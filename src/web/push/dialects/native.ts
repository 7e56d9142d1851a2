import { WxError } from '../../../core/errors.ts';
import { isObject } from '../../../core/object.ts';
import { parseDurationMs } from '../../../core/units.ts';
import { HttpError, type Problem } from '../../api/problem.ts';
import { formOf, objectsIn, textIn } from '../port/content.ts';
import {
  type Answer,
  type Dialect,
  FORMS,
  json,
  type Pushed,
  type PushRequest,
  type Sent,
} from '../port/dialect.ts';

/** What the header and the column for an ID take. */
const MAX_KEY_CHARS = 200;

/** Where clients of the Apprise API push, in this form as well. */
const NOTIFY = /^\/notify\/([^/]+)\/?$/;

/** wxagent's own form: a text, or fields in JSON, a form, a form with files, or the query. */
export const native: Dialect = {
  name: 'native',
  isOwn: ({ path }) => NOTIFY.test(path),
  tokenOf: ({ path }) => NOTIFY.exec(path)?.[1] ?? null,
  async read(request) {
    const { method, path, headers, query } = request;
    if (path !== '/' && !NOTIFY.test(path))
      throw new HttpError(404, 'not-found', 'there is nothing below /push/<token> but dialects');
    takes(method, 'POST', 'PUT', 'GET');
    const type = headers['content-type'] ?? '';
    const isFile = /^\s*(image|audio|video|font)\/|^\s*application\/(octet-stream|pdf|zip|gzip|x-tar)/i.test(
      type,
    );
    const inQuery = formOf(query);
    if (isFile) {
      await request.keep(request.stream, textIn(inQuery, 'filename', 'name') ?? 'file');
      return { push: pushedOf(inQuery, '') };
    }
    if (/[/+]xml/i.test(type))
      throw new HttpError(415, 'usage', 'XML is not read', { hint: 'send JSON, a form or plain text' });
    const { fields, text } = await request.content();
    for (const { filename, base64 } of objectsIn(fields, 'attachments'))
      if (typeof base64 === 'string') await keepBase64(request, base64, String(filename ?? 'file'));
    const isText = Object.keys(fields).length === 0 || !hasAny(fields);
    return { push: pushedOf(isText ? inQuery : { ...inQuery, ...fields }, isText ? (text ?? '') : '') };
  },
  accepted,
  refused,
};

/** The names under which tools have a text, and what goes with it. */
const TEXT = ['text', 'message', 'body', 'content', 'msg'];
const TITLE = ['title', 'subject'];

function hasAny(fields: Readonly<Record<string, unknown>>): boolean {
  return textIn(fields, ...TEXT, ...TITLE) !== null || Array.isArray(fields.attachments);
}

/** Reads fields; `rest` is the text where they have none. Throws WxError `usage`. */
function pushedOf(fields: Readonly<Record<string, unknown>>, rest: string): Pushed {
  const text = textIn(fields, ...TEXT);
  if (text === null && /^\s*[{[]/.test(rest) && isJson(rest))
    throw new WxError('usage', `the JSON has none of ${TEXT.join(', ')}`, {
      hint: `wxagent source add <name> --template '{"text":"{{path}}"}'`,
    });
  const format = textIn(fields, 'format');
  const ttl = textIn(fields, 'ttl');
  return {
    title: textIn(fields, ...TITLE),
    text: text ?? rest,
    // apprise says `markdown`, `text` and `html` in the same place.
    form: FORMS.find((one) => one === format) ?? 'wechat',
    link: textIn(fields, 'link', 'url'),
    id: keyIn(fields, 'id'),
    key: keyIn(fields, 'key'),
    ttlMs: ttl === null ? null : parseDurationMs(ttl, 'ttl'),
    isImportant: /^(1|yes|true)$/i.test(textIn(fields, 'important') ?? ''),
  };
}

function isJson(text: string): boolean {
  try {
    return isObject(JSON.parse(text)) || text.trimStart().startsWith('[');
  } catch {
    return false;
  }
}

function keyIn(fields: Readonly<Record<string, unknown>>, name: string): string | null {
  const key = textIn(fields, name);
  if (key === null || key.length <= MAX_KEY_CHARS) return key;
  throw new WxError('usage', `${name} has at most ${MAX_KEY_CHARS} characters`);
}

/** Keeps a file that came inside JSON. Throws WxError `usage` for what is not base64. */
export async function keepBase64(
  { keep }: Pick<PushRequest, 'keep'>,
  base64: string,
  name: string,
): Promise<void> {
  if (!/^[\w+/-]+={0,2}\s*$/.test(base64)) throw new WxError('usage', `${name} is not base64`);
  const bytes = Buffer.from(base64, 'base64');
  await keep(
    (async function* () {
      yield bytes;
    })(),
    name,
  );
}

/** Throws `405` for other methods than these. */
export function takes(method: string, ...methods: readonly string[]): void {
  if (methods.includes(method)) return;
  throw new HttpError(405, 'usage', `this takes ${methods.join(', ')}, not ${method}`, {
    headers: { allow: methods.join(', ') },
  });
}

/** The parts in which a push goes, as far as they concern its sender. */
export function accepted({ parts }: Sent): Answer {
  const shown = parts.map(({ seq, kind, state, reason }) => ({
    id: String(seq),
    kind,
    verdict: state,
    reason,
  }));
  return json(200, { parts: shown });
}

export function refused(problem: Problem): Answer {
  return { ...json(problem.status, problem), type: 'application/problem+json' };
}
