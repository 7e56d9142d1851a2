import type { Turn } from '../core/message.ts';
import { decodeRaw, readInbound } from '../ilink/inbound.ts';
import type { StartedTurn } from '../store/port.ts';

/** A stored message whose turn has been started, as its agent gets it (contract 3). */
export function turnOf(started: StartedTurn, account: { id: string; name: string | null }): Turn {
  const inbound = readInbound(decodeRaw(started.raw));
  return {
    id: started.id,
    account: account.id,
    accountName: account.name,
    user: started.user,
    sessionId: started.sessionId,
    turn: started.turn,
    timeMs: inbound.createdAtMs ?? started.receivedAtMs,
    kind: inbound.kind === 'unknown' ? 'text' : inbound.kind,
    text: inbound.text,
    attachments: [],
    quote:
      inbound.quoteText === null ? null : { id: inbound.quoteId, text: inbound.quoteText, attachments: [] },
    attempt: started.attempt,
  };
}
