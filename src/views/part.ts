import { type PartView, type ScheduledText, scheduledId } from '../store/port/port.ts';
import { timeShown } from './account.ts';

/** A part as `outbox --json` and the API show it. */
export function partShown(part: PartView) {
  return {
    id: String(part.seq),
    user: part.user,
    message: part.message,
    clientId: part.clientId,
    kind: part.kind,
    name: part.file?.name ?? null,
    text: part.text,
    verdict: part.state,
    reason: part.reason,
    createdAt: timeShown(part.createdAtMs),
    heldAt: timeShown(part.heldAtMs),
    expiresAt: timeShown(part.expiresAtMs),
  };
}

/** A text that is to be sent later, as `outbox --json` and the API show it. */
export function scheduledShown({ seq, user, text, atMs, key }: ScheduledText) {
  return { id: scheduledId(seq), user, at: timeShown(atMs), text, key };
}
