import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { endOrphan } from '../../../../src/agents/child/orphans.ts';
import { processStartTime } from '../../../../src/home/process-identity.ts';
import { eventually, groupAlive, killLeftover } from '../support.ts';

describe.skipIf(process.platform === 'win32')('the start time of a process', () => {
  it('stays the same while it runs and differs between processes', async () => {
    const own = processStartTime(process.pid);
    expect(own).toEqual(expect.any(String));
    expect(processStartTime(process.pid)).toBe(own);
    expect(processStartTime(1)).not.toBe(own);
  });

  it('is null when the process is gone, or no process can have that pid', async () => {
    const child = spawn('/bin/sh', ['-c', 'exit 0'], { stdio: 'ignore' });
    const pid = child.pid ?? 0;
    await once(child, 'exit');
    expect(processStartTime(pid)).toBeNull();
    for (const none of [0, -1, 1.5, Number.NaN, 2 ** 40]) expect(processStartTime(none)).toBeNull();
  });
});

describe.skipIf(process.platform === 'win32')('a child that a killed runner left behind', () => {
  async function leave(script: string) {
    const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    return { pid, startTime: processStartTime(pid) ?? '' };
  }

  it('is ended with its forks, although they ignore TERM', async () => {
    const orphan = await leave('trap "" TERM; sleep 600 & echo ready; wait');
    expect(await endOrphan(orphan, processStartTime, 50)).toBe(true);
    await eventually(() => !groupAlive(orphan.pid));
    expect(await endOrphan(orphan, processStartTime, 50)).toBe(false);
  });

  it('is left alone when another process has its pid', async () => {
    const other = await leave('echo ready; sleep 600');
    expect(await endOrphan({ ...other, startTime: 'an earlier time' }, processStartTime, 50)).toBe(false);
    expect(groupAlive(other.pid)).toBe(true);
    killLeftover(other.pid, 'group');
  });

  // kill(-1) ends every process of the user and kill(0) the test run itself: the real call must be out of
  // reach here, or a broken guard would take the machine down instead of failing.
  it.each([-1, 0, 1, Number.NaN])('is never signalled under pid %d', async (pid) => {
    const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
    try {
      await endOrphan({ pid, startTime: 'x' }, () => 'x', 0);
      expect(kill).not.toHaveBeenCalled();
    } finally {
      kill.mockRestore();
    }
  });
});
