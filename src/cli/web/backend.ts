import { digest } from '../../core/ids.ts';
import { VERSION } from '../../core/version.ts';
import type { Account } from '../../home/accounts-file.ts';
import type { Store } from '../../store/port/port.ts';
import type { KnownAccount, WebBackend } from '../../web/port/backend.ts';
import { knownAccounts } from '../account/choice.ts';
import { pollerOf } from '../account/polling.ts';
import type { CommandContext } from '../command/context.ts';
import { accountsNow } from '../login/stored-accounts.ts';

/** What the web server needs, of a command that runs it. */
export function createWebBackend(context: CommandContext, store: Store): WebBackend {
  const { clock, log, server, paths } = context;
  let known = knownAccounts(context);
  return {
    store,
    clock,
    log,
    version: VERSION,
    instance: digest(server?.name ?? paths.database).slice(0, 8),
    async accounts() {
      known = (await accountsNow(context)) ?? known;
      return known.map(withoutToken);
    },
    async runnerOf(account) {
      const holder = await pollerOf(context, account, store.admin);
      return holder?.purpose === 'serve' ? { pid: holder.pid, host: holder.host } : null;
    },
  };
}

function withoutToken({ key, id, formerIds, name, owner, loggedInAt }: Account): KnownAccount {
  return { key, id, formerIds, name, owner, loggedInAt };
}
