import { WxError } from '../../core/errors.ts';
import { browserName, SCOPES, type Scope } from '../../store/port/port.ts';
import { auditEntryShown, tokenShown } from '../../views/access.ts';
import { timeShown } from '../../views/account.ts';
import { addToken } from '../access/grants.ts';
import { digestOf, newCookie, plainCode } from '../access/secrets.ts';
import { BEFORE, LIMIT, limitOf, pageOf } from '../api/pagination.ts';
import { HttpError } from '../api/problem.ts';
import type { Call, Route } from '../api/route.ts';
import {
  COUNT,
  listOf,
  NAME,
  objectOf,
  oneOf,
  optionalOf,
  orNull,
  TEXT,
  TIME,
  YES_NO,
} from '../api/schema.ts';
import { findAccount } from './accounts.ts';

const SCOPE = oneOf(...SCOPES);

const TOKEN_FIELDS = {
  name: TEXT,
  scope: SCOPE,
  account: orNull(TEXT),
  user: orNull(TEXT),
  createdAt: TIME,
  expiresAt: orNull(TIME),
  lastUsedAt: orNull(TIME),
};

/** Who asks, who may ask, and what was done. */
export const ACCESS_ROUTES: readonly Route[] = [
  {
    method: 'post',
    path: '/session',
    about: 'exchange a one-time code for the cookie of a browser',
    scopes: null,
    reach: 'user',
    body: objectOf({ code: { type: 'string', minLength: 1, maxLength: 40 } }),
    maxBodyBytes: 1_024,
    status: 201,
    answer: objectOf({ scope: SCOPE }),
    errors: [401, 429],
    handle: startSession,
  },
  {
    method: 'get',
    path: '/session',
    about: 'who asks: the token or the browser, and what it may do; and the version of the server',
    scopes: SCOPES,
    reach: 'user',
    answer: objectOf({
      name: TEXT,
      scope: SCOPE,
      account: orNull(TEXT),
      user: orNull(TEXT),
      expiresAt: orNull(TIME),
      version: TEXT,
    }),
    handle: async ({ backend: { version }, caller: { name, scope, account, user, expiresAtMs } }) => ({
      json: { name, scope, account, user, expiresAt: timeShown(expiresAtMs), version },
    }),
  },
  {
    method: 'delete',
    path: '/session',
    about: 'end the session of this browser',
    scopes: SCOPES,
    reach: 'user',
    status: 204,
    async handle({ backend, caller, nowMs }) {
      if (caller.session === null)
        throw new WxError('usage', 'a token has no session', { hint: 'DELETE /api/v1/tokens/{name}' });
      await backend.store.access.endSessions({ digest: caller.session.digest, by: caller.name, nowMs });
      return { endsCookie: true };
    },
  },
  {
    method: 'get',
    path: '/sessions',
    about: 'the browsers that are logged in',
    scopes: [],
    reach: 'server',
    answer: objectOf({
      sessions: listOf(
        objectOf({ name: TEXT, userAgent: TEXT, createdAt: TIME, lastSeenAt: TIME, isThisOne: YES_NO }),
      ),
    }),
    async handle({ backend, caller, nowMs }) {
      const sessions = (await backend.store.access.sessions({ nowMs })).map((one) => ({
        name: browserName(one.digest),
        userAgent: one.userAgent,
        createdAt: timeShown(one.createdAtMs),
        lastSeenAt: timeShown(one.lastSeenAtMs),
        isThisOne: one.digest === caller.session?.digest,
      }));
      return { json: { sessions } };
    },
  },
  {
    method: 'delete',
    path: '/sessions',
    about: 'end the sessions of all browsers',
    scopes: [],
    reach: 'server',
    isElevated: true,
    answer: objectOf({ count: COUNT }),
    async handle({ backend, caller, nowMs }) {
      const count = await backend.store.access.endSessions({ digest: null, by: caller.name, nowMs });
      return { json: { count }, endsCookie: caller.session !== null };
    },
  },
  {
    method: 'get',
    path: '/tokens',
    about: 'the tokens, without their secrets',
    scopes: [],
    reach: 'server',
    answer: objectOf({ tokens: listOf(objectOf(TOKEN_FIELDS)) }),
    handle: async ({ backend }) => ({
      json: { tokens: (await backend.store.access.tokens()).map(tokenShown) },
    }),
  },
  {
    method: 'post',
    path: '/tokens',
    about: 'make a token; its secret is in this answer and nowhere else',
    scopes: [],
    reach: 'server',
    isElevated: true,
    body: optionalOf(
      {
        name: NAME,
        scope: SCOPE,
        account: { type: 'string', minLength: 1, maxLength: 200 },
        to: { type: 'string', minLength: 1, maxLength: 200 },
        expiresAt: TIME,
      },
      ['name', 'scope'],
    ),
    status: 201,
    answer: objectOf({ ...TOKEN_FIELDS, token: TEXT }),
    errors: [404, 409],
    handle: makeToken,
  },
  {
    method: 'delete',
    path: '/tokens/{name}',
    about: 'remove a token: whoever has it may do nothing any more',
    scopes: [],
    reach: 'server',
    isElevated: true,
    status: 204,
    errors: [404],
    async handle({ backend, caller, params, nowMs }) {
      const { name = '' } = params;
      if (!(await backend.store.access.removeToken({ name, by: caller.name, nowMs })))
        throw new WxError('not-found', `there is no token ${JSON.stringify(name.slice(0, 80))}`);
      return {};
    },
  },
  {
    method: 'get',
    path: '/audit',
    about: 'what was done and cannot be taken back, newest first',
    scopes: [],
    reach: 'server',
    query: optionalOf({ ...LIMIT, ...BEFORE }),
    answer: objectOf({
      entries: listOf(
        objectOf({ id: TEXT, time: TIME, who: TEXT, act: TEXT, account: orNull(TEXT), about: TEXT }),
      ),
      before: orNull(COUNT),
    }),
    async handle({ backend, query }) {
      const limit = limitOf(query);
      const beforeSeq = query.before === undefined ? null : Number(query.before);
      const found = await backend.store.access.audit({ beforeSeq, limit });
      return { json: { entries: found.map(auditEntryShown), before: pageOf(found, limit) } };
    },
  },
];

async function startSession({ backend, client, incoming, body, nowMs, wrongCodes, again }: Call) {
  const { code } = body as { code: string };
  // Of a code there are fewer than of a token: who has failed too often is not even told whether it was right.
  wrongCodes.check(client.address);
  const cookie = newCookie();
  const userAgent = (incoming.headers['user-agent'] ?? '').slice(0, 200);
  // A browser that is in already confirms who sits there: its session begins anew, with another cookie.
  const before = await again();
  const isRight = await backend.store.access.redeemCode({
    digest: digestOf(plainCode(code)),
    replaces: before?.session?.digest ?? null,
    session: { digest: digestOf(cookie), userAgent },
    nowMs,
  });
  if (!isRight) {
    wrongCodes.failed(client.address);
    throw new HttpError(401, 'not-logged-in', 'the code is wrong, used or too old', {
      hint: 'wxagent token code',
    });
  }
  return { status: 201, json: { scope: 'admin' }, cookie };
}

async function makeToken({ backend, caller, body, nowMs }: Call) {
  const given = body as { name: string; scope: Scope; account?: string; to?: string; expiresAt?: string };
  const expiresAtMs = given.expiresAt === undefined ? null : Date.parse(given.expiresAt);
  if (expiresAtMs !== null && expiresAtMs <= nowMs) throw new WxError('usage', 'expiresAt is in the past');
  const account = given.account === undefined ? null : findAccount(await backend.accounts(), given.account);
  const { name, scope, to = null } = given;
  if (to !== null) await backend.checkUser(account, to);
  const { token, text } = await addToken(backend.store.access, {
    ...{ name, scope, account: account?.key ?? null, user: to, expiresAtMs },
    ...{ by: caller.name, nowMs },
  });
  return { status: 201, json: { ...tokenShown(token), token: text } };
}
