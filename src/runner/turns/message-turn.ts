import type { Turn } from '../../core/message/message.ts';
import { type Inbound, readInbound, writtenAtMs } from '../../ilink/message/inbound.ts';
import { joinStored } from '../../ilink/message/merged.ts';
import type { StartedTurn } from '../../store/port/port.ts';

/** What was read of messages whose turns began as they came in. */
const known = new WeakMap<Buffer, Inbound>();

/** Spares another reading of the message of a turn: what came with it said this, by its bytes. */
export function noteReading({ said }: StartedTurn, readings: ReadonlyMap<Buffer, Inbound>): void {
  for (const { raw } of said) {
    const inbound = readings.get(raw);
    if (inbound) known.set(raw, inbound);
  }
}

/** A stored message whose turn has been started: what it says, and the turn of it without attachments and quote. */
export function turnOf(
  started: StartedTurn,
  account: { id: string; name: string | null },
): { turn: Turn; inbound: Inbound } {
  const [first, ...others] = started.said;
  const isWhole = others.length === 0 && first?.textFrom === 0;
  const inbound = (isWhole && known.get(first.raw)) || readInbound(joinStored(started.said));
  const turn: Turn = {
    id: started.id,
    account: account.id,
    accountName: account.name,
    user: started.user,
    sessionId: started.sessionId,
    turn: started.turn,
    timeMs: writtenAtMs(inbound, started.receivedAtMs) ?? started.receivedAtMs,
    kind: inbound.kind === 'unknown' ? 'text' : inbound.kind,
    text: inbound.text,
    attachments: [],
    quote: null,
    attempt: started.attempt,
  };
  return { turn, inbound };
}
