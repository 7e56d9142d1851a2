import { isTransientStatus } from '../../core/http/status.ts';
import type { CallResult } from '../../ilink/client.ts';
import { TOKEN_DEAD } from '../../ilink/result.ts';
import type { SendMessageResponse } from '../../ilink/wire/wire.ts';
import type { SendReply } from '../../store/port/port.ts';

/** Those with which a server says that it has not looked at the request: nothing has arrived. */
const UNREAD_STATUSES: ReadonlySet<number> = new Set([425, 429]);

/** Whether a status says that the request itself is wrong, so that it would be refused again. */
export function isFinalStatus(status: number): boolean {
  return status >= 400 && status < 500 && !isTransientStatus(status);
}

/** What an answer of the server means for the part (design 3). */
export function replyOf(result: CallResult<SendMessageResponse>): SendReply | 'expired' {
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
