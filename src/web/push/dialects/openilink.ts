import { WxError } from '../../../core/errors.ts';
import { HttpError } from '../../api/problem.ts';
import { textIn } from '../port/content.ts';
import { bearerOf } from '../port/credentials.ts';
import { type Dialect, json, PLAIN } from '../port/dialect.ts';
import { keepBase64, takes } from './native.ts';

const PATH = '/bot/v1/message/send';
const TYPES: readonly string[] = ['text', 'image', 'video', 'file'];

/** The Bot API of OpeniLink Hub. Whom it names does not count: the source has its user. */
export const openilink: Dialect = {
  name: 'openilink',
  isOwn: ({ path }) => path === PATH,
  tokenOf: ({ headers }) => bearerOf(headers.authorization),
  async read(request) {
    if (request.path !== PATH) throw new HttpError(404, 'not-found', 'not found');
    takes(request.method, 'POST');
    const { fields } = await request.content();
    const type = textIn(fields, 'type') ?? 'text';
    if (!TYPES.includes(type)) throw new WxError('usage', `type is one of ${TYPES.join(', ')}`);
    const text = textIn(fields, 'content', 'text');
    const base64 = type === 'text' ? null : textIn(fields, 'base64');
    const link = type === 'text' ? null : textIn(fields, 'url');
    if (text === null && base64 === null && link === null) throw new WxError('usage', 'content is required');
    const name = textIn(fields, 'filename', 'name') ?? type;
    if (base64 !== null) await keepBase64(request, base64.replace(/^data:[^,]{0,200},/, ''), name);
    return { push: { ...PLAIN, text: text ?? '', link } };
  },
  accepted: ({ parts }) => json(200, { ok: true, client_id: parts[0]?.clientId ?? '' }),
  refused: ({ status, detail }) => json(status, { ok: false, error: detail }),
};
