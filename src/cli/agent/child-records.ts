import { reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Turn } from '../../core/message/message.ts';
import { processStartTime } from '../../home/process-identity.ts';
import type { Turns } from '../../store/port/port.ts';

/** Keeps a record of an agent's processes, so that the next runner can end what a killed one left. Never rejects. */
export interface ChildRecords {
  /** A process has started: of one turn, or with null one that lives longer. */
  started(turn: Turn | null, pid: number): Promise<void>;
  /** A process that was started without a turn has ended. */
  ended(pid: number): Promise<void>;
}

/** See {@link ChildRecords}. */
export function createChildRecords(
  account: string,
  turns: Pick<Turns, 'recordChild' | 'forgetChild'>,
  log: Log,
): ChildRecords {
  /** Of those that were started without a turn: an ended process tells it no more. */
  const startTimes = new Map<number, string>();
  const note = (what: Promise<void>): Promise<void> =>
    what.catch((error) => log.debug(`child not recorded: ${reasonOf(error)}`));
  return {
    async started(turn, pid) {
      const startTime = processStartTime(pid);
      if (startTime === null) return;
      if (turn === null) startTimes.set(pid, startTime);
      // Committed before the agent gets the message, so that after a SIGKILL its process is known.
      await note(turns.recordChild({ account, id: turn?.id ?? null, child: { pid, startTime } }));
    },
    async ended(pid) {
      const startTime = startTimes.get(pid);
      if (startTime === undefined) return;
      startTimes.delete(pid);
      await note(turns.forgetChild({ account, child: { pid, startTime } }));
    },
  };
}
