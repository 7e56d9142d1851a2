import { WxError } from '../../../core/errors.ts';
import { HttpError } from '../../api/problem.ts';
import { formOf, textIn } from '../port/content.ts';
import { type Dialect, json, PLAIN, type PushRequest } from '../port/dialect.ts';
import { takes } from './native.ts';

/** `/<key>.send`, and `/send/<key>.send` as newer keys have it. */
const PATH = /^\/(?:send\/)?([^/]{1,100})\.send$/;

/** ServerChan: title and Markdown. */
export const serverchan: Dialect = {
  name: 'serverchan',
  isOwn: ({ path }) => PATH.test(path),
  tokenOf: ({ path }) => PATH.exec(path)?.[1] ?? null,
  async read(request: PushRequest) {
    if (!PATH.test(request.path)) throw new HttpError(404, 'not-found', 'not found');
    takes(request.method, 'GET', 'POST');
    const { fields } = await request.content();
    const all = { ...formOf(request.query), ...fields };
    const title = textIn(all, 'title', 'text');
    const text = textIn(all, 'desp', 'content', 'short');
    if (title === null && text === null) throw new WxError('usage', 'title is required');
    return { push: { ...PLAIN, title, text: text ?? '', form: text === null ? 'raw' : 'wechat' } };
  },
  accepted: ({ parts }) => {
    const id = String(parts[0]?.seq ?? 0);
    return json(200, {
      code: 0,
      message: '',
      data: { pushid: id, readkey: '', error: 'SUCCESS', errno: 0 },
    });
  },
  refused: ({ status, detail }) => json(status, { code: status * 100 + 1, message: detail, info: detail }),
};
