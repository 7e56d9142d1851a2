import { WxError } from '../../core/errors.ts';
import { isTransientStatus } from '../../core/http/status.ts';
import type { Clock } from '../../core/time/clock.ts';
import { type CallLimits, type CallResult, type IlinkClient, UNKNOWN_REQUEST } from '../client.ts';
import type { QrCodeResponse } from '../wire/wire.ts';

/** Getting a QR code: the official way, and the public guide's where a server does not know it (protocol 2.1, 2.3). */

/** A QR code and how to ask about it. */
export interface LoginCode {
  shape: 'official' | 'guide';
  /** `qrcode` or, in the guide's shape, `bot_id`: a secret. */
  handle: string;
  /** What the QR code says; a phone opens it. */
  url: string;
}

/** Three tries and the pauses between them fit into 10 s. */
const TRIES = 3;
const TRY_TIMEOUT_MS = 3_000;
const TRY_PAUSE_MS = 500;

/** `ret` when the server does not like one of the tokens (protocol 2.1). */
const TOKENS_REJECTED = -3;

interface Asking {
  client: IlinkClient;
  clock: Clock;
  signal: AbortSignal;
}

/**
 * Asks for a code; when the server rejects `localTokens`, once more without them.
 * @throws WxError `network` when three tries failed, `data` when refused, `protocol` when the answer is
 * not understood, `cancelled`
 */
export async function requestCode(asking: Asking, localTokens: readonly string[]): Promise<LoginCode> {
  const { client } = asking;
  const result = await tryThrice(asking, (limits) => client.getQrCode(localTokens, limits));
  if (result.kind === 'refused' && result.code === TOKENS_REJECTED && localTokens.length > 0) {
    return requestCode(asking, []);
  }
  if (result.kind === 'http' && UNKNOWN_REQUEST.has(result.status)) return requestGuideCode(asking);
  const body = bodyOf(result, client);
  if (!isText(body.qrcode)) return guideCode(body) ?? requestGuideCode(asking);
  if (!isText(body.qrcode_img_content)) throw notUnderstood(client, 'a QR code without its content');
  return { shape: 'official', handle: body.qrcode, url: body.qrcode_img_content };
}

async function requestGuideCode(asking: Asking): Promise<LoginCode> {
  const { client } = asking;
  const body = bodyOf(await tryThrice(asking, (limits) => client.getGuideQrCode(limits)), client);
  const code = guideCode(body);
  if (!code) throw notUnderstood(client, 'no QR code');
  return code;
}

function guideCode(body: QrCodeResponse): LoginCode | null {
  if (!isText(body.bot_id) || !isText(body.qrcode_url)) return null;
  return { shape: 'guide', handle: body.bot_id, url: body.qrcode_url };
}

async function tryThrice(
  { client, clock, signal }: Asking,
  call: (limits: CallLimits) => Promise<CallResult<QrCodeResponse>>,
): Promise<CallResult<QrCodeResponse>> {
  for (let attempt = 1; ; attempt++) {
    const result = await call({ timeoutMs: TRY_TIMEOUT_MS, signal });
    if (signal.aborted) throw cancelled();
    const trouble = troubleOf(result);
    if (trouble === null) return result;
    if (attempt === TRIES) {
      throw new WxError('network', `cannot reach ${hostOf(client)}: ${trouble}`, { hint: 'wxagent doctor' });
    }
    await clock.sleep(TRY_PAUSE_MS, signal);
  }
}

/** What may be gone at the next try, or null. */
function troubleOf(result: CallResult<unknown>): string | null {
  if (result.kind === 'unreachable') return result.detail;
  if (result.kind !== 'http') return null;
  if (UNKNOWN_REQUEST.has(result.status)) return null;
  return isTransientStatus(result.status) ? `HTTP ${result.status}` : null;
}

function bodyOf(result: CallResult<QrCodeResponse>, client: IlinkClient): QrCodeResponse {
  if (result.kind === 'ok') return result.body;
  if (result.kind === 'refused') {
    const reason = `code ${result.code} ${result.errmsg}`.trimEnd();
    throw new WxError('data', `${hostOf(client)} refuses to give a QR code: ${reason}`);
  }
  if (result.kind === 'http') throw notUnderstood(client, `HTTP ${result.status}`);
  throw notUnderstood(client, result.kind === 'unreadable' ? result.detail : result.kind);
}

/** The error for an answer that makes no sense (exit 76). */
export function notUnderstood(client: IlinkClient, what: string): WxError {
  return new WxError('protocol', `${hostOf(client)} does not answer like an iLink server: ${what}`, {
    hint: 'wxagent doctor',
  });
}

/** The error for a login that was stopped (exit 130). */
export function cancelled(): WxError {
  return new WxError('cancelled', 'login was stopped');
}

/** Whether a field of an answer is a text that says something. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

function hostOf(client: IlinkClient): string {
  return new URL(client.baseUrl).host;
}
