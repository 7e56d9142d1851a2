import { WxError } from '../../core/errors.ts';
import { messageShown, type ReadMessage, readMessage } from '../../views/message.ts';
import { BEFORE, LIMIT, limitOf, pageOf } from '../api/page.ts';
import type { Call, Route } from '../api/route.ts';
import { COUNT, listOf, objectOf, oneOf, optionalOf, orNull, TEXT, TIME, timeOf } from '../api/schema.ts';
import { accountOf } from './accounts.ts';

/** So many messages are read for one page of a search; a page with fewer hits says where to go on. */
const SEARCHED = 2_000;
/** Read from the store at a time. */
const BATCH = 200;

const FILE = objectOf({
  kind: oneOf('image', 'voice', 'file', 'video'),
  name: orNull(TEXT),
  sizeBytes: orNull(COUNT),
  durationMs: orNull(COUNT),
  transcript: orNull(TEXT),
});

const MESSAGE = objectOf({
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
    status: 200,
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
    status: 200,
    answer: MESSAGE,
    errors: [404],
    handle: async (call) => ({ json: shown((await messageOf(call)).message) }),
  },
  {
    method: 'post',
    path: '/accounts/{account}/messages/{message}/retry',
    about: 'handle a finished message again',
    scopes: [],
    reach: 'user',
    status: 200,
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
    status: 200,
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
  const wanted = typeof query.text === 'string' ? query.text.toLowerCase() : null;
  const filter = {
    account: key,
    user: caller.user ?? (query.user === undefined ? null : String(query.user)),
    fromMs: query.from === undefined ? null : timeOf(String(query.from)),
    toMs: query.to === undefined ? null : timeOf(String(query.to)),
  };
  const found: ReadMessage[] = [];
  let beforeSeq = query.before === undefined ? null : Number(query.before);
  if (wanted === null) {
    const page = await backend.store.inbox.messagePage({ ...filter, beforeSeq, limit });
    return { json: { messages: page.map(readMessage).map(shown), before: pageOf(page, limit) } };
  }
  for (let searched = 0; searched < SEARCHED; searched += BATCH) {
    const page = await backend.store.inbox.messagePage({ ...filter, beforeSeq, limit: BATCH });
    for (const message of page.map(readMessage)) {
      beforeSeq = message.seq;
      if (message.text.toLowerCase().includes(wanted)) found.push(message);
      if (found.length === limit) return { json: { messages: found.map(shown), before: beforeSeq } };
    }
    if (page.length < BATCH) return { json: { messages: found.map(shown), before: null } };
  }
  return { json: { messages: found.map(shown), before: beforeSeq } };
}

/** The message that a path names. */
export async function messageOf(call: Call) {
  const account = await accountOf(call);
  const { message: id = '' } = call.params;
  const found = await call.backend.store.inbox.message({ account: account.key, id });
  if (found && (call.caller.user ?? found.user) === found.user)
    return { account, message: readMessage(found) };
  throw new WxError('not-found', `there is no message ${JSON.stringify(id.slice(0, 80))}`, {
    hint: 'GET /api/v1/accounts/{account}/messages',
  });
}

function shown(message: ReadMessage) {
  const { media, quoteMedia } = message;
  return { ...messageShown(message), files: media.map(fileShown), quotedFiles: quoteMedia.map(fileShown) };
}

function fileShown({ kind, name, sizeBytes, durationMs, transcript }: ReadMessage['media'][number]) {
  return { kind, name, sizeBytes, durationMs, transcript };
}
