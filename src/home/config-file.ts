import { readFileSync } from 'node:fs';
import { hasCode, reasonOf, WxError } from '../core/errors.ts';
import { digest } from '../core/ids.ts';
import { isObject } from '../core/object.ts';
import { withoutBom } from '../core/strip.ts';

/** A logged-in bot and its owner, as config.json holds it. */
export interface Account {
  /** Names the account for good, in the store and in folders: its first bot id. */
  key: string;
  /** The bot id in use. */
  id: string;
  /** Bot ids it had before; still valid for `--account`. */
  formerIds: string[];
  /** Alias chosen by the user. */
  name: string | null;
  /** The person who scanned; null where the server did not say. */
  owner: string | null;
  token: string;
  baseUrl: string;
  /** The host named at login with `--base-url`: trusted with this account's token. */
  namedUrl: string | null;
  cdnUrl: string | null;
  loggedInAt: string;
}

/** Who is logged in. */
export interface AccountList {
  accounts: Account[];
  /** Key of the account `accounts use` chose. */
  defaultAccount: string | null;
}

/** Everything config.json holds. */
export interface ConfigFile extends AccountList {
  /** Settings written by `wxagent config set`, by their camelCase flag name. */
  settings: Record<string, unknown>;
}

/** Reads config.json, none as an empty one; conf costs more than the rest of a start. Throws WxError `config`. */
export function readConfigFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { accounts: [], defaultAccount: null, settings: {} };
    throw new WxError('config', `cannot read ${path}: ${reasonOf(error)}`, {
      hint: `ls -l ${path}`,
      cause: error,
    });
  }
  return parseConfigFile(path, text);
}

function parseConfigFile(path: string, text: string): ConfigFile {
  const broken = (what: string, cause?: unknown): WxError =>
    new WxError('config', `${path} is damaged: ${what}`, {
      hint: `repair it, or move it away and run: wxagent login`,
      cause,
    });
  let parsed: unknown;
  try {
    parsed = JSON.parse(withoutBom(text));
  } catch (error) {
    throw broken('it is not JSON', error);
  }
  if (!isObject(parsed)) throw broken('it is not an object');
  const { defaultAccount = null } = parsed;
  const accounts = parsed.accounts ?? [];
  const settings = parsed.settings ?? {};
  if (!Array.isArray(accounts) || !accounts.every(isAccount))
    throw broken('"accounts" is not a list of accounts');
  if (defaultAccount !== null && typeof defaultAccount !== 'string')
    throw broken('"defaultAccount" is not a text');
  if (!isObject(settings)) throw broken('"settings" is not an object');
  // What else is in it, such as of a newer version, is still there when it is written again.
  return { ...parsed, accounts, defaultAccount, settings };
}

function isAccount(value: unknown): value is Account {
  if (!isObject(value)) return false;
  const texts = [value.key, value.id, value.token, value.baseUrl, value.loggedInAt];
  const optional = [value.name, value.owner, value.namedUrl, value.cdnUrl];
  return (
    texts.every((text) => typeof text === 'string' && text !== '') &&
    optional.every((text) => text === null || typeof text === 'string') &&
    Array.isArray(value.formerIds) &&
    value.formerIds.every((id) => typeof id === 'string')
  );
}

/** Digest that tells one login of an account from the next without giving the token away. */
export function loginDigest(account: Pick<Account, 'token'>): string {
  return digest(account.token).slice(0, 16);
}
