import { statSync } from 'node:fs';
import { reasonOf } from '../../core/errors.ts';
import { type Account, type AccountList, type ConfigFile, readConfigFile } from '../../home/config-file.ts';
import type { StoreServer } from '../../store/postgres-server.ts';
import { knownAccounts } from '../account/choose-account.ts';
import type { CommandContext } from '../port/context.ts';

/** A file that was changed a moment ago may change again without looking another. */
const SETTLED_MS = 5_000;

/** What is known of a config.json that is looked at again and again. */
interface Known {
  /** What it looked like when it was read; null: it has to be read again. */
  look: string | null;
  file: ConfigFile;
  /** Whether it could not be read the last time: that is reported once. */
  isUnreadable: boolean;
}

/** By path. */
const known = new Map<string, Known>();

/** What became of the accounts of a list that is looked at again and again: with ten thousand of them that takes a while. */
const made = new WeakMap<Account[], { of: CommandContext['environment']; accounts: Account[] }>();

function accountsOf(context: CommandContext, list: AccountList): Account[] {
  const { environment } = context;
  const before = made.get(list.accounts);
  if (before?.of === environment) return before.accounts;
  const accounts = knownAccounts({ ...context, file: { ...context.file, ...list } });
  made.set(list.accounts, { of: environment, accounts });
  return accounts;
}

/** The accounts by now; null while somebody writes the file, which is read only when it has changed. */
export async function accountsNow(context: CommandContext): Promise<Account[] | null> {
  if (context.server) return accountsOnServer(context, context.server);
  const { config } = context.paths;
  const before = known.get(config) ?? { look: null, file: context.file, isUnreadable: false };
  known.set(config, before);
  try {
    const now = statSync(config, { throwIfNoEntry: false });
    if (!now) {
      // Those of WXAGENT_TOKEN alone have no file.
      if (before.file.accounts.length === 0) return knownAccounts(context);
      throw new Error(`${config} is gone`);
    }
    const look = `${now.dev}:${now.ino}:${now.size}:${now.mtimeMs}:${now.ctimeMs}`;
    if (look !== before.look) {
      before.file = readConfigFile(config);
      before.look = context.clock.wall() - now.ctimeMs > SETTLED_MS ? look : null;
    }
    if (before.isUnreadable) context.log.info(`${config} can be read again`);
    before.isUnreadable = false;
    return accountsOf(context, before.file);
  } catch (error) {
    if (!before.isUnreadable)
      context.log.warn(`${reasonOf(error)}; going on with what was read before, and looking again`);
    before.isUnreadable = true;
    before.look = null;
    return null;
  }
}

/** How old a look may be that several wait for. */
const SHARED_MS = 500;
/** The last look of those that share them. */
const shared = new WeakMap<StoreServer, { atMs: number; accounts: Promise<Account[] | null> }>();

/** The accounts a moment ago, as {@link accountsNow} tells them: of a server that many of a process look at, each second. */
export function accountsOfLate(context: CommandContext): Promise<Account[] | null> {
  const { server, clock } = context;
  if (!server) return accountsNow(context);
  const atMs = clock.monotonic();
  const last = shared.get(server);
  if (last && atMs - last.atMs < SHARED_MS) return last.accounts;
  const accounts = accountsNow(context);
  shared.set(server, { atMs, accounts });
  return accounts;
}

/** The login of an account by now: it may have been stored anew while somebody else has served it. */
export async function loginOfLate(context: CommandContext, account: Account): Promise<Account> {
  const now = (await accountsOfLate(context))?.find(({ key }) => key === account.key);
  return now && now.loggedInAt !== account.loggedInAt ? now : account;
}

/** Servers whose logins could not be read the last time. */
const unreadable = new WeakSet<StoreServer>();

async function accountsOnServer(context: CommandContext, server: StoreServer): Promise<Account[] | null> {
  try {
    const list = await server.logins.list();
    if (unreadable.delete(server)) context.log.info(`${server.name} can be read again`);
    return accountsOf(context, list);
  } catch (error) {
    if (!unreadable.has(server))
      context.log.warn(`${reasonOf(error)}; going on with what was read before, and looking again`);
    unreadable.add(server);
    return null;
  }
}
