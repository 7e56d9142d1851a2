import { hostname } from 'node:os';
import { hasCode } from '../core/errors.ts';
import type { LockHolder } from './lock.ts';
import { processStartTime } from './process-identity.ts';

export function thisProcess(): LockHolder {
  return {
    host: hostname(),
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? String(process.pid),
  };
}

/** A lock holder as one text, the way leases store it. */
export function claimantId(holder: LockHolder): string {
  return `${holder.host}/${holder.pid}/${holder.startTime}`;
}

/** This process as one that takes leases, and looks whether the holders of others live. */
export function thisClaimant(): { id: string; isAlive(id: string): boolean } {
  return { id: claimantId(thisProcess()), isAlive: isClaimantAlive };
}

/** The lock holder of {@link claimantId}. */
export function holderOf(claimant: string): LockHolder {
  const [host = '', pid, ...startTime] = claimant.split('/');
  return { host, pid: Number(pid), startTime: startTime.join('/') };
}

/** Whether the process behind a claimant id may still live; one on another host cannot be looked at, so it may. */
export function isClaimantAlive(id: string): boolean {
  const { host, pid, startTime } = holderOf(id);
  if (host !== hostname()) return true;
  const now = processStartTime(pid);
  if (now !== null) return now === startTime;
  // Where start times cannot be told (Windows), the claimant could not tell its own either.
  return startTime === String(pid) && isRunning(pid);
}

/** Whether it does for certain: a pid alone may be another process's by now. */
export function livesForCertain(id: string): boolean {
  const { host, pid, startTime } = holderOf(id);
  return host === hostname() && processStartTime(pid) === startTime;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}
