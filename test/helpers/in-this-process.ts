import { join } from 'node:path';
import { runProgram } from '../../src/cli/program.ts';
import type { Io } from '../../src/core/io.ts';
import { systemClock } from '../../src/core/time/clock.ts';
import { readEnvironment } from '../../src/settings/config.ts';
import { BIN } from './wxagent.ts';

/** What a command has written, and its exit code. */
export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command of the program in the process of the test: quicker than one of its own, which signals and pipes need. */
export async function runHere(
  args: readonly string[],
  {
    home,
    env = {},
    input = '',
    cwd = home,
    io = {},
    stop = new AbortController().signal,
  }: {
    home: string;
    env?: Record<string, string>;
    input?: string | Buffer;
    cwd?: string;
    io?: Partial<Io>;
    stop?: AbortSignal;
  },
): Promise<Ran> {
  const ran: Ran = { code: -1, stdout: '', stderr: '' };
  const write =
    (stream: 'stdout' | 'stderr') =>
    (text: string | Uint8Array): void => {
      ran[stream] += typeof text === 'string' ? text : Buffer.from(text).toString();
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
    clock: systemClock,
    cwd,
    bin: BIN,
    stopSignal: () => stop,
  };
  ran.code = await runProgram(host, args);
  return ran;
}
