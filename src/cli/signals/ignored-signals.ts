import { readFileSync, readlinkSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { hasCode } from '../../core/errors.ts';

/** How the starter of this process has it end. */
export interface Starter {
  /** The variable `_`: bash, zsh and ksh put the command into it that they start. */
  lastCommand: string | undefined;
  parentPid: number;
}

/**
 * Signals that whoever started this process has set to ignored: they are to stay so. Node sets all of them back before
 * our first line runs, so nobody can be asked what they were. What tells: the shell names `nohup`; nohup leaves traces;
 * and what a parent ignores (`trap '' HUP`), its children are started with.
 */
export function ignoredSignals(starter: Starter): Set<NodeJS.Signals> {
  const ignored = new Set<NodeJS.Signals>();
  if (basename(starter.lastCommand ?? '') === 'nohup' || hasTracesOfNohup()) ignored.add('SIGHUP');
  for (const signal of ['SIGHUP', 'SIGINT'] as const) {
    if (isIgnoredBy(starter.parentPid, constants.signals[signal])) ignored.add(signal);
  }
  return ignored;
}

/** In place of a terminal nohup puts a stdin that cannot be read, and the file `nohup.out`. */
function hasTracesOfNohup(): boolean {
  try {
    if (basename(readlinkSync('/proc/self/fd/1')) === 'nohup.out') return true;
    if (readlinkSync('/proc/self/fd/0') !== '/dev/null') return false;
    readSync(0, Buffer.alloc(1));
    return false;
  } catch (error) {
    return hasCode(error, 'EBADF');
  }
}

function isIgnoredBy(pid: number, signal: number): boolean {
  try {
    const [, mask] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
  } catch {
    return false; // no Linux, or a parent of another user
  }
}
