import { reasonOf } from '../../core/errors.ts';
import { type Account, readConfigFile } from '../../home/accounts-file.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import type { Admin } from '../../store/port/port.ts';
import { knownAccounts, loginHint } from '../account/choice.ts';
import type { CommandContext } from '../command/context.ts';
import { obtainLogin } from './obtain-login.ts';

/** How often the accounts are looked at for new logins. */
export const LOOK_EVERY_MS = 1_000;

/**
 * A new login of an account whose login has died, or null when there is none to be had: one that
 * another process has stored meanwhile or, with `--wait-login` or while others are served, will
 * store; on a terminal a new QR code (design 3).
 */
export async function relogin(
  context: CommandContext,
  dead: Account,
  transport: Transport,
  admin: Admin,
  othersAreServed: () => boolean,
): Promise<Account | null> {
  const stop = context.stopSignal();
  const { waitLogin } = context.settings(['waitLogin']);
  const stored = storedLogin(context, dead);
  if (stored || stop.aborted) return stored;
  if (waitLogin || othersAreServed()) {
    context.log.warn(`${dead.id} is waiting for a new login`);
    context.log.info(`hint: ${loginHint(dead)}`);
    while (!stop.aborted && (waitLogin || othersAreServed())) {
      await context.clock.sleep(LOOK_EVERY_MS, stop);
      const found = storedLogin(context, dead);
      if (found) return found;
    }
    return null;
  }
  if (!context.isInteractive) return null;
  const request = { namedUrl: dead.namedUrl, cdnUrl: dead.cdnUrl, name: dead.name, force: true };
  const { account } = await obtainLogin(context, request, transport, admin);
  return account.key === dead.key ? account : null;
}

/** Starts accounts that log in while others are served; ends when no account is served any more, or the process stops. */
export async function watchForLogins(
  context: CommandContext,
  served: readonly Account[],
  anyIsServed: () => boolean,
  start: (account: Account) => void,
): Promise<void> {
  const stop = context.stopSignal();
  const seen = new Set(served.map((account) => account.key));
  while (!stop.aborted && anyIsServed()) {
    await context.clock.sleep(LOOK_EVERY_MS, stop);
    if (stop.aborted) return;
    for (const account of accountsNow(context)) {
      if (seen.has(account.key)) continue;
      seen.add(account.key);
      context.log.info(`${account.id} has logged in`);
      start(account);
    }
  }
}

function storedLogin(context: CommandContext, dead: Account): Account | null {
  const now = accountsNow(context).find((account) => account.key === dead.key);
  return now && now.token !== dead.token ? now : null;
}

/** Files that could not be read the last time, by path: each is reported once. */
const unreadable = new Set<string>();

/**
 * The accounts by now. Somebody may be just writing the file, and a process that lives keeps what it has read last: here
 * that is none but those it serves.
 */
function accountsNow(context: CommandContext): Account[] {
  const { config } = context.paths;
  try {
    const accounts = knownAccounts({ ...context, file: readConfigFile(config) });
    if (unreadable.delete(config)) context.log.info(`${config} can be read again`);
    return accounts;
  } catch (error) {
    if (!unreadable.has(config)) {
      context.log.warn(`${reasonOf(error)}; going on with what was read before, and looking again`);
    }
    unreadable.add(config);
    return [];
  }
}
