import { WxError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import { createIlinkClient } from '../ilink/client.ts';
import { createHostTrust, parseBaseUrl } from '../ilink/hosts.ts';
import { login as converse, type LoginPort, type LoginResult } from '../ilink/login.ts';
import type { Account } from '../store/accounts-file.ts';
import { createCredentials } from '../store/credentials.ts';
import type { CommandContext } from './context.ts';
import { awaitFirstMessage } from './first-message.ts';
import {
  DEFAULT_BASE_URL,
  knownAccounts,
  loginDigest,
  openHomeStore,
  openTransport,
  thisProcess,
} from './home.ts';
import { wordsOf } from './words.ts';

/** `wxagent login`: shows a QR code until a phone confirms it, and stores the bot. */
export async function login(context: CommandContext): Promise<number> {
  const { io, clock } = context;
  const words = wordsOf(context.language);
  const { force, name, loginTimeout, baseUrl, cdnUrl } = context.settings([
    'force',
    'name',
    'loginTimeout',
    'baseUrl',
    'cdnUrl',
  ]);
  const namedUrl = baseUrl === null ? null : parseBaseUrl(baseUrl, '--base-url').href;
  const namedCdn = cdnUrl === null ? null : parseBaseUrl(cdnUrl, '--cdn-url').href;
  const base = namedUrl ?? DEFAULT_BASE_URL;
  const trust = createHostTrust(namedUrl === null ? [] : [namedUrl]);
  const port = loginPort(context);
  checkName(name);
  const signal = context.stopSignal();
  // A token only goes back to the host that it was issued for (protocol 14).
  const here = context.file.accounts
    .filter((account) => (account.namedUrl ?? DEFAULT_BASE_URL) === base)
    .sort((a, b) => b.loggedInAt.localeCompare(a.loggedInAt));
  const transport = openTransport(context);
  try {
    io.err(`${words.oneBot}\n`);
    const result = await converse({
      newClient: (url) => createIlinkClient({ transport, baseUrl: url, token: null, version: VERSION }),
      baseUrl: base,
      trust,
      localTokens: here.map((account) => account.token),
      hasStoredAccount: here.length > 0,
      force,
      timeoutMs: loginTimeout,
      clock,
      signal,
      port,
    });
    if ('already' in result) return alreadyHere(context, here[0] as Account);
    const account = await save(context, result, { name, namedUrl, cdnUrl: namedCdn });
    if (context.json) printAccount(context, account);
    else io.err(`${words.loggedIn(account.id)}\n`);
    if (context.isInteractive) {
      io.err(`${words.sayHello}\n`);
      const heard = await awaitFirstMessage(context, account, transport, signal);
      io.err(`${heard ? words.heard : words.notHeard}\n`);
    }
    if (!context.json) io.err(`${words.nextRun}\n`);
    return 0;
  } finally {
    await transport.close();
  }
}

function checkName(name: string | null): void {
  if (name === null) return;
  if (!/^[\p{L}\p{N}_.-]{1,64}$/u.test(name)) {
    throw new WxError('usage', `--name takes letters, digits, "_", "." and "-", not "${name}"`);
  }
}

async function save(
  context: CommandContext,
  result: LoginResult,
  given: { name: string | null; namedUrl: string | null; cdnUrl: string | null },
): Promise<Account> {
  const credentials = createCredentials({ paths: context.paths, me: thisProcess(), clock: context.clock });
  const account = await credentials.saveLogin({
    ...given,
    id: result.botId,
    owner: result.owner,
    token: result.token,
    baseUrl: result.baseUrl,
    loggedInAt: new Date(context.clock.now()).toISOString(),
  });
  // The store hears of it now, so that a runner of the old login finds its cursor gone (design 4).
  const store = openHomeStore(context);
  try {
    await store.openAccount({
      account: account.key,
      login: loginDigest(account),
      owner: account.owner,
      nowMs: context.clock.now(),
    });
  } finally {
    await store.close();
  }
  return account;
}

function alreadyHere(context: CommandContext, newest: Account): number {
  const account = knownAccounts(context).find((one) => one.key === newest.key) ?? newest;
  if (context.json) printAccount(context, account);
  else context.io.err(`${wordsOf(context.language).already}\n`);
  return 0;
}

function printAccount(context: CommandContext, account: Account): void {
  const { id, owner, name, baseUrl } = account;
  context.printJson('login', { account: id, owner, name, baseUrl });
}

function loginPort(context: CommandContext): LoginPort {
  const { io, json } = context;
  const words = wordsOf(context.language);
  const { qr, qrFile } = context.settings(['qr', 'qrFile']);
  const signal = context.stopSignal();
  return {
    async showQr({ url, expiresAtMs }) {
      const { renderQr, writeQrFile } = await import('./qr.ts');
      if (qrFile !== null) await writeQrFile(qrFile, url);
      if (json) context.printJson('qr', { url, expiresAt: new Date(expiresAtMs).toISOString() });
      const picture = qr === 'none' ? '' : `${words.scan}\n${renderQr(url, qr)}\n`;
      io.err(`${picture}${words.openLink} ${url}\n`);
    },
    status(status) {
      if (json) context.printJson('login-status', { status });
      else if (status === 'scaned') io.err(`${words.scaned}\n`);
      else if (status === 'expired') io.err(`${words.expired}\n`);
    },
    askVerifyCode: async (wrong) =>
      context.isInteractive ? io.ask(wrong ? words.wrongCode : words.askCode, signal) : null,
  };
}
