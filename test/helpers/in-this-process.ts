import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runProgram } from '../../src/cli/parse-arguments.ts';
import type { Io } from '../../src/core/io.ts';
import { type Clock, systemClock } from '../../src/core/time/clock.ts';
import { readEnvironment } from '../../src/settings/resolve-settings.ts';
import { BIN, type Exited, type Running, type StartOptions, watched } from './wxagent.ts';

/** How a command is run in the process of the test. */
export interface HereOptions extends Omit<StartOptions, 'input' | 'through'> {
  input?: string | Buffer;
  /** Instead of streams that are no terminal. */
  io?: Partial<Io>;
  clock?: Clock;
}

/**
 * Starts a command of the program in the process of the test, from source: a tenth of what a process of its own takes.
 * What only the built program shows needs `startWxagent`: signals, kills, its real streams and terminal, its own exit
 * code and pid, another process for a lock or a lease. Told to stop when the test ends, and waited for.
 */
export function startHere(args: readonly string[], options: HereOptions): Running {
  const stop = new AbortController();
  const said = { stdout: '', stderr: '' };
  const end = run(args, options, said, stop.signal).then((code) => ({ code, ...said }));
  end.catch(() => {});
  onTestFinished(async () => {
    stop.abort('SIGTERM');
    await end;
  });
  return watched(args, said, end, () => stop.abort('SIGTERM'));
}

/** Runs a command in the process of the test to its end, or to what it makes of `stop`. */
export async function runHere(
  args: readonly string[],
  { stop = new AbortController().signal, ...options }: HereOptions & { stop?: AbortSignal },
): Promise<Exited> {
  const said = { stdout: '', stderr: '' };
  const code = await run(args, options, said, stop);
  return { code, ...said };
}

function run(
  args: readonly string[],
  { home, env = {}, input = '', cwd = home, io = {}, clock = systemClock }: HereOptions,
  said: { stdout: string; stderr: string },
  stop: AbortSignal,
): Promise<number> {
  const write =
    (stream: 'stdout' | 'stderr') =>
    (text: string | Uint8Array): void => {
      said[stream] += typeof text === 'string' ? text : Buffer.from(text).toString();
    };
  const host = {
    io: {
      out: write('stdout'),
      err: write('stderr'),
      outSoon: write('stdout'),
      errSoon: write('stderr'),
      async outAll(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) write('stdout')(chunk);
      },
      async errAll(chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) write('stderr')(chunk);
      },
      readStdin: async () => Buffer.from(input),
      async *stdin() {
        if (input.length > 0) yield Buffer.from(input);
      },
      ask: async () => null,
      stdoutIsTerminal: false,
      stderrIsTerminal: false,
      stdinIsTerminal: false,
      ...io,
    },
    environment: readEnvironment({
      PATH: process.env.PATH,
      HOME: home,
      LANG: 'C.UTF-8',
      WXAGENT_HOME: join(home, 'wx'),
      ...env,
    }),
    clock,
    cwd,
    bin: BIN,
    stopSignal: () => stop,
    passSignals: () => () => {},
  };
  return runProgram(host, args);
}
