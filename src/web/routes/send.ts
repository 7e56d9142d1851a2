import { WxError } from '../../core/errors.ts';
import { terminalText } from '../../core/terminal.ts';
import { parseDurationMs } from '../../core/units.ts';
import type { PartFile } from '../../store/port/port.ts';
import { KEY, keyIn } from '../api/input.ts';
import { isMultipart, readForm } from '../api/multipart.ts';
import { HttpError } from '../api/problem.ts';
import type { Call, Reply, Route } from '../api/route.ts';
import { faultOf, listOf, objectOf, oneOf, optionalOf, type Schema } from '../api/schema.ts';
import type { KnownAccount, ToSend } from '../port/backend.ts';
import { accountOf } from './accounts.ts';
import { PART, shownPart } from './parts.ts';

/** What a text is sent with. */
export const FIELDS = {
  text: { type: 'string', minLength: 1, maxLength: 500_000 },
  to: { type: 'string', minLength: 1, maxLength: 200, description: 'a user; default: the owner' },
  format: { ...oneOf('wechat', 'raw', 'code'), description: 'default wechat: Markdown for the phone' },
  ttl: {
    type: 'string',
    maxLength: 20,
    description: 'drop it if it is not sent after this long, such as 10m',
  },
  key: { ...KEY, description: 'replaces what waits with the same key' },
} as const satisfies Record<string, Schema>;

/** The values of {@link FIELDS}. */
export type Fields = { [K in keyof typeof FIELDS]?: string };

/** The headers of what is sent once. */
export const ONCE = optionalOf({ 'Idempotency-Key': { ...KEY, description: 'send --id' } });

/** Sending. */
export const SEND_ROUTES: readonly Route[] = [
  {
    method: 'post',
    path: '/accounts/{account}/send',
    about: 'send a text and files; the header Idempotency-Key is send --id',
    scopes: ['send'],
    reach: 'user',
    headers: ONCE,
    body: optionalOf(FIELDS, ['text']),
    multipart: optionalOf({
      ...FIELDS,
      file: {
        type: 'array',
        items: { type: 'string', format: 'binary' },
        description: 'sent after the text',
      },
    }),
    status: 202,
    answer: objectOf({ parts: listOf(PART) }),
    errors: [404],
    handle: send,
  },
];

async function send(call: Call): Promise<Reply> {
  const { backend, incoming } = call;
  const account = await accountOf(call);
  const id = keyIn(incoming.headers, 'Idempotency-Key');
  const kept: PartFile[] = [];
  try {
    const fields = isMultipart(incoming) ? await readFields(call, account, kept) : (call.body as Fields);
    const { user, ttlMs, ...what } = await checked(call, account, fields);
    const expiresAtMs = ttlMs === null ? null : call.nowMs + ttlMs;
    const parts = await backend.send(account, user, { ...what, expiresAtMs, kept, id });
    return { json: { parts: parts.map(shownPart) } };
  } catch (error) {
    // A later sweep removes what cannot be removed now.
    await backend.discardFiles(account, kept).catch(() => {});
    throw error;
  }
}

async function readFields(
  { backend, incoming }: Call,
  account: KnownAccount,
  kept: PartFile[],
): Promise<Fields> {
  const fields = await readForm(incoming, async (file, name) => {
    if (name === null)
      throw new WxError('usage', 'a file needs a name', { hint: "curl -F 'file=@report.pdf'" });
    kept.push(await backend.keepFile(account, file, name));
  });
  const fault = faultOf(optionalOf(FIELDS), fields, 'the form');
  if (fault !== null) throw new WxError('usage', fault);
  return fields;
}

/** Whom it goes to, and what; throws what is wrong with that. */
export async function checked(
  { backend, caller }: Pick<Call, 'backend' | 'caller'>,
  account: KnownAccount,
  { text, to, format, ttl, key }: Fields,
): Promise<Pick<ToSend, 'text' | 'form' | 'key'> & { user: string; ttlMs: number | null }> {
  if (text !== undefined && terminalText(text).trim() === '') throw new WxError('usage', 'the text is empty');
  if (caller.user !== null && to !== undefined && to !== caller.user)
    throw new HttpError(403, 'not-logged-in', `${caller.name} sends to ${caller.user} only`);
  const user = await backend.recipient(account, to ?? caller.user);
  return {
    user,
    text: text ?? null,
    form: (format ?? 'wechat') as ToSend['form'],
    key: key ?? null,
    ttlMs: ttl === undefined ? null : parseDurationMs(ttl, 'ttl'),
  };
}
