import { WxError } from '../../core/errors.ts';
import { timeShown } from '../../views/account.ts';
import type { Call, Route } from '../api/route.ts';
import { listOf, objectOf, TEXT, TIME } from '../api/schema.ts';
import { accountOf } from './accounts.ts';

const USERS = objectOf({ users: listOf(objectOf({ id: TEXT, since: TIME })) });

/** Who may write to the bot besides its owner. */
export const ALLOWED_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/accounts/{account}/allowed',
    about: 'who may write to the bot besides its owner',
    scopes: ['read'],
    reach: 'account',
    answer: USERS,
    errors: [404],
    handle: async (call) => listed(call, (await accountOf(call)).key),
  },
  {
    method: 'post',
    path: '/accounts/{account}/allowed',
    about: 'allow a user, from their next message on',
    scopes: [],
    reach: 'account',
    body: objectOf({ user: { type: 'string', pattern: '^[^\\s]{1,200}$' } }),
    answer: USERS,
    errors: [404],
    async handle(call) {
      const { key } = await accountOf(call);
      await change(call, key, (call.body as { user: string }).user, true);
      return listed(call, key);
    },
  },
  {
    method: 'delete',
    path: '/accounts/{account}/allowed/{user}',
    about: 'allow a user no longer',
    scopes: [],
    reach: 'account',
    answer: USERS,
    errors: [404],
    async handle(call) {
      const { key } = await accountOf(call);
      const { user = '' } = call.params;
      if (!(await change(call, key, user, false)))
        throw new WxError('not-found', `${JSON.stringify(user.slice(0, 80))} is not allowed`);
      return listed(call, key);
    },
  },
];

function change({ backend, caller, nowMs }: Call, account: string, user: string, allowed: boolean) {
  return backend.store.admin.setAllowed({ account, user, allowed, nowMs, by: caller.name });
}

async function listed({ backend, caller }: Call, account: string) {
  const users = (await backend.store.admin.allowed(account)).filter(
    ({ user }) => (caller.user ?? user) === user,
  );
  return { json: { users: users.map(({ user, sinceMs }) => ({ id: user, since: timeShown(sinceMs) })) } };
}
