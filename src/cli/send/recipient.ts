import { WxError } from '../../core/errors.ts';
import type { Admin } from '../../store/port/port.ts';

/** Users that an error lists. */
const KNOWN_SHOWN = 10;

/** What ids of people look like: `o9cq80z...@im.wechat`. Bots, which are `@im.bot`, get nothing from other bots. */
const USER_ID = /^(?!.*@im\.bot$)[\x21-\x3f\x41-\x7e]{1,128}@[\w.-]{1,64}$/;

/** Throws WxError `not-found` for a name that is no ID and known to none of these accounts. */
export async function checkUser(admin: Admin, accounts: readonly string[], user: string): Promise<void> {
  if (USER_ID.test(user)) return;
  const known = new Set<string>();
  for (const account of accounts) for (const one of await usersOf(admin, account)) known.add(one);
  if (known.has(user)) return;
  const some = [...known].slice(0, KNOWN_SHOWN).join(', ');
  throw new WxError(
    'not-found',
    `there is no user "${user}": --to takes an id such as o9cq80z...@im.wechat, or the name of an account${some && `; known here: ${some}`}`,
    { hint: 'wxagent status' },
  );
}

/** The users of an account who can be reached or are allowed. */
async function usersOf(admin: Admin, account: string): Promise<string[]> {
  const view = await admin.accountView(account);
  const allowed = (await admin.allowed(account)).map((one) => one.user);
  // A part that an earlier version held for a name does not make that user known.
  const users =
    view?.users.filter(({ lastMessageAtMs, hasToken }) => lastMessageAtMs !== null || hasToken) ?? [];
  return [...(view?.owner ? [view.owner] : []), ...users.map((one) => one.user), ...allowed];
}

/** Throws WxError `usage`: an account whose owner is not known, and nobody else is named. */
export function unknownUser(id: string): never {
  throw new WxError('usage', `the owner of ${id} is not known yet: who is to get this?`, {
    hint: 'wxagent send --to <user> ...',
  });
}
