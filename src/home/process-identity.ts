import { readFileSync } from 'node:fs';

/**
 * When a process started, as an opaque string that is equal for the same process
 * and differs for a later one with the same pid, across reboots too. Null when the
 * process is gone (a zombie counts as gone), or when this cannot be told: on
 * Windows, and on Linux without a readable /proc. Synchronous: on Linux it reads
 * one small file, on macOS it runs `ps`.
 */
export function processStartTime(pid: number): string | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  if (process.platform === 'linux') return linuxStartTime(pid);
  return process.platform === 'win32' ? null : psStartTime(pid);
}

/** Field 22 of /proc/<pid>/stat counts ticks since boot, so it means something only with the boot's id. */
function linuxStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 2 is the program's name in parentheses and may itself contain blanks and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    if (ticks === undefined || state === 'Z' || state === 'X') return null;
    const boot = bootId();
    return boot && `${boot}:${ticks}`;
  } catch {
    return null;
  }
}

let knownBootId: string | null | undefined;

/** Names the time since the machine was started; null where the system has no such name. */
export function bootId(): string | null {
  if (knownBootId === undefined) {
    try {
      knownBootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    } catch {
      knownBootId = null;
    }
  }
  return knownBootId;
}

function psStartTime(pid: number): string | null {
  try {
    // Loaded here, because on Linux, where it is not used, it would be loaded at every start.
    const { execFileSync } = process.getBuiltinModule('node:child_process');
    const line = execFileSync('/bin/ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      // The same words whatever language and time zone the two processes that compare them have.
      env: { LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 2_000,
    });
    return line.trim() || null;
  } catch {
    return null;
  }
}
