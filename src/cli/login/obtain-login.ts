import { WxError } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { type Account, loginDigest } from '../../home/config-file.ts';
import { isOfAccount } from '../../home/credentials.ts';
import { createIlinkClient } from '../../ilink/client.ts';
import { createHostTrust, parseBaseUrl, TENCENT_BASE_URL } from '../../ilink/hosts.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import { login as converse, type LoginPort } from '../../ilink/login/login.ts';
import type { Store } from '../../store/port/port.ts';
import { loginsOf } from '../account/store-place.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';

export interface LoginRequest {
  /** Server and CDN the user named; null: Tencent's. */
  namedUrl: string | null;
  cdnUrl: string | null;
  name: string | null;
  /** A new token even where one is stored. */
  force: boolean;
  /** Who asks, as the audit names them. */
  by: string;
  /** The ID of the invitation that a new login uses up; null: none. */
  invitation: string | null;
}

/** Server and CDN of a login: those that are named now, else those of the login before. */
export function addressesFor(
  context: Pick<CommandContext, 'settings'>,
  former: Account | undefined,
): Pick<LoginRequest, 'namedUrl' | 'cdnUrl'> {
  const { baseUrl, cdnUrl } = context.settings;
  return {
    namedUrl: baseUrl === null ? (former?.namedUrl ?? null) : parseBaseUrl(baseUrl, '--base-url').href,
    cdnUrl: cdnUrl === null ? (former?.cdnUrl ?? null) : parseBaseUrl(cdnUrl, '--cdn-url').href,
  };
}

/**
 * Shows a QR code until a phone confirms it, and stores the login. `isNew` false: it was logged in here. Throws
 * WxError, `not-found` for a used invitation.
 */
export async function obtainLogin(
  context: CommandContext,
  request: LoginRequest,
  transport: Transport,
  { admin, access }: Pick<Store, 'admin' | 'access'>,
  port: LoginPort = terminalPort(context),
): Promise<{ account: Account; isNew: boolean }> {
  const { clock } = context;
  const baseUrl = request.namedUrl ?? TENCENT_BASE_URL;
  // A token only goes back to the host that it was issued for (protocol 14).
  const logins = loginsOf(context);
  const here = (await logins.list()).accounts
    .filter((account) => (account.namedUrl ?? TENCENT_BASE_URL) === baseUrl)
    .sort((a, b) => b.loggedInAt.localeCompare(a.loggedInAt));
  await logins.prepare();
  context.say(wordsOf(context.language).oneBot);
  const result = await converse({
    newClient: (url) => createIlinkClient({ transport, baseUrl: url, token: null, version: VERSION }),
    baseUrl,
    trust: createHostTrust(request.namedUrl === null ? [] : [request.namedUrl]),
    localTokens: here.map((account) => account.token),
    hasStoredAccount: here.length > 0,
    force: request.force,
    timeoutMs: context.settings.loginTimeout,
    clock,
    signal: context.stopSignal(),
    port,
  });
  const [newest] = here;
  if ('already' in result && newest) return { account: newest, isNew: false };
  if ('already' in result) throw new Error('a bot without a stored account cannot be known already');
  const { invitation } = request;
  // Before the login is stored: of two that scan with one invitation, only one may come in.
  if (invitation !== null && !(await access.useInvitation({ id: invitation, nowMs: clock.now() })))
    throw new WxError('not-found', 'this invitation was used or removed meanwhile');
  const found = { id: result.botId, owner: result.owner };
  // Whoever is invited may have an account here already, which others know by its name.
  const keepsName = invitation !== null && here.some((account) => isOfAccount(account, found));
  const login = {
    ...found,
    namedUrl: request.namedUrl,
    cdnUrl: request.cdnUrl,
    name: keepsName ? null : request.name,
    token: result.token,
    baseUrl: result.baseUrl,
    loggedInAt: new Date(clock.now()).toISOString(),
  };
  const account = await logins.saveLogin(login).catch(async (error) => {
    if (invitation !== null) await access.returnInvitation({ id: invitation, nowMs: clock.now() });
    throw error;
  });
  // The store hears of it now, so that a runner of the old login finds its cursor gone.
  await admin.openAccount({
    account: account.key,
    login: loginDigest(account),
    owner: account.owner,
    nowMs: clock.now(),
    by: request.by,
    name: account.name ?? account.id,
  });
  return { account, isNew: true };
}

function terminalPort(context: CommandContext): LoginPort {
  const { io, json } = context;
  const words = wordsOf(context.language);
  const { qr, qrFile } = context.settings;
  const signal = context.stopSignal();
  return {
    async showQr({ url, expiresAtMs }) {
      const { renderQr, writeQrFile } = await import('../terminal/qr.ts');
      if (qrFile !== null) await writeQrFile(qrFile, url);
      if (json) context.printJson('qr', { url, expiresAt: new Date(expiresAtMs).toISOString() });
      if (qr !== 'none') {
        context.say(words.scan);
        io.err(`${renderQr(url, qr)}\n`);
      }
      // On a line of its own, so that a terminal can open it.
      context.say(qr === 'none' ? words.openOnlyLink : words.openLink, url);
    },
    status(status) {
      if (json) context.printJson('login-status', { status });
      else if (status === 'scaned') context.say(words.scaned);
      else if (status === 'expired') context.say(words.expired);
    },
    askVerifyCode: async (wrong) =>
      context.isInteractive ? io.ask(wrong ? words.wrongCode : words.askCode, signal) : null,
  };
}
