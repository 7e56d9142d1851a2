import { WxError } from '../../core/errors.ts';
import { isName } from '../../core/name.ts';
import type { Account } from '../../home/config-file.ts';
import { TERMINAL } from '../../store/port/port.ts';
import { chooseAccount, withoutAccount } from '../account/choose-account.ts';
import { openTransport } from '../account/connection.ts';
import { openHomeStore } from '../account/store.ts';
import { loginsOf } from '../account/store-place.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { awaitFirstMessage } from './first-message.ts';
import { addressesFor, obtainLogin } from './obtain-login.ts';

/** `wxagent login`: shows a QR code until a phone confirms it, and stores the bot. */
export async function login(context: CommandContext): Promise<void> {
  const words = wordsOf(context.language);
  const { force, name, qrFile } = context.settings;
  const addresses = addressesFor(context, formerLogin(context, name));
  const request = { ...addresses, name, force, by: TERMINAL, invitation: null };
  checkName(name);
  if (qrFile !== null) (await import('../terminal/qr.ts')).checkQrFile(qrFile);
  const signal = context.stopSignal();
  const transport = openTransport(context);
  // Before the tables are made: without a key nothing is.
  await context.server?.logins.prepare();
  const store = await openHomeStore(context);
  try {
    const { account, isNew } = await obtainLogin(context, request, transport, store);
    const { id, owner, baseUrl: server } = account;
    if (context.json) context.printJson('login', { account: id, owner, name: account.name, baseUrl: server });
    else context.say(isNew ? words.loggedIn(id) : words.already);
    if (isNew && account.name !== name && name !== null)
      context.log.warn(`--name ${name} is another account; this one is ${account.name ?? id}`);
    if (isNew && context.isInteractive) {
      context.say(words.sayHello);
      const heard = await awaitFirstMessage(context, account, transport, store, signal);
      context.say(heard ? words.heard : words.notHeard);
    }
    if (!context.json) context.say(words.nextRun(await accountToName(context, account)));
  } finally {
    await store.close();
    await transport.close();
  }
}

/** The account that is to be logged in again, where one is named: its server is asked. */
function formerLogin(context: CommandContext, alias: string | null): Account | undefined {
  const [wanted = alias] = context.settings.account;
  const { accounts } = context.file;
  return accounts.find((one) =>
    [one.id, one.key, one.name, ...one.formerIds].some((known) => known === wanted),
  );
}

/** What a command is told to work with a new login: its alias, else its id; nothing where it is the account anyway. */
async function accountToName(context: CommandContext, { key, name, id }: Account): Promise<string | null> {
  if (name !== null) return name;
  // The stored accounts as they are now.
  const file = { ...context.file, ...(await loginsOf(context).list()) };
  const plain = { ...context, file, settings: withoutAccount(context) };
  return chooseAccount(plain).key === key ? null : id;
}

function checkName(name: string | null): void {
  if (name === null || isName(name)) return;
  throw new WxError('usage', `--name takes letters, digits, "_", "." and "-", not "${name}"`);
}
