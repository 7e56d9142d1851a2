import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { canHaveTerminal, startOnOwnTerminal } from '../../agents/child/own-terminal.ts';
import { type Foreground, spawnForeground } from '../../agents/child/spawn.ts';
import { reasonOf, WxError } from '../../core/errors.ts';
import type { CommandContext } from '../port/context.ts';
import { ignoredSignals } from '../signals/ignored-signals.ts';

/** How much of the end of the output is kept. */
const KEPT_BYTES = 1_048_576;
/** How long after its end a command's output is waited for: something that it has started may hold it open. */
const DRAIN_MS = 2_000;

/** Signals that a terminal sends to all of its foreground. */
const OF_TERMINALS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT']);

export interface CommandEnd {
  /** As a shell tells it: 128 and the number of the signal, where one has ended it. */
  code: number;
  signal: NodeJS.Signals | null;
  durationMs: number;
  /** The end of what it has written. */
  output: Buffer;
  /** What went to a terminal is not in `output`. */
  isPartial: boolean;
}

/**
 * Runs a command as if nobody were between: the end of what it writes is kept while it goes through, and signals go
 * through. On a terminal the command gets another one; where it cannot, a stream that is a terminal is the command's own.
 * Throws WxError `not-found` when it cannot be started.
 */
export async function runCommand(
  context: CommandContext,
  file: string,
  argv: readonly string[],
): Promise<CommandEnd> {
  const { clock, io } = context;
  const startedAtMs = clock.monotonic();
  const tail = createTail();
  const { child, isPartial, signal: pass } = start(context, file, argv);
  const end = context.passSignals(pass);
  try {
    const relayed = Promise.all([
      child.stdout && io.outAll(tail.through(child.stdout)),
      child.stderr && io.errAll(tail.through(child.stderr)),
    ]);
    const { code, signal } = await ended(child, file);
    const durationMs = clock.monotonic() - startedAtMs;
    const late = new AbortController();
    await Promise.race([relayed, clock.sleep(DRAIN_MS, late.signal)]);
    late.abort();
    return {
      code: signal === null ? (code ?? 1) : 128 + constants.signals[signal],
      signal,
      durationMs,
      output: tail.bytes(),
      isPartial,
    };
  } finally {
    end();
  }
}

function start(
  context: CommandContext,
  file: string,
  argv: readonly string[],
): Foreground & Pick<CommandEnd, 'isPartial'> {
  const { io, cwd, clock, environment } = context;
  if (io.stdinIsTerminal && io.stdoutIsTerminal && io.stderrIsTerminal) {
    const command = { argv, cwd, env: environment.all, before: trapsOf(context) };
    if (canHaveTerminal(command)) return { ...startOnOwnTerminal(command, clock), isPartial: false };
  }
  const [name = file, ...args] = argv;
  const isTogether = !io.stdoutIsTerminal && !io.stderrIsTerminal && isSameFile();
  const child = spawnForeground({ file, name, args, shell: shellBefore(context, isTogether) }, cwd, [
    io.stdoutIsTerminal ? 'inherit' : 'pipe',
    io.stderrIsTerminal || isTogether ? 'inherit' : 'pipe',
  ]);
  return {
    child,
    isPartial: io.stdoutIsTerminal || io.stderrIsTerminal,
    signal(name) {
      // The terminal has sent it to the command as well.
      if (!(io.stdinIsTerminal && OF_TERMINALS.has(name))) child.kill(name);
    },
  };
}

function ended(
  child: Foreground['child'],
  file: string,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new WxError('not-found', `${file} cannot be started: ${reasonOf(error)}`, { cause: error })),
    );
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/**
 * What a shell does before it replaces itself with the command; null: there is no need for one. It is needed where stdout
 * and stderr are one file, whose lines would lose their order in two pipes, and where signals are ignored, which Node sets
 * back for its children.
 */
function shellBefore(context: CommandContext, isTogether: boolean): string | null {
  if (process.platform === 'win32') return null;
  const traps = trapsOf(context);
  if (!isTogether && traps === '') return null;
  return `${traps}exec "$@"${isTogether ? ' 2>&1' : ''}`;
}

/** Has a shell, and what it starts, ignore what we are to ignore. */
function trapsOf({ environment }: CommandContext): string {
  const ignored = ignoredSignals({ lastCommand: environment.get('_'), parentPid: process.ppid });
  return [...ignored].map((signal) => `trap '' ${signal.slice('SIG'.length)}; `).join('');
}

/** Whether stdout and stderr of this process are the same file or pipe. */
function isSameFile(): boolean {
  if (process.platform === 'win32') return false;
  try {
    const [out, err] = [fstatSync(1), fstatSync(2)];
    return out.dev === err.dev && out.ino === err.ino;
  } catch {
    return false; // one of them is closed
  }
}

/** Keeps the end of what goes through. */
function createTail() {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    async *through(stream: Readable): AsyncGenerator<Uint8Array> {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        bytes += chunk.length;
        while (chunks.length > 1 && bytes - (chunks[0]?.length ?? 0) >= KEPT_BYTES)
          bytes -= chunks.shift()?.length ?? 0;
        yield chunk;
      }
    },
    bytes(): Buffer {
      const all = Buffer.concat(chunks);
      let start = Math.max(0, all.length - KEPT_BYTES);
      // Not in the middle of a character of UTF-8.
      for (let n = 0; start > 0 && n < 3 && ((all[start] ?? 0) & 0xc0) === 0x80; n++) start++;
      return all.subarray(start);
    },
  };
}
