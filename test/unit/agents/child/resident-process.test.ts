import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { type ResidentRun, startResident } from '../../../../src/agents/child/resident-process.ts';
import { busyFor, untilExited } from '../support.ts';

/** Starts one whose pipes are drained for one millisecond of the clock; `onStdout` gets each chunk. */
function start(shell: string, onStdout: ResidentRun['onStdout']) {
  return startResident({
    command: { shell },
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? '' },
    killGraceMs: 60_000,
    drainMs: 1,
    onStdout,
    onStderr() {},
  });
}

/** From now on every turn of the event loop takes longer than that drain; returns what ends it. */
function stallEveryTurn(): () => void {
  let next: NodeJS.Immediate;
  const stall = (): void => {
    busyFor(5);
    next = setImmediate(stall);
  };
  stall();
  return () => clearImmediate(next);
}

it.each([
  ['at once', () => null],
  ['by one who wants no more before it has ended', () => new Promise<void>(() => {})],
])('what a resident wrote before its exit is read %s, however long the loop stalls', async (_, dealWith) => {
  const heard: Buffer[] = [];
  const silent = await start('read line; seq 1 20000; echo end >&2; exit 3', (chunk) => {
    heard.push(chunk);
    return dealWith();
  });
  // Of the first it is heard that it has written and that it has exited; the second exits in between.
  const first = await start('echo first', () => {
    silent.write('go\n');
    untilExited(silent.pid);
    return null;
  });
  untilExited(first.pid);
  const goOn = stallEveryTurn();
  expect(await silent.ended).toEqual({ code: 3, detail: 'exit code 3: end' });
  goOn();
  expect(Buffer.concat(heard).toString().trim().split('\n').at(-1)).toBe('20000');
  await Promise.all([silent.gone, first.gone]);
});
