import { parseLossless } from './json.ts';
import type { HttpResult } from './transport.ts';
import type { Envelope } from './wire.ts';

/** The code of a dead bot token, wherever it stands (protocol 8). */
export const TOKEN_DEAD = -14;

/** What a call came to (protocol 1.5). */
export type CallResult<T> =
  /** HTTP 2xx and no error code; an empty body is `{}`. */
  | { kind: 'ok'; body: T }
  /** The server said no: HTTP 2xx with a non-zero `ret` or `errcode`. */
  | { kind: 'refused'; code: number; errmsg: string }
  /** The status is not 2xx; redirects are among them. */
  | { kind: 'http'; status: number }
  /** An answer that is no iLink answer: HTML, half a JSON, not an object, too large. */
  | { kind: 'garbled'; detail: string }
  /** No complete answer: whether the server acted is not known. */
  | { kind: 'unreachable'; detail: string; timedOut: boolean }
  /** The signal ended the call before an answer came. */
  | { kind: 'aborted' };

/** Reads an HTTP exchange as an iLink answer. */
export function understand<T extends Envelope>(result: HttpResult): CallResult<T> {
  if (!result.ok) {
    if (result.failure === 'aborted') return { kind: 'aborted' };
    if (result.failure === 'too-large') return { kind: 'garbled', detail: result.detail };
    return { kind: 'unreachable', detail: result.detail, timedOut: result.failure === 'timeout' };
  }
  const { status, body: text } = result.answer;
  if (status < 200 || status > 299) return { kind: 'http', status };
  const trimmed = text.trim();
  let body: unknown;
  try {
    body = trimmed === '' ? {} : parseLossless(trimmed);
  } catch {
    return { kind: 'garbled', detail: `the answer is not JSON (${text.length} characters)` };
  }
  if (!isEnvelope(body)) return { kind: 'garbled', detail: 'the answer is not a JSON object' };
  const ret = codeOf(body.ret);
  const errcode = codeOf(body.errcode);
  if (ret === null || errcode === null) return { kind: 'garbled', detail: 'its error code is not a number' };
  const code = ret === TOKEN_DEAD || errcode === TOKEN_DEAD ? TOKEN_DEAD : ret || errcode;
  if (code === 0) return { kind: 'ok', body: body as T };
  return { kind: 'refused', code, errmsg: typeof body.errmsg === 'string' ? body.errmsg : '' };
}

function isEnvelope(value: unknown): value is { ret?: unknown; errcode?: unknown; errmsg?: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An error code, 0 when absent, null when it is something else than a whole number. */
function codeOf(value: unknown): number | null {
  if (value === undefined || value === null) return 0;
  const code = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof code === 'number' && Number.isInteger(code) ? code : null;
}
