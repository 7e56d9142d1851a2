import { WxError } from '../../core/errors.ts';
import { messageShown, type ReadMessage, readMessage } from '../../views/message.ts';
import { BEFORE, firstOf, hasText, LIMIT, limitOf, pageOf } from '../api/pagination.ts';
import type { Call, Route } from '../api/route.ts';
import { COUNT, listOf, objectOf, oneOf, optionalOf, orNull, TEXT, TIME, timeOf } from '../api/schema.ts';
import { accountOf } from './accounts.ts';

const FILE = objectOf({
  kind: oneOf('image', 'voice', 'file', 'video'),
  name: orNull(TEXT),
  sizeBytes: orNull(COUNT),
  durationMs: orNull(COUNT),
  transcript: orNull(TEXT),
});

/** A message as the API shows it. */
export const MESSAGE = objectOf({
  id: TEXT,
  user: TEXT,
  state: oneOf('received', 'running', 'waiting', 'done', 'failed', 'ignored', 'superseded'),
  reason: orNull(TEXT),
  detail: orNull(TEXT),
  kind: TEXT,
  text: TEXT,
  time: TIME,
  attempt: COUNT,
  unknownItems: listOf(TEXT),
  files: listOf(FILE),
  quotedFiles: listOf(FILE),
  quote: orNull(objectOf({ id: orNull(TEXT), text: TEXT })),
});

/** Messages that users sent, and what became of them. */
export const MESSAGE_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/accounts/{account}/messages',
    about: 'messages, newest first: of a user, of a time, with a text',
    scopes: ['read'],
    reach: 'user',
    query: optionalOf({
      user: { type: 'string', minLength: 1, maxLength: 200 },
      text: { type: 'string', minLength: 1, maxLength: 200, description: 'in any case' },
      from: TIME,
      to: { ...TIME, description: 'exclusive' },
      ...LIMIT,
      ...BEFORE,
    }),
    answer: objectOf({ messages: listOf(MESSAGE), before: orNull(COUNT) }),
    errors: [404],
    handle: findMessages,
  },
  {
    method: 'get',
    path: '/accounts/{account}/messages/{message}',
    about: 'one message',
    scopes: ['read'],
    reach: 'user',
    answer: MESSAGE,
    errors: [404],
    handle: async (call) => ({ json: shownMessage((await messageOf(call)).message) }),
  },
  {
    method: 'post',
    path: '/accounts/{account}/messages/{message}/retry',
    about: 'handle a finished message again',
    scopes: [],
    reach: 'user',
    answer: objectOf({ count: COUNT }),
    errors: [404, 409],
    async handle(call) {
      const { account, message } = await messageOf(call);
      const { inbox } = call.backend.store;
      const count = await inbox.retry({ account: account.key, id: message.id, by: call.caller.name });
      if (count === 0) throw new WxError('busy', `message ${message.id} is not finished yet`);
      return { json: { count } };
    },
  },
  {
    method: 'post',
    path: '/accounts/{account}/retry',
    about: 'handle all failed messages again, or send all expired parts',
    scopes: [],
    reach: 'account',
    body: objectOf({ what: oneOf('failed', 'expired') }),
    answer: objectOf({ count: COUNT }),
    errors: [404],
    async handle(call) {
      const { key } = await accountOf(call);
      const { inbox, outbox } = call.backend.store;
      const by = call.caller.name;
      const count =
        (call.body as { what: string }).what === 'failed'
          ? await inbox.retry({ account: key, id: null, by })
          : await outbox.requeueExpired({ account: key, by });
      return { json: { count } };
    },
  },
];

async function findMessages(call: Call) {
  const { query, caller, backend } = call;
  const { key } = await accountOf(call);
  const limit = limitOf(query);
  const filter = {
    account: key,
    user: caller.user ?? (query.user === undefined ? null : String(query.user)),
    fromMs: query.from === undefined ? null : timeOf(String(query.from)),
    toMs: query.to === undefined ? null : timeOf(String(query.to)),
  };
  const beforeSeq = query.before === undefined ? null : Number(query.before);
  if (query.text === undefined) {
    const page = await backend.store.inbox.messagePage({ beforeSeq, limit, ...filter });
    return {
      json: { messages: page.map((one) => shownMessage(readMessage(one))), before: pageOf(page, limit) },
    };
  }
  const text = String(query.text);
  const { found, beforeSeq: next } = await backend.store.conversations.findMessages({
    ...{ ...filter, text, beforeSeq },
  });
  const hits = found
    .map(readMessage)
    .filter(({ text: said, media }) => hasText(text, said, ...media.map(({ name }) => name)));
  const { page, before } = firstOf(hits, limit, next);
  return { json: { messages: page.map((one) => shownMessage(one)), before } };
}

/** The message that a path names. */
export async function messageOf(call: Call, id = call.params.message ?? '') {
  const account = await accountOf(call);
  const found = await call.backend.store.inbox.message({ account: account.key, id });
  if (found && (call.caller.user ?? found.user) === found.user)
    return { account, message: readMessage(found) };
  throw new WxError('not-found', `there is no message ${JSON.stringify(id.slice(0, 80))}`, {
    hint: 'GET /api/v1/accounts/{account}/messages',
  });
}

/** A message as {@link MESSAGE} describes it; `quotedText`: what it quotes, where that is known from elsewhere. */
export function shownMessage(message: ReadMessage, quotedText?: string) {
  const { media, quoteMedia, quoteText, quoteTitle, quoteId } = message;
  const isQuoting = quoteId !== null || quoteText !== null || quoteTitle !== null || quoteMedia.length > 0;
  return Object.assign(messageShown(message), {
    files: media.map(fileShown),
    quotedFiles: quoteMedia.map(fileShown),
    quote: isQuoting ? { id: quoteId, text: quoteText ?? quotedText ?? quoteTitle ?? '' } : null,
  });
}

function fileShown({ kind, name, sizeBytes, durationMs, transcript }: ReadMessage['media'][number]) {
  return { kind, name, sizeBytes, durationMs, transcript };
}
