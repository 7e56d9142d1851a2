import { WxError } from '../../../core/errors.ts';
import { isObject } from '../../../core/object.ts';
import { formOf, textIn } from '../port/content.ts';
import { type Dialect, PLAIN } from '../port/dialect.ts';
import { accepted, refused, takes } from './native.ts';

/** The webhook of Uptime Kuma: JSON, the same JSON in the field `data` of a form, or a query. */
export const uptimeKuma: Dialect = {
  name: 'uptime-kuma',
  async read(request) {
    takes(request.method, 'GET', 'POST');
    const { fields } = await request.content();
    const all = { ...formOf(request.query), ...fields, ...inside(textIn(fields, 'data')) };
    const text = textIn(all, 'msg');
    if (text === null) throw new WxError('usage', 'msg is missing');
    const monitor = isObject(all.monitor) ? all.monitor : inside(textIn(all, 'monitor'));
    const link = textIn(monitor, 'url');
    return { push: { ...PLAIN, text, link: link === 'https://' ? null : link } };
  },
  accepted,
  refused,
};

function inside(text: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
