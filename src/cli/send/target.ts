import { WxError } from '../../core/errors.ts';
import { type Account, loginDigest } from '../../home/config-file.ts';
import type { Admin } from '../../store/port/port.ts';
import { chooseAccount, findAccount, knownAccounts } from '../account/choose-account.ts';
import { loginOfLate } from '../login/stored-accounts.ts';
import type { CommandContext } from '../port/context.ts';
import { checkUser, unknownUser } from './recipient.ts';

/** Whom a text goes to, and through which account. */
export interface Target {
  /** Key of the account in the store. */
  key: string;
  id: string;
  user: string;
  /** null inside an agent of an account whose token only the runner has: that one delivers. */
  account: Account | null;
  /** The login has expired: nothing can be delivered before a new one. */
  isLoginDead: boolean;
}

/** The account of `--account`, and the user of `--to`, of the agent that calls, or the owner. */
export async function findTarget(context: CommandContext, admin: Admin): Promise<Target> {
  const given = context.settings.to;
  if (given === '') throw new WxError('usage', '--to needs a user', { hint: 'wxagent status' });
  const named = given === null ? null : namedAccount(context, given);
  const account = (context.settings.account.length === 0 && named) || (await ownAccount(context, admin));
  const to = named
    ? (named.owner ?? (await admin.accountView(named.key))?.owner ?? unknownUser(named.id))
    : given;
  if (to !== null && !named) await checkUser(admin, [account.key], to);
  const asking = context.environment.get('WXAGENT_USER');
  if ('view' in account) {
    const user = to ?? asking ?? account.view.owner;
    return {
      key: account.key,
      id: account.id,
      user: user ?? unknownUser(account.id),
      account: null,
      isLoginDead: false,
    };
  }
  // A text on stdin, or the end of a command, may have come long after this process was told who is logged in.
  const login = await loginOfLate(context, account);
  const { key, id, owner } = login;
  const opened = await admin.openAccount({
    account: key,
    login: loginDigest(login),
    owner,
    nowMs: context.clock.now(),
  });
  const user = to ?? asking ?? owner ?? opened.owner ?? unknownUser(id);
  return { key, id, user, account: login, isLoginDead: opened.loginExpired };
}

/** A logged-in account; inside an agent one that the store knows will do, for the runner has its token. */
async function ownAccount(
  context: CommandContext,
  admin: Admin,
): Promise<Account | { key: string; id: string; view: { owner: string | null } }> {
  const { environment, server } = context;
  try {
    const account = chooseAccount(context);
    // What an agent runs has no key, and needs none: the runner has the login.
    const isKeyless = server !== null && !server.hasKey && environment.get('WXAGENT_BIN') !== undefined;
    const view = isKeyless ? await admin.accountView(account.key) : null;
    return view ? { key: account.key, id: account.id, view } : account;
  } catch (error) {
    const inside = environment.get('WXAGENT_MESSAGE_ID') !== undefined;
    const [id] = context.settings.account;
    const view = inside && id !== undefined ? await admin.accountView(id) : null;
    if (view === null || id === undefined) throw error;
    return { key: id, id, view };
  }
}

/** An account whose name or id this is. */
function namedAccount(context: CommandContext, name: string): Account | null {
  const accounts = knownAccounts(context);
  return accounts.some((one) => [one.id, one.key, one.name, ...one.formerIds].includes(name))
    ? findAccount(accounts, name)
    : null;
}
