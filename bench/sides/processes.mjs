/** What processes cost, from /proc: only on Linux. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Of `utime` and `stime`, on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Processor time of these processes together; those that have ended count nothing. */
export function processorSeconds(...pids) {
  const ticks = pids.map((pid) => {
    const fields = statOf(pid);
    return fields ? Number(fields[11]) + Number(fields[12]) : 0;
  });
  return ticks.reduce((sum, n) => sum + n, 0) / TICKS_PER_SECOND;
}

/** Resident memory. */
export function residentMiB(pid) {
  return memoryMiB(pid, 'VmRSS');
}

/** The most that it has been. */
export function peakMiB(pid) {
  return memoryMiB(pid, 'VmHWM');
}

function memoryMiB(pid, name) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)[1]) / 1_024;
}

/** The processes that this one has started. */
export function childrenOf(pid) {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((one) => Number(statOf(one)?.[1]) === pid);
}

/** Open files, how many of each kind: sockets, files by the ends of their names, and others. */
export function openFiles(pid) {
  const kinds = {};
  for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
    let target = 'gone';
    try {
      target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
    } catch {}
    const name = /(?:\.lock)?\.[a-z]+(?:-wal|-shm)?$/.exec(target)?.[0] ?? 'file';
    const kind = target.startsWith('/') ? name : target.split(':')[0];
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

/** The fields of `stat` behind the name, from the state on; null: there is no such process. */
function statOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
