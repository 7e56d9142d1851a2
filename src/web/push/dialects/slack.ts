import { isObject } from '../../../core/object.ts';
import { HttpError } from '../../api/problem.ts';
import { joinedIn, jsonOf, objectsIn, textIn } from '../port/content.ts';
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
  const fields = objectsIn(attachment, 'fields').map((field) => joinedIn(field, ': ', 'title', 'value'));
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
  ].filter((one) => one !== null && one !== '');
  const own = texts.length > 0 ? texts : [textIn(attachment, 'fallback')];
  // Of some senders the foot is the only place that names the project.
  return [textIn(attachment, 'author_name'), ...own, textIn(attachment, 'footer')];
}

/** A title with its address, on one line. */
function linked(title: string, link: string): string {
  return /[<>|]/.test(title) ? `${title}\n${link}` : `<${link}|${title.replace(/\s+/g, ' ')}>`;
}

/** A button that opens an address; null: it does something in Slack. */
function buttonOf(button: Record<string, unknown>): string | null {
  const url = textIn(button, 'url');
  const label = textOf(button.text) ?? textIn(button, 'text');
  return url === null ? null : `${label ?? ''}: ${url}`;
}

/** The texts of blocks, each a line, and the addresses of pictures and buttons. */
function textsOfBlocks(blocks: readonly Record<string, unknown>[]): string[] {
  return blocks.flatMap((block) => {
    const { text, fields, elements, accessory, rows } = block;
    const [title, link] = [textOf(block.title), textIn(block, 'title_url')];
    const own = [
      // A block of Markdown has its text as it is.
      textOf(text) ?? textIn(block, 'text'),
      title !== null && link !== null ? linked(title, link) : title,
      textIn(block, 'image_url'),
      ...(Array.isArray(rows) ? rows.map(textOfRow) : []),
    ];
    const others = [fields, elements, [accessory]].flatMap((list) =>
      Array.isArray(list) ? list.map(textOfElement) : [],
    );
    return [...own, ...others].filter((one) => one !== null && one !== '') as string[];
  });
}

/** What Slack writes as a text with its kind. */
function textOf(value: unknown): string | null {
  return isObject(value) ? textIn(value, 'text') : null;
}

/** A row of a table. */
function textOfRow(row: unknown): string {
  const cells = Array.isArray(row) ? row : [];
  return cells.map((cell) => textOfElement(cell) ?? '').join(' | ');
}

/** Whom or what an element of rich text names, each with the name under which it comes. */
const NAMED: Readonly<Record<string, string>> = {
  ...{ user: 'user_id', usergroup: 'usergroup_id', channel: 'channel_id', broadcast: 'range' },
};

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
  if (Object.hasOwn(NAMED, String(type))) return `@${textIn(element, NAMED[String(type)] ?? '') ?? ''}`;
  return textOf(element.text) ?? textIn(element, 'text', 'fallback');
}
