import { WxError } from '../core/errors.ts';
import { parseBaseUrl } from '../ilink/hosts.ts';
import type { CommandContext } from './context.ts';
import { awaitFirstMessage } from './first-message.ts';
import { openHomeStore, openTransport } from './home.ts';
import { obtainLogin } from './obtain-login.ts';
import { wordsOf } from './words.ts';

/** `wxagent login`: shows a QR code until a phone confirms it, and stores the bot. */
export async function login(context: CommandContext): Promise<number> {
  const { io } = context;
  const words = wordsOf(context.language);
  const { force, name, baseUrl, cdnUrl } = context.settings(['force', 'name', 'baseUrl', 'cdnUrl']);
  const wish = {
    namedUrl: baseUrl === null ? null : parseBaseUrl(baseUrl, '--base-url').href,
    cdnUrl: cdnUrl === null ? null : parseBaseUrl(cdnUrl, '--cdn-url').href,
    name,
    force,
  };
  checkName(name);
  const signal = context.stopSignal();
  const transport = openTransport(context);
  const store = openHomeStore(context);
  try {
    const { account, isNew } = await obtainLogin(context, wish, transport, store);
    const { id, owner, baseUrl: server } = account;
    if (context.json) context.printJson('login', { account: id, owner, name: account.name, baseUrl: server });
    else io.err(`${isNew ? words.loggedIn(id) : words.already}\n`);
    if (isNew && context.isInteractive) {
      io.err(`${words.sayHello}\n`);
      const heard = await awaitFirstMessage(context, account, transport, store, signal);
      io.err(`${heard ? words.heard : words.notHeard}\n`);
    }
    if (!context.json) io.err(`${words.nextRun}\n`);
    return 0;
  } finally {
    await store.close();
    await transport.close();
  }
}

function checkName(name: string | null): void {
  if (name === null || /^[\p{L}\p{N}_.-]{1,64}$/u.test(name)) return;
  throw new WxError('usage', `--name takes letters, digits, "_", "." and "-", not "${name}"`);
}
