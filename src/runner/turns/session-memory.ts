import type { SessionMemory } from '../../agents/port/port.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { SessionKey, Sessions } from '../../store/port/port.ts';

/** The memory that the agent has of one session, in the store. */
export function createSessionMemory(
  sessions: Pick<Sessions, 'sessionValue' | 'setSessionValue'>,
  clock: Clock,
  session: Omit<SessionKey, 'name'>,
): SessionMemory {
  return {
    get: (name) => sessions.sessionValue({ ...session, name }),
    set: (name, value) => sessions.setSessionValue({ ...session, name, value, nowMs: clock.now() }),
  };
}
