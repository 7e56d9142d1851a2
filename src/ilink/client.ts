import { percentEncoded } from '../core/text-bytes.ts';
import { endpointUrl } from './hosts.ts';
import { type Address, addressOf } from './http/http.ts';
import type { HttpRequest, Transport } from './http/transport.ts';
import { type CallResult, readResult } from './result.ts';
import { baseInfo, createPostHeaders, getHeaders } from './wire/headers.ts';
import type {
  Envelope,
  GetConfigResponse,
  GetUpdatesResponse,
  QrCodeResponse,
  QrStatusResponse,
  SendMessageResponse,
  UploadUrlRequest,
  UploadUrlResponse,
} from './wire/wire.ts';

/** A method for every endpoint (protocol 2 to 7). None throws for what the server or the network does. */

export type { CallResult } from './result.ts';

/** Largest JSON answer that is read. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** So much is kept of an answer to a poll that is longer: its messages come only once (protocol 3.2). */
const KEPT_BODY_BYTES = 4 * MAX_BODY_BYTES;

/** The server takes no longer `local_token_list` (protocol 2.1). */
const MAX_LOCAL_TOKENS = 10;

const QR_CODE = 'get_bot_qrcode?bot_type=3';

/** Recommended timeouts where the caller sets none (protocol 1.4). */
const TIMEOUT_MS = { qrCode: 15_000, qrStatus: 45_000, send: 30_000, bestEffort: 10_000 } as const;

/** How a server says that it does not know a request, or not by its method. */
export const UNKNOWN_REQUEST: ReadonlySet<number> = new Set([404, 405, 501]);

/** How long one call may take and what ends it early. */
export interface CallLimits {
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** The iLink API of one base URL, with one token or none. */
export interface IlinkClient {
  readonly baseUrl: string;
  /** Asks for a QR code; `localTokens` are tokens of accounts of this host, newest first (protocol 2.1). */
  getQrCode(localTokens: readonly string[], limits?: CallLimits): Promise<CallResult<QrCodeResponse>>;
  /** The same in the public guide's shape (protocol 2.3). */
  getGuideQrCode(limits?: CallLimits): Promise<CallResult<QrCodeResponse>>;
  /** Waits up to about 35 s for news of a QR code (protocol 2.2). */
  getQrStatus(
    qrcode: string,
    limits?: CallLimits & { verifyCode?: string },
  ): Promise<CallResult<QrStatusResponse>>;
  /** The state of a QR code in the public guide's shape; answers at once (protocol 2.3). */
  getGuideQrStatus(botId: string, limits?: CallLimits): Promise<CallResult<QrStatusResponse>>;
  /** One long poll; `cursor` is '' at first (protocol 3). Its answer is given only once. */
  getUpdates(poll: {
    cursor: string;
    timeoutMs: number;
    signal?: AbortSignal;
  }): Promise<CallResult<GetUpdatesResponse>>;
  /** Sends a body made by outbound.ts, byte for byte (protocol 4). */
  sendMessage(body: Buffer, limits?: CallLimits): Promise<CallResult<SendMessageResponse>>;
  /** Asks where a file may be uploaded (protocol 5.1). */
  getUploadUrl(request: UploadUrlRequest, limits?: CallLimits): Promise<CallResult<UploadUrlResponse>>;
  /** Fetches a user's typing ticket (protocol 6.1). */
  getConfig(
    request: { user: string; contextToken: string | null },
    limits?: CallLimits,
  ): Promise<CallResult<GetConfigResponse>>;
  /** Shows or ends "typing": `status` is one of TYPING_STATUS (protocol 6.2). */
  sendTyping(
    request: { user: string; ticket: string; status: number },
    limits?: CallLimits,
  ): Promise<CallResult<Envelope>>;
  /** Says that this client begins to listen (protocol 7). */
  notifyStart(limits?: CallLimits): Promise<CallResult<Envelope>>;
  /** Says that this client stops listening (protocol 7). */
  notifyStop(limits?: CallLimits): Promise<CallResult<Envelope>>;
}

/** What a client needs; `version` is ours and goes into headers and `base_info`. */
export interface IlinkClientOptions {
  transport: Transport;
  baseUrl: string;
  token: string | null;
  version: string;
}

/** Makes the client of one account; `token` null serves the calls of a login. */
export function createIlinkClient(options: IlinkClientOptions): IlinkClient {
  const { transport, baseUrl, token, version } = options;
  const info = baseInfo(version);
  const openHeaders = createPostHeaders(version, null);
  const accountHeaders = createPostHeaders(version, token);
  /** Of the POSTs, by path: a run asks the same few again and again. */
  const addresses = new Map<string, Address>();

  function addressFor(path: string): Address {
    const known = addresses.get(path);
    if (known) return known;
    const address = addressOf(urlOf(path));
    addresses.set(path, address);
    return address;
  }
  const urlOf = (path: string) => endpointUrl(baseUrl, `ilink/bot/${path}`);
  async function exchange<T extends Envelope>(
    request: Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body' | 'keepBytes'>,
    limits: CallLimits,
    usualMs: number,
  ): Promise<CallResult<T>> {
    const { timeoutMs = usualMs, signal } = limits;
    return readResult<T>(await transport.send({ timeoutMs, maxBytes: MAX_BODY_BYTES, signal, ...request }));
  }
  const post = <T extends Envelope>(
    path: string,
    headers: Record<string, string>,
    body: Buffer | string,
    limits: CallLimits,
    usualMs: number,
    keepBytes = 0,
  ) => exchange<T>({ method: 'POST', url: addressFor(path), headers, body, keepBytes }, limits, usualMs);
  const get = <T extends Envelope>(path: string, limits: CallLimits, usualMs: number) =>
    exchange<T>({ method: 'GET', url: urlOf(path), headers: getHeaders(version) }, limits, usualMs);
  /** A POST before any login: no token, no `base_info`. Servers without it are asked by GET (protocol 2.1, 15a). */
  async function open<T extends Envelope>(
    path: string,
    body: object,
    asGet: string,
    limits: CallLimits = {},
  ): Promise<CallResult<T>> {
    const posted = await post<T>(path, openHeaders(), JSON.stringify(body), limits, TIMEOUT_MS.qrCode);
    if (posted.kind !== 'http' || !UNKNOWN_REQUEST.has(posted.status)) return posted;
    const got = await get<T>(asGet, limits, TIMEOUT_MS.qrCode);
    return got.kind === 'http' || got.kind === 'unreadable' ? posted : got;
  }
  /** A POST of the account. */
  const call = <T extends Envelope>(
    path: string,
    body: object,
    limits: CallLimits = {},
    usualMs: number = TIMEOUT_MS.bestEffort,
    keepBytes = 0,
  ) =>
    post<T>(
      path,
      accountHeaders(),
      JSON.stringify(Object.assign({}, body, { base_info: info })),
      limits,
      usualMs,
      keepBytes,
    );

  return {
    baseUrl,
    getQrCode: (localTokens, limits) =>
      open(QR_CODE, { local_token_list: localTokens.slice(0, MAX_LOCAL_TOKENS) }, QR_CODE, limits),
    getGuideQrCode: (limits) => open('get_bot_qrcode', { bot_type: 3 }, QR_CODE, limits),
    getQrStatus(qrcode, { verifyCode, ...limits } = {}) {
      const code = verifyCode === undefined ? '' : `&verify_code=${percentEncoded(verifyCode)}`;
      return get(`get_qrcode_status?qrcode=${percentEncoded(qrcode)}${code}`, limits, TIMEOUT_MS.qrStatus);
    },
    getGuideQrStatus: (botId, limits) =>
      open(
        'get_qrcode_status',
        { bot_id: botId },
        `get_qrcode_status?bot_id=${percentEncoded(botId)}`,
        limits,
      ),
    getUpdates: ({ cursor, ...limits }) =>
      call('getupdates', { get_updates_buf: cursor }, limits, limits.timeoutMs, KEPT_BODY_BYTES),
    sendMessage: (body, limits = {}) => post('sendmessage', accountHeaders(), body, limits, TIMEOUT_MS.send),
    getUploadUrl: (request, limits) => call('getuploadurl', request, limits, TIMEOUT_MS.send),
    getConfig: ({ user, contextToken }, limits) => {
      const context = contextToken === null ? {} : { context_token: contextToken };
      return call('getconfig', { ilink_user_id: user, ...context }, limits);
    },
    sendTyping: ({ user, ticket, status }, limits) =>
      call('sendtyping', { ilink_user_id: user, typing_ticket: ticket, status }, limits),
    notifyStart: (limits) => call('msg/notifystart', {}, limits),
    notifyStop: (limits) => call('msg/notifystop', {}, limits),
  };
}
