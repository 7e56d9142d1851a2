import { WxError } from '../../../core/errors.ts';
import { parseJsonPath, textAt } from '../../../core/json-path.ts';
import { isObject } from '../../../core/object.ts';
import { parseDurationMs } from '../../../core/units.ts';
import { formOf } from './content.ts';
import { FORMS, PLAIN, type Pushed, type PushRequest, type Read } from './dialect.ts';

/** The longest template, as JSON. */
const MOST_CHARS = 10_000;

/** What a template can say. */
const KEYS = ['title', 'text', 'link', 'format', 'id', 'key', 'ttl'] as const;
type Template = Partial<Record<(typeof KEYS)[number], string>>;

/** Checks a template: a JSON object of texts with `{{path}}` into the JSON that comes. Throws WxError `usage`. */
export function checkedTemplate(text: string): string {
  const hint = `--template '{"title":"{{name}}","text":"{{status}}"}'`;
  const refused = (what: string): WxError => new WxError('usage', `--template ${what}`, { hint });
  if (text.length > MOST_CHARS) throw refused(`has ${text.length} characters, and may have ${MOST_CHARS}`);
  let template: unknown;
  try {
    template = JSON.parse(text);
  } catch {
    throw refused('takes a JSON object');
  }
  if (!isObject(template)) throw refused('takes a JSON object');
  for (const [key, value] of Object.entries(template)) {
    if (!(KEYS as readonly string[]).includes(key))
      throw refused(`has "${key}", which is none of ${KEYS.join(', ')}`);
    if (typeof value !== 'string') throw refused(`takes a text as ${key}`);
    for (const [, path = ''] of value.matchAll(PLACEHOLDER)) parseJsonPath(path.trim(), '--template');
  }
  const { title, text: body, format } = template as Template;
  if (title === undefined && body === undefined) throw refused('needs a text or a title');
  if (format !== undefined && !FORMS.some((one) => one === format))
    throw refused(`takes ${FORMS.join(', ')} as format`);
  return JSON.stringify(template);
}

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

/** What a template makes of a request; null: that brings no fields. */
export async function readByTemplate(template: string, request: PushRequest): Promise<Read | null> {
  const { json, fields } = await request.content();
  const root = json ?? { ...formOf(request.query), ...fields };
  if (isObject(root) && Object.keys(root).length === 0) return null;
  const pushed = filled(JSON.parse(template) as Template, root);
  if (pushed.text.trim() !== '' || pushed.title !== null) return { push: pushed };
  throw new WxError('usage', 'the template of the source finds nothing in what came');
}

function filled({ title, text, link, format, id, key, ttl }: Template, root: unknown): Pushed {
  // What came becomes text, and is never read as a template.
  const fill = (one: string | undefined): string | null =>
    one
      ?.replace(
        PLACEHOLDER,
        (_, path: string) => textAt(root, parseJsonPath(path.trim(), '--template')) ?? '',
      )
      .trim() || null;
  const lifetime = fill(ttl);
  return {
    ...PLAIN,
    title: fill(title),
    text: fill(text) ?? '',
    link: fill(link),
    form: (format ?? 'raw') as Pushed['form'],
    id: fill(id),
    key: fill(key),
    ttlMs: lifetime === null ? null : parseDurationMs(lifetime, 'ttl'),
  };
}
