import type { SessionMemory } from '../../agents/port/port.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { SessionPlace, Store } from '../../store/port/port.ts';

/** The memory that the agent has of one session, in the store. */
export function createSessionMemory(
  store: Pick<Store, 'sessionValue' | 'setSessionValue'>,
  clock: Clock,
  session: Omit<SessionPlace, 'name'>,
): SessionMemory {
  return {
    get: (name) => store.sessionValue({ ...session, name }),
    set: (name, value) => store.setSessionValue({ ...session, name, value, nowMs: clock.now() }),
  };
}
