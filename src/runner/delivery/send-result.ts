import { isTransientStatus } from '../../core/http/status.ts';
import type { CallResult } from '../../ilink/client.ts';
import { TOKEN_DEAD } from '../../ilink/result.ts';
import type { SendMessageResponse } from '../../ilink/wire/wire.ts';
import type { SendReply } from '../../store/port/port.ts';

/** Statuses of a server that has not read the request. */
const UNREAD_STATUSES: ReadonlySet<number> = new Set([425, 429]);

/** Whether a status blames the request itself, so that a repeat is refused too. */
export function isFinalStatus(status: number): boolean {
  return status >= 400 && status < 500 && !isTransientStatus(status);
}

/** Reads what the result of a `sendmessage` means for its part. */
export function readSendResult(result: CallResult<SendMessageResponse>): SendReply | 'expired' {
  switch (result.kind) {
    case 'ok':
      return { kind: 'accepted', messageId: result.body.message_id ?? null };
    case 'refused':
      return result.code === TOKEN_DEAD
        ? 'expired'
        : { kind: 'refused', code: result.code, errmsg: result.errmsg };
    case 'http':
      return isFinalStatus(result.status)
        ? { kind: 'rejected', status: result.status }
        : {
            kind: UNREAD_STATUSES.has(result.status) ? 'unsent' : 'unknown',
            detail: `HTTP ${result.status}`,
          };
    case 'unreadable':
      return { kind: 'unknown', detail: result.detail };
    case 'unreachable':
      return { kind: result.unsent ? 'unsent' : 'unknown', detail: result.detail };
    case 'aborted':
      return { kind: result.unsent ? 'unsent' : 'unknown', detail: 'stopped' };
  }
}
