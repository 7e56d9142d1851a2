import { WxError } from '../../core/errors.ts';
import type { Account } from '../../home/config-file.ts';
import { chooseAccounts } from '../account/choose-account.ts';
import { accountsNow } from '../login/stored-accounts.ts';
import type { CommandContext } from '../port/context.ts';

/** How often it is looked whether somebody has logged in. */
const LOOK_MS = 1_000;

/** The accounts to serve, or null when told to stop; with `isAwaited` the first login is waited for. Throws WxError. */
export async function accountsToServe(
  context: CommandContext,
  { all, isAwaited }: { all: boolean; isAwaited: boolean },
): Promise<[Account, ...Account[]] | null> {
  const stop = context.stopSignal();
  let { file } = context;
  for (let looks = 0; !stop.aborted; looks++) {
    try {
      return chooseAccounts({ ...context, file }, all);
    } catch (error) {
      if (!isAwaited || !(error instanceof WxError) || error.kind !== 'not-logged-in') throw error;
      if (looks === 0) context.log.warn(`${error.message}: waiting for a login`);
    }
    await context.clock.sleep(LOOK_MS, stop);
    file = { ...file, accounts: (await accountsNow(context)) ?? [] };
  }
  return null;
}
