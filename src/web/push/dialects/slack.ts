import { isObject } from '../../../core/object.ts';
import { HttpError } from '../../api/problem.ts';
import { jsonOf, objectsIn, textIn } from '../port/content.ts';
import { type Dialect, PLAIN, type PushRequest, plain } from '../port/dialect.ts';
import { markdownOfMrkdwn } from '../text/mrkdwn.ts';
import { takes } from './native.ts';

/** `/services/T/B/X` of Slack, `/hooks/X` of Mattermost, `/hooks/A/B` of Rocket.Chat: the last one is the token. */
const PATH = /^\/(?:services|hooks)\/(?:[^/]+\/){0,2}([^/]+)\/?$/;

const ERRORS: Readonly<Record<number, string>> = {
  400: 'invalid_payload',
  401: 'invalid_token',
  404: 'no_service',
  429: 'rate_limited',
  500: 'rollup_error',
};

/** Incoming webhooks of Slack, and of those who speak like it. */
export const slack: Dialect = {
  name: 'slack',
  isOwn: ({ path }) => PATH.test(path),
  tokenOf: ({ path }) => PATH.exec(path)?.[1] ?? null,
  async read(request) {
    takes(request.method, 'POST');
    const payload = await payloadOf(request);
    const blocks = textsOfBlocks(objectsIn(payload, 'blocks'));
    const text = [
      // Those who send blocks send the text for notifications: it is not shown beside them.
      ...(blocks.length > 0 ? blocks : [textIn(payload, 'text')]),
      ...objectsIn(payload, 'attachments').flatMap(textsOfAttachment),
    ].filter((one) => one !== null && one.trim() !== '');
    if (text.length === 0) throw new HttpError(400, 'usage', 'no_text');
    return { push: { ...PLAIN, text: markdownOfMrkdwn(text.join('\n')), form: 'wechat' } };
  },
  accepted: () => plain(200, 'ok'),
  refused: ({ status, detail }) =>
    plain(
      status === 401 ? 403 : status,
      detail === 'no_text' ? detail : (ERRORS[status] ?? 'internal_error'),
    ),
};

/** The JSON of a body, or that of its field `payload`. */
async function payloadOf({ content }: PushRequest): Promise<Record<string, unknown>> {
  const { fields, json } = await content();
  const inside = json === undefined ? textIn(fields, 'payload') : null;
  if (inside === null) return { ...fields };
  const body = jsonOf(inside);
  if (isObject(body)) return body;
  throw new HttpError(400, 'usage', 'invalid_payload');
}

function textsOfAttachment(attachment: Record<string, unknown>): (string | null)[] {
  const fields = objectsIn(attachment, 'fields').map(
    ({ title, value }) => `${String(title)}: ${String(value)}`,
  );
  const link = textIn(attachment, 'title_link');
  const title = textIn(attachment, 'title');
  const texts = [
    textIn(attachment, 'pretext'),
    title !== null && link !== null ? linked(title, link) : title,
    textIn(attachment, 'text'),
    ...fields,
    ...textsOfBlocks(objectsIn(attachment, 'blocks')),
    ...objectsIn(attachment, 'actions').map(buttonOf),
    textIn(attachment, 'image_url'),
  ].filter((one) => one !== null);
  return texts.length > 0 ? texts : [textIn(attachment, 'fallback')];
}

/** A title with its address, on one line. */
function linked(title: string, link: string): string {
  return /[<>|]/.test(title) ? `${title}\n${link}` : `<${link}|${title.replace(/\s+/g, ' ')}>`;
}

/** A button that opens an address; null: it does something in Slack. */
function buttonOf(button: Record<string, unknown>): string | null {
  const url = textIn(button, 'url');
  const { text } = button;
  const label = isObject(text) ? textIn(text, 'text') : textIn(button, 'text');
  return url === null ? null : `${label ?? ''}: ${url}`;
}

/** The texts of blocks, each a line, and the addresses of pictures and buttons. */
function textsOfBlocks(blocks: readonly Record<string, unknown>[]): string[] {
  return blocks.flatMap((block) => {
    const { text, fields, elements, accessory } = block;
    const own = [isObject(text) ? textIn(text, 'text') : null, textIn(block, 'image_url')];
    const others = [fields, elements, [accessory]].flatMap((list) =>
      Array.isArray(list) ? list.map(textOfElement) : [],
    );
    return [...own, ...others].filter((one) => one !== null && one !== '') as string[];
  });
}

/** An element of a block, and of rich text, in which they are inside one another. */
function textOfElement(element: unknown, depth = 0): string | null {
  if (!isObject(element) || depth > 8) return null;
  const { type, elements, url, name } = element;
  if (Array.isArray(elements)) {
    const texts = elements.map((one) => textOfElement(one, depth + 1) ?? '');
    return texts.join(type === 'rich_text_list' ? '\n' : '');
  }
  if (type === 'link') return linked(textIn(element, 'text') ?? String(url), String(url));
  if (type === 'emoji') return `:${String(name)}:`;
  if (type === 'button') return buttonOf(element);
  const { text } = element;
  return isObject(text) ? textIn(text, 'text') : textIn(element, 'text');
}
