import { WxError } from '../../core/errors.ts';
import { accountShown } from '../../views/account.ts';
import type { Caller } from '../access/authenticate.ts';
import type { Call, Route } from '../api/route.ts';
import { COUNT, listOf, objectOf, oneOf, optionalOf, orNull, TEXT, TIME } from '../api/schema.ts';
import type { KnownAccount, WebBackend } from '../port/backend.ts';

/** A user with their budget and their window. */
export const USER_FIELDS = {
  id: TEXT,
  lastMessageAt: orNull(TIME),
  tokenAgeMs: orNull(COUNT),
  sentSinceMessage: COUNT,
  budgetLeft: COUNT,
  windowEndsAt: orNull(TIME),
  hold: orNull(objectOf({ reason: TEXT, parts: COUNT, since: TIME })),
} as const;

const ACCOUNT = objectOf({
  id: TEXT,
  name: orNull(TEXT),
  owner: orNull(TEXT),
  login: oneOf('ok', 'expired'),
  runner: orNull(objectOf({ pid: COUNT, host: TEXT, since: orNull(TIME) })),
  lastPollAt: orNull(TIME),
  inbox: objectOf({ received: COUNT, running: COUNT, failed: COUNT, ignored: COUNT, unknown: COUNT }),
  outbox: objectOf({ queued: COUNT, sending: COUNT, held: COUNT, delayed: COUNT, scheduled: COUNT }),
  deaf: orNull(
    objectOf({
      ...{ sign: oneOf('unconfirmed', 'silence'), user: TEXT, since: TIME, count: COUNT },
      parts: listOf(objectOf({ id: TEXT, clientId: TEXT, messageId: orNull(TEXT), time: TIME })),
    }),
  ),
  keepWindow: orNull(objectOf({ quietHours: orNull(TEXT), text: orNull(TEXT) })),
  users: listOf(objectOf({ ...USER_FIELDS, asksAt: orNull(TIME) })),
});

/** Accounts, their logins and their users with budget and window. */
export const ACCOUNT_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/accounts',
    about: 'all accounts, as wxagent status shows them',
    scopes: ['read'],
    reach: 'user',
    query: optionalOf({
      users: { ...oneOf('none'), description: 'without the users, who may be thousands' },
    }),
    answer: objectOf({ accounts: listOf(ACCOUNT) }),
    async handle(call) {
      const accounts = await accountsOf(call.backend, call.caller);
      const all = await Promise.all(accounts.map((one) => shown(call, one)));
      const isShort = call.query.users === 'none';
      return { json: { accounts: isShort ? all.map((one) => ({ ...one, users: [] })) : all } };
    },
  },
  {
    method: 'get',
    path: '/accounts/{account}',
    about: 'one account, by its ID or name',
    scopes: ['read'],
    reach: 'user',
    answer: ACCOUNT,
    errors: [404],
    handle: async (call) => ({ json: await shown(call, await accountOf(call)) }),
  },
];

async function shown({ backend, caller, nowMs }: Call, account: KnownAccount) {
  const [view, runner] = await Promise.all([
    backend.store.admin.accountView(account.key),
    backend.runnerOf(account),
  ]);
  const all = accountShown(account, view, runner, nowMs);
  return caller.user === null ? all : { ...all, users: all.users.filter(({ id }) => id === caller.user) };
}

/** The accounts that a caller may see. */
async function accountsOf(backend: WebBackend, { account }: Caller): Promise<KnownAccount[]> {
  const accounts = await backend.accounts();
  return account === null ? accounts : accounts.filter(({ key }) => key === account);
}

/** The account that a path names; one that the caller may not see is not there. */
export async function accountOf({ backend, caller, params }: Call): Promise<KnownAccount> {
  return findAccount(await accountsOf(backend, caller), params.account ?? '');
}

/** An account by ID, name or former ID. Throws WxError `not-found`. */
export function findAccount(accounts: readonly KnownAccount[], name: string): KnownAccount {
  const found =
    accounts.find((one) => one.id === name || one.key === name) ??
    accounts.find((one) => one.name === name) ??
    accounts.find((one) => one.formerIds.includes(name));
  if (found) return found;
  throw new WxError('not-found', `there is no account ${JSON.stringify(name.slice(0, 80))}`, {
    hint: 'GET /api/v1/accounts',
  });
}
