import type { Account } from '../../home/config-file.ts';
import { TERMINAL } from '../../store/port/port.ts';
import {
  chooseAccount,
  findAccount,
  knownAccounts,
  noAccount,
  withoutAccount,
} from '../account/choose-account.ts';
import { pollerOf } from '../account/polling-right.ts';
import { withStore } from '../account/store.ts';
import { loginsOf } from '../account/store-place.ts';
import type { CommandContext } from '../port/context.ts';
import { localMinute } from '../terminal/local-time.ts';
import { table } from '../terminal/table.ts';

/** `wxagent accounts list`: what is logged in here. */
export async function listAccounts(context: CommandContext): Promise<void> {
  const accounts = knownAccounts(context);
  const chosen =
    accounts.length > 0 ? chooseAccount({ ...context, settings: withoutAccount(context) }) : null;
  if (context.json)
    return context.printJson('accounts', {
      accounts: accounts.map((account) => ({
        id: account.id,
        name: account.name,
        owner: account.owner,
        baseUrl: account.baseUrl,
        loggedInAt: account.loggedInAt,
        default: account.key === chosen?.key,
      })),
    });
  if (accounts.length === 0) context.say(noAccount(context).message, 'hint: wxagent login');
  const rows = accounts.map((account) => [
    account.key === chosen?.key ? '*' : '',
    account.id,
    account.name ?? '-',
    account.owner ?? '-',
    localMinute(account.loggedInAt),
  ]);
  context.show(...table(rows));
}

/** `wxagent accounts use <name>`: makes an account the default. */
export async function useAccount(context: CommandContext, [name = '']: string[]): Promise<void> {
  const account = findAccount(context.file.accounts, name);
  await loginsOf(context).use(account.key);
  context.say(`${label(account)} is the default account now.`);
}

/** `wxagent logout`: forgets the token of an account; its messages stay. */
export async function logout(context: CommandContext): Promise<void> {
  const account = findAccount(context.file.accounts, chooseAccount(context).key);
  await loginsOf(context).remove(account.key);
  const holder = await withStore(context, async ({ access, admin }) => {
    await access.noteAct({
      by: TERMINAL,
      act: 'logout',
      account: account.key,
      about: account.name ?? account.id,
      nowMs: context.clock.now(),
    });
    return pollerOf(context, account, admin);
  });
  context.say(`${label(account)} is logged out here; its messages are kept.`);
  if (holder?.purpose === 'serve')
    context.say(
      `Process ${holder.pid} on ${holder.host} serves it, and goes on with its login unless it serves all accounts: stop it.`,
    );
}

function label(account: Account): string {
  return account.name === null ? account.id : `${account.name} (${account.id})`;
}
