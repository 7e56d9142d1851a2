import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  type ProcessRun,
  runProcess,
  runThroughShortages,
} from '../../../../src/agents/child/run-process.ts';
import {
  busyFor,
  eventually,
  groupAlive,
  isRunning,
  killLeftover,
  misbehave,
  untilExited,
} from '../support.ts';

/** Longer than any test may take: whatever waits for it has failed. */
const NEVER_MS = 60_000;

function runWith(changes: Partial<ProcessRun>): ProcessRun {
  return {
    command: misbehave('cat'),
    cwd: tmpdir(),
    env: { PATH: process.env.PATH ?? '' },
    stdin: Buffer.alloc(0),
    timeoutMs: 0,
    killGraceMs: NEVER_MS,
    drainMs: NEVER_MS,
    maxStdoutBytes: 1024 * 1024,
    signal: new AbortController().signal,
    ...changes,
  };
}

/** Runs it and stops it as soon as it says that it is ready. */
function runAndStop(changes: Partial<ProcessRun>, reason = 'stop') {
  const controller = new AbortController();
  return runProcess(
    runWith({
      signal: controller.signal,
      onStderr: (line) => line === 'ready' && controller.abort(reason),
      ...changes,
    }),
  );
}

describe('a child that ends by itself', () => {
  it('gets its stdin byte by byte and hands over its stdout', async () => {
    const stdin = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 256));
    const end = await runProcess(runWith({ stdin }));
    expect(end).toMatchObject({
      exit: { code: 0, signal: null },
      endedBy: null,
      spawnError: null,
      stderrTail: '',
    });
    expect(end.stdout.equals(stdin)).toBe(true);
  });

  it.each([1, 75, 127, 255])('reports exit code %i', async (code) => {
    const end = await runProcess(runWith({ command: { shell: `exit ${code}` } }));
    expect(end.exit).toEqual({ code, signal: null });
  });

  it('reports the signal it died of', async () => {
    const end = await runProcess(runWith({ command: misbehave('suicide', 'SIGKILL') }));
    expect(end).toMatchObject({ exit: { code: null, signal: 'SIGKILL' }, endedBy: null });
  });

  it('may ignore 4 MB of stdin', async () => {
    const end = await runProcess(runWith({ command: { shell: 'true' }, stdin: Buffer.alloc(4_000_000) }));
    expect(end).toMatchObject({ exit: { code: 0 }, endedBy: null });
  });

  it.each(['as a whole', 'line by line'])(
    'is heard to its end %s when this process was kept from listening between its exit and the reading',
    async (how) => {
      const heard: string[] = [];
      const take = async (line: string) => heard.push(line) > 0;
      let other = 0;
      const silent = runProcess(
        runWith({
          command: { shell: 'read line; seq 1 20000; echo end >&2' },
          stdin: Buffer.from('go\n'),
          drainMs: 1,
          onStarted(pid) {
            other = pid;
          },
          ...(how === 'line by line' && { lines: { take, maxChars: 100 } }),
        }),
      );
      // Of the first it is heard that it has written and that it has exited; the second exits in between.
      const first = runProcess(
        runWith({
          command: { shell: 'echo first' },
          onStarted: untilExited,
          onAlive: () => untilExited(other),
        }),
      );
      const end = await silent;
      expect((how === 'line by line' ? heard : end.stdout.toString().trim().split('\n')).at(-1)).toBe(
        '20000',
      );
      expect(end).toMatchObject({ exit: { code: 0 }, endedBy: null, stderrTail: 'end\n' });
      await first;
    },
  );

  it('has ended in time when its end is heard of too late', async () => {
    const run = runWith({
      command: { shell: 'echo ready >&2; echo answer' },
      timeoutMs: 2_000,
      onStderr: () => busyFor(2_200),
    });
    const end = await runProcess(run);
    expect(end).toMatchObject({ endedBy: null, exit: { code: 0 } });
    expect(end.stdout.toString()).toBe('answer\n');
  });

  it('may print exactly what is allowed', async () => {
    const end = await runProcess(runWith({ command: misbehave('exactly', '70000'), maxStdoutBytes: 70_000 }));
    expect(end).toMatchObject({ exit: { code: 0 }, endedBy: null });
    expect(end.stdout.length).toBe(70_000);
  });

  it('names its pid once, while it lives, before it gets its stdin', async () => {
    const started: { pid: number; alive: boolean }[] = [];
    const end = await runProcess(
      runWith({
        command: { shell: 'read line; echo "$line"' },
        stdin: Buffer.from('go\n'),
        onStarted: (pid) => void started.push({ pid, alive: groupAlive(pid) }),
      }),
    );
    expect(started).toEqual([{ pid: end.pid, alive: true }]);
    expect(end.stdout.toString()).toBe('go\n');
  });

  it('is ended when it could not be recorded', async () => {
    let leader = 0;
    const run = runWith({
      command: misbehave('hang'),
      onStarted(pid) {
        leader = pid;
        throw new Error('disk full');
      },
    });
    await expect(runProcess(run)).rejects.toThrow('disk full');
    await eventually(() => !groupAlive(leader));
  });
});

describe('stderr', () => {
  it('comes line by line and its end is kept, however much there is', async () => {
    const lines: string[] = [];
    const end = await runProcess(
      runWith({
        command: {
          shell:
            'printf "one\\n\\ntwo\\n" >&2; head -c 200000 /dev/zero | tr "\\0" e >&2; printf "\\nlast" >&2',
        },
        onStderr: (line) => lines.push(line),
      }),
    );
    expect(lines).toEqual(['one', '', 'two', 'e'.repeat(4096), 'last']);
    expect(end.stderrTail).toHaveLength(4096);
    expect(end.stderrTail.endsWith('e\nlast')).toBe(true);
  });

  it('cannot block the child', async () => {
    const end = await runProcess(runWith({ command: misbehave('flood-stderr') }));
    expect(end).toMatchObject({ exit: { code: 0 }, endedBy: null });
  });
});

describe('a child that cannot be started', () => {
  it.each([
    ['ENOENT', { command: { argv: ['/no/such/program'] } }],
    ['ENOENT', { cwd: '/no/such/folder' }],
    ['EACCES', { command: { argv: ['/etc/passwd'] } }],
    ['E2BIG', { env: { HUGE: 'x'.repeat(200_000) } }],
    ['ERR_INVALID_ARG_VALUE', { command: { shell: 'echo \0' } }],
  ] as [string, Partial<ProcessRun>][])('is the value %s', async (code, changes) => {
    const end = await runProcess(runWith({ ...changes, stdin: Buffer.alloc(100_000) }));
    expect(end).toMatchObject({ pid: null, exit: null, endedBy: null, spawnError: { code } });
  });

  it('is not even tried when the turn is over already', async () => {
    const end = await runProcess(runWith({ signal: AbortSignal.abort('timeout') }));
    expect(end).toMatchObject({ pid: null, exit: null, endedBy: 'timeout' });
  });
});

describe.skipIf(process.platform === 'win32')('a child that must be ended', () => {
  it('dies of TERM when its time is up', async () => {
    const end = await runProcess(runWith({ command: { shell: 'sleep 600; echo done' }, timeoutMs: 100 }));
    expect(end).toMatchObject({ exit: { signal: 'SIGTERM' }, endedBy: 'timeout' });
    expect(groupAlive(end.pid)).toBe(false);
  });

  it('has a limit longer than a timer can hold', async () => {
    const end = await runProcess(runWith({ command: misbehave('slow', '50'), timeoutMs: 30 * 86_400_000 }));
    expect(end).toMatchObject({ exit: { code: 0 }, endedBy: null });
  });

  it.each(['stop', 'timeout'])('is told apart by the reason of the signal: %s', async (reason) => {
    const end = await runAndStop({ command: misbehave('hang') }, reason);
    expect(end).toMatchObject({ exit: { signal: 'SIGTERM' }, endedBy: reason });
  });

  it('dies of KILL when it ignores TERM', async () => {
    const end = await runAndStop({ command: misbehave('ignore-term'), killGraceMs: 50 });
    expect(end).toMatchObject({ exit: { signal: 'SIGKILL' }, endedBy: 'stop' });
    expect(groupAlive(end.pid)).toBe(false);
  });

  it('takes its forks with it, also when it died before them', async () => {
    const end = await runAndStop({ command: misbehave('fork-ignore-term'), killGraceMs: 50 });
    expect(end).toMatchObject({ exit: { signal: 'SIGTERM' }, endedBy: 'stop' });
    await eventually(() => !groupAlive(end.pid));
  });

  it('may use its grace to end in order, and so may its forks', async () => {
    const end = await runAndStop({
      command: { shell: `'${process.execPath}' '${misbehave().argv[1]}' say-goodbye 100; :` },
    });
    expect(end).toMatchObject({ exit: { signal: 'SIGTERM' }, endedBy: 'stop' });
    expect(end.stdout.toString()).toBe('goodbye');
  });

  it('is not waited for by what left its group with the pipe', async () => {
    const end = await runAndStop({ command: misbehave('escape'), drainMs: 50 });
    const escaped = Number(end.stdout.toString());
    try {
      expect(end).toMatchObject({ exit: { signal: 'SIGTERM' }, endedBy: 'stop' });
      expect(isRunning(escaped)).toBe(true);
    } finally {
      killLeftover(escaped);
    }
  });

  it('is ended when it floods stdout, and the flood is not kept', async () => {
    const end = await runProcess(runWith({ command: misbehave('flood-stdout') }));
    expect(end.endedBy).toBe('too-large');
    expect(end.stdout.length).toBeLessThanOrEqual(1024 * 1024);
    expect(groupAlive(end.pid)).toBe(false);
  });
});

describe.skipIf(process.platform === 'win32')('what a child leaves behind', () => {
  it('holds nothing, lives on, and cannot fail the turn', async () => {
    const end = await runProcess(runWith({ command: misbehave('fork-and-hold'), drainMs: 50 }));
    const left = Number(end.stdout.toString());
    try {
      expect(end).toMatchObject({ exit: { code: 0 }, endedBy: null });
      expect(isRunning(left)).toBe(true);
    } finally {
      killLeftover(left);
    }
  });

  it.runIf(process.platform === 'linux')('gives a stop no turn to fail any more', async () => {
    const controller = new AbortController();
    let leader = 0;
    const running = runProcess(
      runWith({
        command: misbehave('fork-and-hold'),
        drainMs: 300,
        signal: controller.signal,
        onStarted: (pid) => {
          leader = pid;
        },
      }),
    );
    // Collected, so its exit has been told.
    await eventually(() => !existsSync(`/proc/${leader}`));
    controller.abort('stop');
    const end = await running;
    killLeftover(Number(end.stdout.toString()));
    expect(end).toMatchObject({ exit: { code: 0 }, endedBy: null });
  });

  it('is heard while the pipes are drained', async () => {
    const end = await runProcess(runWith({ command: misbehave('late-words') }));
    expect(end.stdout.toString()).toBe('late');
  });

  it('is ended when it floods', async () => {
    const end = await runProcess(runWith({ command: misbehave('fork-and-flood') }));
    expect(end).toMatchObject({ exit: { code: 0 }, endedBy: 'too-large' });
    await eventually(() => !groupAlive(end.pid));
  });
});

describe('lines of stdout', () => {
  /** Takes lines as slowly as it is told, until one says `stop`. */
  function taker(each: () => Promise<void> = async () => {}) {
    const taken: string[] = [];
    const lines = {
      maxChars: 1_000,
      take: async (line: string) => {
        await each();
        taken.push(line);
        return line !== 'stop';
      },
    };
    return { taken, lines };
  }

  it('are taken while the child runs', async () => {
    const { taken, lines } = taker();
    const controller = new AbortController();
    const end = runProcess(
      runWith({ lines, command: { shell: 'echo one; echo two; exec sleep 600' }, signal: controller.signal }),
    );
    await eventually(() => taken.length === 2);
    controller.abort('stop');
    expect(await end).toMatchObject({ endedBy: 'stop', stdout: Buffer.alloc(0) });
    expect(taken).toEqual(['one', 'two']);
  });

  it('hold a child back that writes faster than they are taken', async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { taken, lines } = taker(() => gate);
    const run = runWith({
      lines,
      command: { shell: 'yes | head -c 2000000; echo written >&2' },
      maxStdoutBytes: 10_000_000,
    });
    let written = false;
    const end = runProcess({ ...run, onStderr: () => (written = true) });
    // Time enough to write all of it, if it were let.
    await delay(300);
    expect(written).toBe(false);
    go();
    expect(await end).toMatchObject({ endedBy: null, exit: { code: 0 } });
    expect(written).toBe(true);
    expect(taken).toHaveLength(1_000_000);
  });

  it('are all dealt with before it settles, however long that takes, the half one at the end too', async () => {
    const { taken, lines } = taker(() => delay(20));
    const end = await runProcess(runWith({ lines, command: { shell: 'seq 10; printf half' }, drainMs: 50 }));
    expect(end).toMatchObject({ endedBy: null, exit: { code: 0 } });
    expect(taken).toEqual([...Array.from({ length: 10 }, (_, n) => String(n + 1)), 'half']);
  });

  it('end the child when no more are wanted', async () => {
    const { taken, lines } = taker();
    const end = await runProcess(
      runWith({ lines, command: { shell: 'echo one; echo stop; echo two; exec sleep 600' } }),
    );
    expect(end).toMatchObject({ endedBy: 'bad-output', exit: { signal: 'SIGTERM' } });
    expect(taken).toEqual(['one', 'stop']);
  });

  it('may not be more than allowed in all', async () => {
    const { lines } = taker();
    const end = await runProcess(runWith({ lines, command: { shell: 'yes' }, maxStdoutBytes: 100_000 }));
    expect(end.endedBy).toBe('too-large');
  });

  it('of a child that is being ended do not count', async () => {
    const { taken, lines } = taker();
    const end = await runAndStop({ lines, command: misbehave('say-goodbye', '10') });
    expect(end.endedBy).toBe('stop');
    expect(taken).toEqual([]);
  });

  it('of a process that keeps the pipe are waited for no longer than the drain', async () => {
    const { taken, lines } = taker();
    const end = await runProcess(runWith({ lines, command: misbehave('fork-and-hold'), drainMs: 50 }));
    const held = Number(taken[0]);
    try {
      expect(end).toMatchObject({ endedBy: null, exit: { code: 0 } });
      expect(isRunning(held)).toBe(true);
    } finally {
      killLeftover(held);
    }
  });
});

it('every output of a child is a sign of life', async () => {
  let signs = 0;
  await runProcess(
    runWith({ command: { shell: 'echo out; sleep 0.05; echo err >&2' }, onAlive: () => signs++ }),
  );
  expect(signs).toBe(2);
});

it('a start that this machine is short of something for is tried again, until nobody wants it any more', async () => {
  const ended = await runProcess(runWith({ command: { shell: 'true' } }));
  const short = (code: string) => ({ ...ended, spawnError: Object.assign(new Error(code), { code }) });
  const ends = [short('EMFILE'), short('EAGAIN'), ended];
  const { signal } = new AbortController();
  expect(await runThroughShortages(async () => ends.shift() ?? ended, signal)).toBe(ended);
  expect(await runThroughShortages(async () => short('ENOENT'), signal)).toMatchObject({
    spawnError: { code: 'ENOENT' },
  });
  const stopped = await runThroughShortages(async () => short('ENOMEM'), AbortSignal.abort());
  expect(stopped).toMatchObject({ spawnError: { code: 'ENOMEM' } });
});
