import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a child usually has between TERM and KILL. */
export const KILL_GRACE_MS = 5_000;

/** How long a killed group may take to disappear, and `taskkill` to do its work, before nobody waits any more. */
const LAST_WAIT_MS = 1_000;

/**
 * Ends a detached child and everything it forked: TERM, `graceMs`, KILL, to the
 * whole group. Resolves when the group is gone, at the latest about
 * a second after the KILL; never rejects. Forks keep their grace although the
 * leader has already died of the TERM, as a shell does. What has left the group
 * with setsid is out of reach.
 */
export async function endGroup(leader: number, graceMs: number): Promise<void> {
  // Windows has no signal that a console program could handle: the ladder is its last rung.
  if (process.platform === 'win32') return endTree(leader);
  if (!signalGroup(leader, 'SIGTERM')) return;
  if (await groupGone(leader, graceMs)) return;
  signalGroup(leader, 'SIGKILL');
  await groupGone(leader, LAST_WAIT_MS);
}

/** Signals a group; false when nothing of it is left, or nothing that may be signalled. 0 only asks. */
function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  // kill(-1) would reach every process of the user, kill(0) our own group.
  if (!Number.isSafeInteger(leader) || leader <= 1) return false;
  try {
    return process.kill(-leader, signal);
  } catch {
    return false;
  }
}

async function groupGone(leader: number, waitMs: number): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  for (let pauseMs = 5; groupLives(leader); pauseMs = Math.min(pauseMs * 2, 100)) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await delay(Math.min(pauseMs, leftMs));
  }
  return true;
}

function groupLives(leader: number): boolean {
  return signalGroup(leader, 0) && !(process.platform === 'linux' && hasOnlyZombies(leader));
}

/** Zombies count as members, and PID 1 of a container often never collects them: each end would take its whole grace. */
function hasOnlyZombies(leader: number): boolean {
  try {
    return readdirSync('/proc')
      .reverse()
      .every((entry) => !/^\d+$/.test(entry) || !livesIn(leader, entry));
  } catch {
    return false;
  }
}

function livesIn(leader: number, pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // After the program's name, which may contain anything: state, parent, group.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 3);
    return group === String(leader) && state !== 'Z' && state !== 'X';
  } catch {
    return false; // gone since the folder was read
  }
}

function endTree(root: number): Promise<void> {
  return new Promise((resolve) => {
    const taskkill = spawn('taskkill', ['/PID', String(root), '/T', '/F'], {
      stdio: 'ignore',
      windowsHide: true,
    });
    const timer = setTimeout(resolve, LAST_WAIT_MS);
    for (const event of ['exit', 'error']) {
      taskkill.once(event, () => {
        clearTimeout(timer);
        resolve();
      });
    }
  });
}
