import type { PartView } from '../store/port/port.ts';
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
