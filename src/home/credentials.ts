import { rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { codeOf, reasonOf, WxError } from '../core/errors.ts';
import { withoutBom } from '../core/strip.ts';
import type { Clock } from '../core/time/clock.ts';
import { type Account, type AccountList, type ConfigFile, readConfigFile } from './config-file.ts';
import { type LockHolder, withLock } from './lock.ts';
import { makeFolder } from './make-folder.ts';
import type { Paths } from './paths.ts';

/** More than a login takes. */
const PROBE_BYTES = 16 * 1024;

export type NewLogin = Omit<Account, 'key' | 'formerIds'>;

/** The logins of a store, in config.json or in a database: every change is made on what is there at that moment. */
export interface Logins {
  /** Who is logged in by now. */
  list(): Promise<AccountList>;
  /**
   * Makes sure that a login can be stored, by writing what is there once more: whoever has scanned a code has ended the
   * login before, so it must not come out afterwards. Throws WxError `storage` (a full disk), `cannot-create`, `config`.
   */
  prepare(): Promise<void>;
  /** Stores a login. The same owner, or the same bot id, takes its old account over. */
  saveLogin(login: NewLogin): Promise<Account>;
  /** Forgets an account. */
  remove(key: string): Promise<void>;
  /** Makes an account the default. */
  use(key: string): Promise<void>;
  /** Puts other logins in the place of all that are there. */
  replace(list: AccountList): Promise<void>;
}

/** The writer of config.json, under a lock. */
export interface Credentials extends Logins {
  /** Sets a setting, or unsets it with undefined. */
  set(name: string, value: unknown): Promise<void>;
}

/** Opens the writer. conf is loaded by the first change, because that takes longer than the rest of a start. */
export function createCredentials(options: { paths: Paths; me: LockHolder; clock: Clock }): Credentials {
  const { paths, me, clock } = options;

  async function change<T>(work: (file: ConfigFile) => T): Promise<T> {
    try {
      makeFolder(dirname(paths.config));
      const { default: Conf } = await import('conf');
      return await withLock(paths.configLock, me, clock, () => {
        const file = readConfigFile(paths.config);
        const result = work(file);
        new Conf(confOptions(paths.config)).store = { ...file };
        return result;
      });
    } catch (error) {
      if (error instanceof WxError) throw error;
      throw cannotWrite(paths.config, error);
    }
  }

  return {
    list: async () => readConfigFile(paths.config),
    prepare: () =>
      change(() => {
        // A login takes more room than what is there.
        const probe = `${paths.config}.probe`;
        try {
          writeFileSync(probe, Buffer.alloc(PROBE_BYTES), { mode: 0o600, flush: true });
        } finally {
          rmSync(probe, { force: true });
        }
      }),
    saveLogin: (login) => change((file) => placeLogin(file.accounts, login)),
    remove: (key) =>
      change((file) => {
        file.accounts = file.accounts.filter((account) => account.key !== key);
        if (file.defaultAccount === key) file.defaultAccount = null;
      }),
    use: (key) =>
      change((file) => {
        file.defaultAccount = key;
      }),
    replace: ({ accounts, defaultAccount }) =>
      change((file) => {
        Object.assign(file, { accounts, defaultAccount });
      }),
    set: (name, value) =>
      change((file) => {
        if (value === undefined) delete file.settings[name];
        else file.settings[name] = value;
      }),
  };
}

/** With the exit code of what is in the way: no room, no right, or what is not a path. */
function cannotWrite(path: string, cause: unknown): WxError {
  const message = `cannot write ${path}: ${reasonOf(cause)}`;
  if (['ENOSPC', 'EDQUOT'].includes(codeOf(cause))) {
    return new WxError('storage', message, { hint: 'make room on that disk, then try again', cause });
  }
  if (['EACCES', 'EPERM', 'EROFS'].includes(codeOf(cause))) {
    return new WxError('cannot-create', message, { hint: `ls -ld ${dirname(path)}`, cause });
  }
  // A file that is mounted by itself cannot be replaced.
  const hint = codeOf(cause) === 'EBUSY' ? `mount the folder ${dirname(path)}, not the file` : null;
  return new WxError('config', message, { hint: hint ?? `ls -ld ${dirname(path)}`, cause });
}

/** Whether a login takes this account over: the bot or its owner is the same. */
export function isOfAccount(account: Account, login: Pick<NewLogin, 'id' | 'owner'>): boolean {
  return (
    account.id === login.id ||
    account.formerIds.includes(login.id) ||
    (login.owner !== null && account.owner === login.owner)
  );
}

/** Puts a login into a list, in place of the one that it takes over; returns its account. An alias stays whose it is. */
export function placeLogin(accounts: Account[], login: NewLogin): Account {
  const index = accounts.findIndex((account) => isOfAccount(account, login));
  const old = accounts[index];
  const isTaken = accounts.some((one) => one !== old && one.name === login.name);
  const account: Account = {
    ...login,
    key: old?.key ?? login.id,
    name: (isTaken ? null : login.name) ?? old?.name ?? null,
    owner: login.owner ?? old?.owner ?? null,
    formerIds: old ? [...new Set([...old.formerIds, old.id])].filter((id) => id !== login.id) : [],
  };
  if (old) accounts[index] = account;
  else accounts.push(account);
  return account;
}

function confOptions(path: string) {
  return {
    cwd: dirname(path),
    configName: basename(path, extname(path)),
    projectName: 'wxagent',
    projectSuffix: '',
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    // It reads the file once more before it writes.
    deserialize: (text: string) => JSON.parse(withoutBom(text)),
  };
}
