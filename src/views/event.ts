import type { StateEvent } from '../store/port/port.ts';
import { timeShown } from './account.ts';

/** A state event as the API shows it. `account`: the ID of its account. */
export function eventShown(
  { kind, atMs, user, message, subject, state, ms }: StateEvent,
  account: string | null,
) {
  const isOfPart = kind === 'part' || kind === 'verdict';
  return {
    type: kind,
    time: timeShown(atMs),
    ...{ account, user, message, part: isOfPart ? subject : null, worker: isOfPart ? null : subject, state },
    seconds: ms === null ? null : Math.max(0, ms) / 1_000,
  };
}
