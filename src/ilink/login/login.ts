import { WxError } from '../../core/errors.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { IlinkClient } from '../client.ts';
import { type HostTrust, isBareHost, isLoopback } from '../hosts.ts';
import type { QrStatusResponse } from '../wire/wire.ts';
import { botIdOfToken } from './bot-id.ts';
import { cancelled, isText, type LoginCode, notUnderstood, requestCode } from './login-code.ts';

/** The login conversation: a QR code, a phone that confirms it, the token (protocol 2). People are met through a port. */

/** The person in front of the login. */
export interface LoginPort {
  /** A new code replaces the one shown before. */
  showQr(qr: { url: string; expiresAtMs: number }): void | Promise<void>;
  /** The state of the code changed; the wire's word (protocol 2.2). */
  status(status: string): void;
  /** The digits the phone shows; `wrong` when those given before were. null: there is nobody to ask. */
  askVerifyCode(wrong: boolean): Promise<string | null>;
}

/** A bot and the right to speak for it. */
export interface LoginResult {
  token: string;
  botId: string;
  /** The user who scanned; null where the server does not say. */
  owner: string | null;
  /** Where this bot's calls go from now on. */
  baseUrl: string;
}

export interface LoginOptions {
  /** Makes a client without a token. */
  newClient(baseUrl: string): IlinkClient;
  baseUrl: string;
  trust: HostTrust;
  /** Tokens of accounts that logged in at this same host, newest first. */
  localTokens: readonly string[];
  /** Whether `binded_redirect` may mean success: one of `localTokens` is a stored account. */
  hasStoredAccount: boolean;
  /** Wants a new token even then. */
  force: boolean;
  /** For the whole conversation. */
  timeoutMs: number;
  clock: Clock;
  signal: AbortSignal;
  port: LoginPort;
}

/** A code dies after about 120 s; one that nobody has scanned is replaced a little earlier (protocol 2.1). */
const CODE_LIFE_MS = 120_000;
const RENEW_AFTER_MS = 100_000;
const STATUS_TIMEOUT_MS = 45_000;
const STATUS_PAUSE_MS = 1_000;
const GUIDE_PAUSE_MS = 2_000;

/** How watching one code ends: with a bot, with the need for another code, or bound already. */
type Ending = { kind: 'confirmed'; result: LoginResult } | { kind: 'renew' } | { kind: 'bound' };

/**
 * Logs in; `already` when the scanned bot is a stored account's.
 * @throws WxError `network`, `protocol`, `data`, `not-logged-in` (nobody confirmed in time, or nobody to ask
 * for the digits), `cancelled`
 */
export async function login(options: LoginOptions): Promise<LoginResult | { already: true }> {
  const { clock, signal, port } = options;
  const client = options.newClient(options.baseUrl);
  const deadline = clock.monotonic() + options.timeoutMs;
  let localTokens = options.localTokens;
  for (;;) {
    const code = await requestCode({ client, clock, signal }, localTokens);
    await port.showQr({ url: code.url, expiresAtMs: clock.now() + CODE_LIFE_MS });
    const watch = code.shape === 'official' ? watchCode : watchGuideCode;
    const ending = await watch(options, client, code, deadline);
    if (ending.kind === 'confirmed') return ending.result;
    if (ending.kind === 'bound') {
      if (options.hasStoredAccount && !options.force) return { already: true };
      if (localTokens.length === 0) throw notUnderstood(client, 'already bound, to no token of ours');
      localTokens = [];
    }
    // A server whose codes are born dead must not be hammered.
    await clock.sleep(STATUS_PAUSE_MS, signal);
  }
}

/** Follows one code by the official statuses (protocol 2.2). Always begins at the fixed base. */
async function watchCode(
  options: LoginOptions,
  fixed: IlinkClient,
  code: LoginCode,
  deadline: number,
): Promise<Ending> {
  const { clock, signal, port } = options;
  const renewAt = clock.monotonic() + RENEW_AFTER_MS;
  let client = fixed;
  let verifyCode: string | undefined;
  let last: unknown = 'wait';
  let scanned = false;
  for (;;) {
    const startedAt = clock.monotonic();
    checkTime(options, deadline);
    if (!scanned && startedAt >= renewAt) return { kind: 'renew' };
    const leftMs = (scanned ? deadline : Math.min(deadline, renewAt)) - startedAt;
    const answer = await client.getQrStatus(code.handle, {
      timeoutMs: Math.min(STATUS_TIMEOUT_MS, leftMs),
      signal,
      ...(verifyCode !== undefined && { verifyCode }),
    });
    if (answer.kind === 'unreadable') throw notUnderstood(client, answer.detail);
    if (answer.kind !== 'ok') {
      await clock.sleep(STATUS_PAUSE_MS, signal);
      continue;
    }
    const { status } = answer.body;
    const changed = status !== last;
    last = status;
    if (changed && isKnown(status)) port.status(status);
    switch (status) {
      case 'confirmed':
        return { kind: 'confirmed', result: officialResult(options, client, answer.body) };
      case 'expired':
      case 'verify_code_blocked':
        return { kind: 'renew' };
      case 'binded_redirect':
        return { kind: 'bound' };
      case 'scaned':
      case 'scanned':
        scanned = true;
        verifyCode = undefined; // accepted
        break;
      case 'scaned_but_redirect':
        scanned = true;
        client = redirected(options, client, answer.body.redirect_host);
        break;
      case 'need_verifycode':
        scanned = true;
        verifyCode = await askVerifyCode(options, verifyCode !== undefined);
        break;
    }
    if (!changed) await clock.sleep(STATUS_PAUSE_MS - (clock.monotonic() - startedAt), signal);
  }
}

/** Follows one code in the public guide's shape, whose server answers at once (protocol 2.3). */
async function watchGuideCode(
  options: LoginOptions,
  client: IlinkClient,
  code: LoginCode,
  deadline: number,
): Promise<Ending> {
  const { clock, signal, port } = options;
  const renewAt = clock.monotonic() + RENEW_AFTER_MS;
  for (;;) {
    checkTime(options, deadline);
    if (clock.monotonic() >= renewAt) return { kind: 'renew' };
    const answer = await client.getGuideQrStatus(code.handle, { signal });
    if (answer.kind === 'unreadable') throw notUnderstood(client, answer.detail);
    if (answer.kind === 'ok' && Number(answer.body.status) === 1) {
      const { bot_token: token, ilink_bot_id: botId } = answer.body;
      if (!isText(token)) throw notUnderstood(client, 'a confirmed login without a token');
      port.status('confirmed');
      const result = resultOf(
        options,
        client,
        answer.body,
        token,
        isText(botId) ? botId : botIdOfToken(token),
      );
      return { kind: 'confirmed', result };
    }
    await clock.sleep(GUIDE_PAUSE_MS, signal);
  }
}

function checkTime({ clock, signal, timeoutMs }: LoginOptions, deadline: number): void {
  if (signal.aborted) throw cancelled();
  if (clock.monotonic() < deadline) return;
  throw new WxError(
    'not-logged-in',
    `the QR code was not confirmed within ${Math.round(timeoutMs / 1000)} s`,
    { hint: 'wxagent login' },
  );
}

const KNOWN_STATUSES =
  'wait scaned scanned need_verifycode verify_code_blocked expired scaned_but_redirect binded_redirect confirmed';

function isKnown(status: unknown): status is string {
  return typeof status === 'string' && KNOWN_STATUSES.split(' ').includes(status);
}

/** The digits, or undefined when the person typed nothing. */
async function askVerifyCode({ port, signal }: LoginOptions, wrong: boolean): Promise<string | undefined> {
  const stop = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(cancelled()), { signal: stop.signal });
    if (signal.aborted) reject(cancelled());
  });
  try {
    const typed = await Promise.race([port.askVerifyCode(wrong), aborted]);
    if (typed === null) {
      throw new WxError(
        'not-logged-in',
        'enter the verification code shown on your phone (needs a terminal)',
        { hint: 'run wxagent login in a terminal' },
      );
    }
    // An input method may write them in full width.
    return typed.normalize('NFKC').trim() || undefined;
  } finally {
    stop.abort();
  }
}

/** The client of the account's data centre. The simulator is never left: its codes mean nothing to Tencent's hosts. */
function redirected(options: LoginOptions, client: IlinkClient, host: unknown): IlinkClient {
  if (!isText(host) || isLoopback(new URL(options.baseUrl))) return client;
  if (!isBareHost(host) || !options.trust.isTrusted(new URL(`https://${host}`))) {
    throw notUnderstood(client, `a redirect to a host that is not trusted (${JSON.stringify(host)})`);
  }
  return options.newClient(`https://${host}`);
}

function officialResult(options: LoginOptions, client: IlinkClient, body: QrStatusResponse): LoginResult {
  if (!isText(body.bot_token)) throw notUnderstood(client, 'a confirmed login without a token');
  if (!isText(body.ilink_bot_id)) throw notUnderstood(client, 'a confirmed login without a bot id');
  return resultOf(options, client, body, body.bot_token, body.ilink_bot_id);
}

function resultOf(
  { baseUrl, trust }: LoginOptions,
  client: IlinkClient,
  body: QrStatusResponse,
  token: string,
  botId: string,
): LoginResult {
  const owner = isText(body.ilink_user_id) ? body.ilink_user_id : null;
  const named = isText(body.baseurl) ? body.baseurl.trim() : null;
  if (named !== null && !(URL.canParse(named) && trust.isTrusted(new URL(named)))) {
    throw notUnderstood(client, `it redirects to an address that is not trusted (${JSON.stringify(named)})`);
  }
  return { token, botId, owner, baseUrl: named ?? baseUrl };
}
