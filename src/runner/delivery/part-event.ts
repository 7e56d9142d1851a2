import type { PartView } from '../../store/port/port.ts';
import type { RunnerEvent } from '../port/events.ts';

/** What is known of a part now, as an event of an account; `budgetLeft` is null where nothing was sent. */
export function partEvent(account: string, part: PartView, budgetLeft: number | null): RunnerEvent {
  const { message, user, clientId, kind, state, serverId, reason } = part;
  const known = { verdict: state, messageId: serverId, reason, budgetLeft };
  return { type: 'part', account, message, user, clientId, kind, ...known };
}
