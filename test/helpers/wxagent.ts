import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { LIMIT_MS, pollUntil } from './poll-until.ts';

/** The built program, as a user has it. */
export const BIN = fileURLToPath(new URL('../../bin/wxagent.js', import.meta.url));

/** How a program is started. */
export interface StartOptions {
  home: string;
  /** What it reads on stdin; nothing when absent. `open`: a pipe that stays open. */
  input?: string | Buffer | 'open';
  /** Over the small environment every test starts from; undefined takes a variable out. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Instead of `node bin/wxagent.js`. */
  through?: readonly [string, ...string[]];
}

/** What a program left behind. */
export interface Exited {
  code: number | null;
  /** Of a process of its own. */
  signal?: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A program that runs, here or as a process. */
export interface Running {
  readonly stdout: string;
  readonly stderr: string;
  /** Waits until a stream says this; fails with all that was said when it does not, or when the program ends before. */
  says(stream: 'stdout' | 'stderr', what: string | RegExp): Promise<void>;
  /** Resolves when it has ended and its streams are closed. */
  readonly exited: Promise<Exited>;
  /** SIGTERM, and its end. */
  stop(): Promise<Exited>;
}

/** A program that runs as a process of its own. */
export interface Wxagent extends Running {
  readonly pid: number;
  readonly child: ChildProcess;
  signal(name: NodeJS.Signals): void;
}

/** A folder of its own for a test, removed afterwards. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wxagent-e2e-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Starts the program; what still runs at the end of the test is killed. */
export function startWxagent(args: readonly string[], options: StartOptions): Wxagent {
  const [file, ...before] = options.through ?? [process.execPath, BIN];
  const child = spawn(file, [...before, ...args], {
    cwd: options.cwd ?? options.home,
    env: {
      PATH: process.env.PATH,
      HOME: options.home,
      LANG: 'C.UTF-8',
      WXAGENT_HOME: join(options.home, 'wx'),
      ...options.env,
    },
    stdio: 'pipe',
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      said[stream] += text;
    });
  child.stdin.on('error', () => {}); // it may end without reading
  if (options.input !== 'open') child.stdin.end(options.input ?? '');

  let ended = false;
  const exited = new Promise<Exited>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      ended = true;
      resolve({ code, signal, ...said });
    });
  });
  exited.catch(() => {});
  onTestFinished(async () => {
    if (!ended) child.kill('SIGKILL');
    await exited;
  });
  const running = watched(args, said, exited, () => void child.kill('SIGTERM'));
  return Object.assign(running, {
    pid: child.pid as number,
    child,
    signal: (name: NodeJS.Signals) => void child.kill(name),
  });
}

/** A program that runs, to wait for what it says and for its end. */
export function watched(
  args: readonly string[],
  said: { readonly stdout: string; readonly stderr: string },
  end: Promise<Exited>,
  stop: () => void,
): Running {
  let ended = false;
  const over = (): boolean => (ended = true);
  end.then(over, over);
  const told = (): string => `--- ${args.join(' ')}\nstdout: ${said.stdout}\nstderr: ${said.stderr}`;
  const exited = withinLimit(end, told);
  return {
    get stdout() {
      return said.stdout;
    },
    get stderr() {
      return said.stderr;
    },
    async says(stream, what) {
      const isSaid = (): boolean =>
        typeof what === 'string' ? said[stream].includes(what) : what.test(said[stream]);
      await pollUntil(`${what} on ${stream}`, () => isSaid() || ended).catch((error: Error) => {
        throw new Error(`${error.message}\n${told()}`);
      });
      if (!isSaid()) throw new Error(`it ended and never said ${what} on ${stream}\n${told()}`);
    },
    exited,
    async stop() {
      stop();
      return withinLimit(end, told);
    },
  };
}

/** Runs the program to its end. */
export function wxagent(args: readonly string[], options: StartOptions): Promise<Exited> {
  return startWxagent(args, options).exited;
}

/**
 * Starts the program on a terminal of its own, by util-linux' `script`: stdin and stderr are that terminal, whose
 * screen is `stdout` here; what the program itself writes to stdout goes into the file named.
 */
export function startOnTerminal(
  args: readonly string[],
  options: StartOptions & { stdout: string },
): Wxagent {
  const quoted = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ');
  return startWxagent([], {
    ...options,
    input: 'open',
    env: { TERM: 'xterm', SHELL: '/bin/sh', ...options.env },
    through: ['script', '-qec', `${quoted} >'${options.stdout}'`, '/dev/null'],
  });
}

/** The JSON documents of a stream, one a line. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

function withinLimit(exited: Promise<Exited>, told: () => string): Promise<Exited> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not end\n${told()}`)), LIMIT_MS);
  });
  const limited = Promise.race([exited, late]).finally(() => clearTimeout(timer));
  limited.catch(() => {}); // whoever awaits it hears of it
  return limited;
}
