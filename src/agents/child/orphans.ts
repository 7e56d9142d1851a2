import { endGroup, KILL_GRACE_MS } from './end-process-group.ts';

/** A child process, told apart from a later one that got the same pid. */
export interface ChildIdentity {
  pid: number;
  /** When it started, in the words of the `startTimeOf` it was recorded with. */
  startTime: string;
}

/** Ends what a killed runner left, forks included, where pid and start time match; tells whether they did. */
export async function endOrphan(
  child: ChildIdentity,
  startTimeOf: (pid: number) => string | null,
  killGraceMs = KILL_GRACE_MS,
): Promise<boolean> {
  if (startTimeOf(child.pid) !== child.startTime) return false;
  await endGroup(child.pid, killGraceMs);
  return true;
}
