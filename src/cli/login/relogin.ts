import { startPauseMs } from '../../core/time/backoff.ts';
import type { Account } from '../../home/config-file.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import { type Store, TERMINAL } from '../../store/port/port.ts';
import { loginHint } from '../account/choose-account.ts';
import type { CommandContext } from '../port/context.ts';
import { obtainLogin } from './obtain-login.ts';
import { accountsNow, accountsOfLate } from './stored-accounts.ts';

/** How often the accounts are looked at for new logins. */
export const LOOK_EVERY_MS = 1_000;

/** A new login of an account: one that another process stores, or on a terminal by a new QR code. null: there is none. */
export async function relogin(
  context: CommandContext,
  dead: Account,
  transport: Transport,
  store: Pick<Store, 'admin' | 'access'>,
  isAwaited: () => boolean,
): Promise<Account | null> {
  const stop = context.stopSignal();
  const newLogin = (accounts: readonly Account[] | null): Account | null =>
    accounts?.find(({ key, token }) => key === dead.key && token !== dead.token) ?? null;
  const stored = newLogin(await accountsNow(context));
  if (stored || stop.aborted) return stored;
  if (isAwaited()) {
    context.log.warn(`${dead.id} is waiting for a new login`);
    context.log.info(`hint: ${loginHint(dead)}`);
    while (!stop.aborted && isAwaited()) {
      await context.clock.sleep(LOOK_EVERY_MS, stop);
      const found = newLogin(await accountsOfLate(context));
      if (found) return found;
    }
    return null;
  }
  if (!context.isInteractive) return null;
  const request = {
    namedUrl: dead.namedUrl,
    cdnUrl: dead.cdnUrl,
    name: dead.name,
    force: true,
    by: TERMINAL,
    invitation: null,
  };
  const { account } = await obtainLogin(context, request, transport, store);
  return account.key === dead.key ? account : null;
}

/** The login of an account by now, or when it is stored anew; null: nobody waits any longer. */
export async function otherLogin(
  context: CommandContext,
  before: Account,
  leave: AbortSignal,
): Promise<Account | null> {
  while (!leave.aborted) {
    const found = (await accountsOfLate(context))?.find(({ key }) => key === before.key);
    // An account that has not changed is the same object at every look.
    if (found && found !== before) return found;
    await context.clock.sleep(LOOK_EVERY_MS, leave);
  }
  return null;
}

/** What is done with accounts that come and go while others are served. */
export interface Changes {
  /** Resolves with false when there is nothing more to watch for. */
  wait(ms: number): Promise<boolean>;
  /** The keys of the accounts that are served, or are about to be. */
  served(): Iterable<string>;
  start(account: Account): void;
  /** The account has logged out. */
  leave(key: string): void;
}

/** Follows the accounts of the home: starts those that log in, and ends those that log out. */
export async function followAccounts(context: CommandContext, changes: Changes): Promise<void> {
  const seen = new Set(changes.served());
  let before: Account[] | null = null;
  while (await changes.wait(LOOK_EVERY_MS)) {
    const accounts = await accountsNow(context);
    if (accounts === null || accounts === before) continue;
    before = accounts;
    const now = new Set(accounts.map(({ key }) => key));
    for (const key of seen) {
      if (now.has(key)) continue;
      seen.delete(key);
      changes.leave(key);
    }
    let started = 0;
    for (const account of accounts) {
      if (seen.has(account.key)) continue;
      const pauseMs = startPauseMs(++started);
      if (pauseMs > 0 && !(await changes.wait(pauseMs))) return;
      seen.add(account.key);
      context.log.info(`${account.id} has logged in`);
      changes.start(account);
    }
  }
}
