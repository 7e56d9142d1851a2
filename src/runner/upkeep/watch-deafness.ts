import type { Clock } from '../../core/time/clock.ts';
import type { Admin, DeafSign } from '../../store/port/port.ts';
import type { EventSink } from '../port/events.ts';
import { createAccountsLoop } from './accounts-loop.ts';

/** How often an account is looked at. */
const LOOK_EVERY_MS = 60_000;

/** One account that may become deaf: the server accepts what it sends, and shows nothing. */
export interface Listened {
  account: string;
  emit: EventSink;
  onError: (error: unknown) => void;
}

/** Looks for the signs of deaf accounts, for all accounts of a process, and tells of each once. */
export function createDeafnessWatch(
  admin: Pick<Admin, 'noteDeafness'>,
  clock: Clock,
): (listened: Listened, signal: AbortSignal) => Promise<void> {
  const loop = createAccountsLoop<Listened>(run);
  let current: Promise<void> = Promise.resolve();

  async function look({ account, emit }: Listened): Promise<void> {
    const sign = await admin.noteDeafness({ account, nowMs: clock.now() });
    if (sign) emit({ type: 'undelivered', about: 'account', account, ...toldOf(sign) });
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, signal);
      for (const listened of loop.members) {
        if (signal.aborted) return;
        current = look(listened).catch(listened.onError);
        await current;
      }
    }
  }

  return async (listened, signal) => {
    if (signal.aborted) return;
    await loop.join(listened, signal);
    await current;
  };
}

/** What the vendor needs to look into it. */
function toldOf({ sign, user, sinceMs, count, parts }: DeafSign) {
  return {
    sign,
    user,
    since: new Date(sinceMs).toISOString(),
    count,
    parts: parts.map(({ seq, clientId, serverId, atMs }) => ({
      id: String(seq),
      clientId,
      messageId: serverId,
      time: new Date(atMs).toISOString(),
    })),
  };
}
