import { WxError } from '../../core/errors.ts';
import { contentOf } from '../../runner/received/quotes.ts';
import {
  type ChatEntry,
  type ChatPlace,
  CONVERSATION_KINDS,
  type Conversation,
  type ConversationKind,
} from '../../store/port/port.ts';
import { timeShown, userShown } from '../../views/account.ts';
import { type ReadMessage, readMessage } from '../../views/message.ts';
import { LIMIT, limitOf } from '../api/pagination.ts';
import type { Call, Route } from '../api/route.ts';
import { COUNT, listOf, objectOf, oneOf, optionalOf, orNull, TEXT, TIME } from '../api/schema.ts';
import type { KnownAccount } from '../port/backend.ts';
import { accountOf, USER_FIELDS } from './accounts.ts';
import { MESSAGE, messageOf, shownMessage } from './messages.ts';
import { PART, shownPart } from './parts.ts';

/** So much of a text says in a list what it is about. */
const GIST_CHARS = 200;
const END: ChatPlace = { messageSeq: Number.MAX_SAFE_INTEGER, partSeq: Number.MAX_SAFE_INTEGER };

const PLACE = { type: 'string', pattern: '^\\d{1,15}\\.\\d{1,15}$' } as const;

const CONVERSATION = objectOf({
  ...USER_FIELDS,
  lastAt: TIME,
  last: objectOf({
    message: orNull(TEXT),
    part: orNull(TEXT),
    state: TEXT,
    kind: TEXT,
    name: orNull(TEXT),
    text: { type: 'string', description: `its first ${GIST_CHARS} characters` },
  }),
  failed: COUNT,
  unseen: { ...COUNT, description: '100: that many or more' },
});

/** Chats of users with the bot: both sides, as people look at them. */
export const CONVERSATION_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/accounts/{account}/conversations',
    about: 'the conversations, those with the newest entry first',
    scopes: ['read'],
    reach: 'user',
    query: optionalOf({
      user: { type: 'string', minLength: 1, maxLength: 200, description: 'a piece of the ID, in any case' },
      only: {
        ...oneOf(...CONVERSATION_KINDS),
        description: 'those with messages that nobody has looked at or that failed, or with held parts',
      },
      ...LIMIT,
      before: {
        type: 'string',
        pattern: '^\\d{1,15}:.{1,512}$',
        description: 'what the page before it ended with',
      },
    }),
    answer: objectOf({ conversations: listOf(CONVERSATION), before: orNull(TEXT) }),
    errors: [404],
    handle: listConversations,
  },
  {
    method: 'get',
    path: '/accounts/{account}/conversations/{user}',
    about: 'one conversation as the list shows it',
    scopes: ['read'],
    reach: 'user',
    answer: CONVERSATION,
    errors: [404],
    async handle(call) {
      const { account, user } = await chatOf(call);
      const [found] = await conversationsOf(call, account, { user });
      if (found) return { json: shownConversation(found, call.nowMs) };
      throw nobody(user);
    },
  },
  {
    method: 'get',
    path: '/accounts/{account}/conversations/{user}/entries',
    about: 'messages and parts by time, oldest first: the newest of them, or those around a place',
    scopes: ['read'],
    reach: 'user',
    query: optionalOf({
      ...LIMIT,
      older: { ...PLACE, description: 'what comes before an earlier answer' },
      newer: { ...PLACE, description: 'what has come since' },
      message: { ...TEXT, description: 'up to this message' },
      part: { type: 'string', pattern: '^[1-9]\\d{0,14}$', description: 'up to this part' },
    }),
    answer: objectOf({
      entries: listOf(objectOf({ message: orNull(MESSAGE), part: orNull(PART) })),
      older: orNull(TEXT),
      newer: TEXT,
    }),
    errors: [404],
    handle: readEntries,
  },
  {
    method: 'post',
    path: '/accounts/{account}/seen',
    about:
      'note that the messages of a user were looked at, up to this one; without one, all messages of all users',
    scopes: [],
    reach: 'account',
    body: optionalOf({ message: { type: 'string', minLength: 1, maxLength: 600 } }),
    status: 204,
    errors: [404],
    async handle(call) {
      const { message: id } = call.body as { message?: string };
      const { key } = await accountOf(call);
      const { message } = id === undefined ? { message: null } : await messageOf(call, id);
      const upTo = message && { user: message.user, messageSeq: message.seq };
      await call.backend.store.conversations.markSeen({ account: key, upTo });
      return {};
    },
  },
];

async function listConversations(call: Call) {
  const { query, caller } = call;
  const account = await accountOf(call);
  const limit = limitOf(query);
  const [ms, ...rest] = String(query.before ?? '').split(':');
  const page = await conversationsOf(call, account, {
    user: caller.user,
    named: query.user === undefined ? null : String(query.user),
    only: (query.only as ConversationKind | undefined) ?? null,
    behind: query.before === undefined ? null : { lastAtMs: Number(ms), user: rest.join(':') },
    limit,
  });
  const last = page.at(-1);
  const isMore = last !== undefined && page.length === limit && caller.user === null;
  return {
    json: {
      conversations: page.map((one) => shownConversation(one, call.nowMs)),
      before: isMore ? `${last.lastAtMs}:${last.user}` : null,
    },
  };
}

function conversationsOf(
  { backend }: Call,
  { key }: KnownAccount,
  over: Partial<Parameters<typeof backend.store.conversations.list>[0]>,
): Promise<Conversation[]> {
  const all = { account: key, user: null, named: null, only: null, behind: null, limit: 1 };
  return backend.store.conversations.list({ ...all, ...over });
}

/** A conversation as the list shows it. */
export function shownConversation(conversation: Conversation, nowMs: number) {
  const { last, lastAtMs, failed, unseen } = conversation;
  return Object.assign(userShown(conversation, nowMs), {
    lastAt: timeShown(lastAtMs),
    last: gistOf(last),
    failed,
    unseen,
  });
}

function gistOf({ message, part }: ChatEntry) {
  if (part) {
    const { seq, state, kind, file, text } = part;
    return { message: null, part: String(seq), state, kind, name: file?.name ?? null, text: start(text) };
  }
  const { id, state, kind, text, media } = readMessage(message);
  return { message: id, part: null, state, kind, name: media[0]?.name ?? null, text: start(text) };
}

const start = (text: string): string => text.slice(0, GIST_CHARS).toWellFormed();

async function readEntries(call: Call) {
  const { query, backend } = call;
  const { account, user } = await chatOf(call);
  const { older, newer, message, part } = query;
  if ([older, newer, message, part].filter((one) => one !== undefined).length > 1)
    throw new WxError('usage', 'of older, newer, message and part only one can be given');
  const chat = { account: account.key, user };
  const from =
    newer !== undefined
      ? { behind: placeOf(String(newer)) }
      : { upTo: older === undefined ? END : placeOf(String(older)) };
  const what = message !== undefined ? { message: String(message) } : { partSeq: Number(part) };
  const isNamed = message !== undefined || part !== undefined;
  const named = isNamed ? await backend.store.conversations.placeOf({ ...chat, ...what }) : null;
  if (isNamed && !named) throw new WxError('not-found', `${user} has no such message or part`);
  const piece = await backend.store.conversations.piece({
    from: named ? { upTo: named } : from,
    limit: limitOf(query),
    ...chat,
  });
  const entries = [];
  for (const entry of piece.entries)
    entries.push(
      entry.part
        ? { message: null, part: shownPart(entry.part) }
        : { message: await withQuote(call, account, readMessage(entry.message)), part: null },
    );
  return {
    json: { entries, older: piece.older && placeShown(piece.older), newer: placeShown(piece.newer) },
  };
}

/** A message with the text of what it quotes, also where it tells only the ID of that. */
async function withQuote({ backend }: Call, { key }: KnownAccount, message: ReadMessage) {
  const { quoteText, quoteId: id, user } = message;
  if (quoteText !== null || id === null) return shownMessage(message);
  const stored = await backend.store.inbox.quoted({ account: key, user, id, aroundMs: null });
  return shownMessage(message, stored ? contentOf(stored).text : undefined);
}

/** The conversation that a path names. */
async function chatOf(call: Call): Promise<{ account: KnownAccount; user: string }> {
  const account = await accountOf(call);
  const { user = '' } = call.params;
  if ((call.caller.user ?? user) === user) return { account, user };
  throw nobody(user);
}

function nobody(user: string): WxError {
  return new WxError('not-found', `there is no conversation with ${JSON.stringify(user.slice(0, 80))}`, {
    hint: 'GET /api/v1/accounts/{account}/conversations',
  });
}

function placeOf(text: string): ChatPlace {
  const [messageSeq = 0, partSeq = 0] = text.split('.').map(Number);
  return { messageSeq, partSeq };
}

function placeShown({ messageSeq, partSeq }: ChatPlace): string {
  return `${messageSeq}.${partSeq}`;
}
