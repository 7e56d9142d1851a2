import { isObject } from '../core/object.ts';
import type { HttpResult } from './http/transport.ts';
import { parseLossless } from './wire/json.ts';
import type { Envelope } from './wire/wire.ts';

/** The code of a dead bot token, wherever it stands (protocol 8). */
export const TOKEN_DEAD = -14;

const UNAUTHORIZED = 401;

/** What a call came to (protocol 1.5). */
export type CallResult<T> =
  /** HTTP 2xx and no error code; an empty body is `{}`. */
  | { kind: 'ok'; body: T }
  /** The server said no by a non-zero `ret` or `errcode`, whatever the HTTP status; or by HTTP 401, which is about the token. */
  | { kind: 'refused'; code: number; errmsg: string }
  /** The status is not 2xx, and no code says more; redirects are among them. */
  | { kind: 'http'; status: number }
  /** An answer that is no iLink answer: HTML, half a JSON, not an object, too large. `bytes`: what came. */
  | { kind: 'unreadable'; detail: string; bytes?: Buffer }
  /** No complete answer: whether the server acted is not known, unless `unsent`. `bytes`: what came of it. */
  | { kind: 'unreachable'; detail: string; timedOut: boolean; bytes?: Buffer; unsent?: true }
  /** The signal ended the call before an answer came. */
  | { kind: 'aborted'; unsent?: true };

/** Reads an HTTP exchange as an iLink answer. */
export function readResult<T extends Envelope>(result: HttpResult): CallResult<T> {
  if (!result.ok) {
    const { failure, detail, bytes } = result;
    const never = result.unsent && { unsent: true as const };
    if (failure === 'aborted') return { kind: 'aborted', ...never };
    const come = bytes && { bytes };
    if (failure === 'too-large' || failure === 'encoded') return { kind: 'unreadable', detail, ...come };
    return { kind: 'unreachable', detail, timedOut: failure === 'timeout', ...come, ...never };
  }
  const { status, body: text, bytes } = result.answer;
  const read = envelopeOf(text);
  if (status < 200 || status > 299) {
    const code = 'body' in read ? codeIn(read.body) : null;
    // Relays repeat the status as a code: that says no more than the status does.
    if (code !== null && code !== 0 && (code < 400 || code > 599)) return refusedBy(read, code);
    return status === UNAUTHORIZED ? refusedBy(read, TOKEN_DEAD) : { kind: 'http', status };
  }
  if (!('body' in read)) return { kind: 'unreadable', detail: read.detail, bytes };
  const code = codeIn(read.body);
  if (code === null) return { kind: 'unreadable', detail: 'its error code is not a number', bytes };
  return code === 0 ? { kind: 'ok', body: read.body as T } : refusedBy(read, code);
}

/** A JSON object, its types not checked. */
type Fields = { ret?: unknown; errcode?: unknown; errmsg?: unknown };

function envelopeOf(text: string): { body: Fields } | { detail: string } {
  const trimmed = text.trim();
  let body: unknown;
  try {
    body = trimmed === '' ? {} : parseLossless(trimmed);
  } catch {
    return { detail: `the answer is not JSON (${text.length} characters)` };
  }
  return isObject(body) ? { body } : { detail: 'the answer is not a JSON object' };
}

/** The error code of an answer, 0 when there is none; null when what is there is not one. */
function codeIn(body: Fields): number | null {
  const ret = codeOf(body.ret);
  const errcode = codeOf(body.errcode);
  if (ret === TOKEN_DEAD || errcode === TOKEN_DEAD) return TOKEN_DEAD;
  return ret === null || errcode === null ? null : ret || errcode;
}

function refusedBy(read: ReturnType<typeof envelopeOf>, code: number): CallResult<never> {
  const errmsg = 'body' in read ? read.body.errmsg : '';
  return { kind: 'refused', code, errmsg: typeof errmsg === 'string' ? errmsg : '' };
}

/** An error code, 0 when absent, null when it is something else than a whole number. */
function codeOf(value: unknown): number | null {
  if (value === undefined || value === null) return 0;
  const code = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof code === 'number' && Number.isInteger(code) ? code : null;
}
