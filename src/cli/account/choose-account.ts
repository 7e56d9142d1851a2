import { dirname } from 'node:path';
import { WxError } from '../../core/errors.ts';
import { withoutQuotes } from '../../core/strip.ts';
import type { Account } from '../../home/config-file.ts';
import { TENCENT_BASE_URL } from '../../ilink/hosts.ts';
import { botIdOfToken } from '../../ilink/login/bot-id.ts';
import { withValues } from '../../settings/resolve-settings.ts';
import type { CommandContext } from '../port/context.ts';
import { logOf } from '../terminal/stderr-log.ts';

/** Where accounts are kept. */
type Place = Pick<CommandContext, 'paths'> & Partial<Pick<CommandContext, 'server'>>;

/** What tells which accounts there are, and which are meant. */
type Choice = Pick<CommandContext, 'settings' | 'file' | 'environment'> & Place;

/** The accounts of `--account`, all, or the default one. Throws WxError `not-logged-in`, or `not-found` for a name. */
export function chooseAccounts(context: Choice, all = false): [Account, ...Account[]] {
  const { account: wanted } = context.settings;
  const accounts = knownAccounts(context);
  const chosen = wanted.length > 0 ? wanted.map((name) => findAccount(accounts, name)) : all ? accounts : [];
  const [first, ...rest] = chosen.length > 0 ? chosen : defaultAccount(context, accounts);
  if (!first) throw noAccount(context);
  return [first, ...rest.filter((one, index) => one !== first && rest.indexOf(one) === index)];
}

/** The one account of commands that work with one. */
export function chooseAccount(context: Choice): Account {
  const [account, ...more] = chooseAccounts(context);
  if (more.length > 0) throw new WxError('usage', 'this command works with one --account');
  return account;
}

/** That account; null: none is logged in. */
export function accountIfAny(context: Choice): Account | null {
  try {
    return chooseAccount(context);
  } catch (error) {
    if (error instanceof WxError && error.kind === 'not-logged-in') return null;
    throw error;
  }
}

/** The default account is the same whatever `--account` says. */
export function withoutAccount(context: Pick<CommandContext, 'settings'>): CommandContext['settings'] {
  return withValues(context.settings, { account: [] });
}

/** An account by id, former id or alias. Throws WxError `not-found`. */
export function findAccount(accounts: readonly Account[], name: string): Account {
  const found =
    accounts.find((one) => one.id === name || one.key === name) ??
    accounts.find((one) => one.name === name) ??
    accounts.find((one) => one.formerIds.includes(name));
  if (!found) throw new WxError('not-found', `there is no account "${name}"`, { hint: 'wxagent accounts' });
  return found;
}

/** Names the place: mostly somebody is logged in, but as another user, or with another --home or --store. */
export function noAccount({ paths, server = null }: Place): WxError {
  const message = server
    ? `no account is logged in at ${server.name}`
    : `no account is logged in under ${dirname(paths.config)}`;
  return new WxError('not-logged-in', message, { hint: 'wxagent login' });
}

/** The account of `WXAGENT_TOKEN`, else the one chosen by `accounts use`, else the first. */
function defaultAccount(context: Choice, accounts: Account[]): Account[] {
  const fromToken = tokenAccount(context);
  const found =
    accounts.find((account) => account.id === fromToken?.id) ??
    accounts.find((account) => account.key === context.file.defaultAccount) ??
    accounts[0];
  return found ? [found] : [];
}

/** Stored accounts, and the one of `WXAGENT_TOKEN`, which is never written to disk. */
export function knownAccounts(context: Choice): Account[] {
  const stored = withoutRepeats(context.file.accounts);
  const fromToken = tokenAccount(context);
  if (!fromToken) return stored;
  const same = stored.find((one) => one.id === fromToken.id || one.formerIds.includes(fromToken.id));
  if (!same) return [fromToken, ...stored];
  return stored.map((one) => (one === same ? { ...one, id: fromToken.id, token: fromToken.token } : one));
}

/** Who writes the file by hand may name an account twice, which would then be served twice. The first counts. */
export function withoutRepeats(accounts: Account[]): Account[] {
  const [keys, ids] = [new Set<string>(), new Set<string>()];
  for (const { key, id } of accounts) {
    keys.add(key);
    ids.add(id);
  }
  if (keys.size === accounts.length && ids.size === accounts.length) return accounts;
  return accounts.filter((one) => [keys.delete(one.key), ids.delete(one.id)].every((isFirst) => isFirst));
}

function tokenAccount(context: Choice): Account | null {
  const token = givenToken(context);
  if (token === null) return null;
  const id = botIdOfToken(token);
  return {
    key: id,
    id,
    formerIds: [],
    name: null,
    owner: null,
    token,
    baseUrl: context.settings.baseUrl ?? TENCENT_BASE_URL,
    namedUrl: null,
    cdnUrl: null,
    loggedInAt: new Date(0).toISOString(),
  };
}

/** The token of `WXAGENT_TOKEN`; blanks and quotes around it come from files and are none of it. Throws WxError `config`. */
function givenToken({ environment }: Pick<CommandContext, 'environment'>): string | null {
  const token = withoutQuotes(environment.get('WXAGENT_TOKEN') ?? '');
  if (token === '') return null;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new WxError('config', 'WXAGENT_TOKEN is not a token: it has a blank or non-ASCII characters', {
    hint: 'give the token alone, on one line; wxagent login gets a new one',
  });
}

/** The accounts, with `--owner` where a login names none. Throws WxError `usage` when all have another, or for a bot. */
export function withOwner(
  context: Pick<CommandContext, 'settings'>,
  accounts: readonly [Account, ...Account[]],
): [Account, ...Account[]] {
  const { owner } = context.settings;
  const [first, ...rest] = accounts;
  if (owner === null) return [first, ...rest];
  if (!/^[\x21-\x7e]+$/.test(owner) || owner.endsWith('@im.bot') || accounts.some(({ id }) => id === owner)) {
    throw new WxError('usage', `--owner takes the id of a user, not "${owner}"`, {
      hint: '--owner o9cq80...@im.wechat',
    });
  }
  if (accounts.every((account) => account.owner !== null && account.owner !== owner)) {
    throw new WxError('usage', `the login of ${first.id} already has an owner: ${first.owner}`, {
      hint: 'leave --owner out; wxagent allow add <user> allows another user',
    });
  }
  const named = (account: Account): Account => (account.owner === null ? { ...account, owner } : account);
  return [named(first), ...rest.map(named)];
}

/** The context of one account: where a command works with several, its log names which. */
export function contextOf<C extends Pick<CommandContext, 'settings' | 'log'>>(
  context: C,
  account: Pick<Account, 'id' | 'name'>,
): C {
  const { allAccounts, account: named } = context.settings;
  if (!allAccounts && named.length < 2) return context;
  return { ...context, log: logOf(context.log, account.name ?? account.id) };
}

/** How to log in to an account again. One without a name at Tencent's server is whoever scans. */
export function loginHint({ id, name, namedUrl }: Pick<Account, 'id' | 'name' | 'namedUrl'>): string {
  return namedUrl === null && name === null ? 'wxagent login' : `wxagent login --account ${name ?? id}`;
}
