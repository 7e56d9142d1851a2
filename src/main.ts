import { fileURLToPath } from 'node:url';
import { shownStore } from './cli/account/store-url.ts';
import { languageAsked, runProgram } from './cli/parse-arguments.ts';
import type { Host } from './cli/port/context.ts';
import { watchSignals } from './cli/signals/watch-signals.ts';
import { createOutput } from './cli/terminal/output.ts';
import { reportError } from './cli/terminal/report-error.ts';
import { hasCode, reasonOf, WxError } from './core/errors.ts';
import type { Io } from './core/io.ts';
import { systemClock } from './core/time/clock.ts';
import { readEnvironment } from './settings/resolve-settings.ts';

/** The composition root: real streams, signals and clock; errors become sentences and exit codes. */

const output = createOutput({
  write: (stream, chunk, done) => void process[stream].write(chunk, done),
  // Not while a message is on its way: an answer need not wait until the log has its line.
  later: (flush) => void setTimeout(flush, 1),
});

/** Whoever makes the chunks is told that a stream takes no more. */
async function writeAll(stream: 'stdout' | 'stderr', chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks)
    if (await new Promise<unknown>((resolve) => output.now(stream, chunk, resolve))) return;
}

const io: Io = {
  out: (text) => output.now('stdout', text),
  async outAll(chunks, isWhole = false) {
    isWanted = isWhole;
    await writeAll('stdout', chunks);
    isWanted = false;
  },
  errAll: (chunks) => writeAll('stderr', chunks),
  err: (text) => output.now('stderr', text),
  outSoon: (text) => output.soon('stdout', text),
  errSoon: (text) => output.soon('stderr', text),
  async readStdin() {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  },
  stdin: () => process.stdin,
  async ask(question, signal) {
    const { createInterface } = await import('node:readline/promises');
    output.flush();
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await new Promise<string | null>((resolve, reject) => {
        terminal.once('close', () => resolve(null));
        terminal.question(question, { signal }).then(resolve, reject);
      });
    } catch {
      return null;
    } finally {
      terminal.close();
    }
  },
  stdoutIsTerminal: process.stdout.isTTY === true,
  stderrIsTerminal: process.stderr.isTTY === true,
  // Asked without `process.stdin`, whose first use makes a stream that most commands never read.
  get stdinIsTerminal() {
    return process.getBuiltinModule('node:tty').isatty(0);
  },
};

/** stdout is that of a command under `exec`: its end is told also if nobody reads what it writes. */
let isCommands = false;

/** The exit code of a stdout that takes nothing, once that was told. */
let broken: Promise<number> | null = null;

/** What goes to stdout is of no use in part. */
let isWanted = false;

/** A reader that has gone away (`| head`) is no error, unless all was wanted; whatever else becomes of stdout ends the program with a sentence. */
function watchStreams(host: Host, argv: readonly string[]): void {
  process.stdout.on('error', (error) => {
    if (isCommands) return;
    if (hasCode(error, 'EPIPE') && !isWanted) process.exit(0);
    const told = new WxError('cannot-create', `stdout cannot be written: ${reasonOf(error)}`, {
      hint: hasCode(error, 'ENOSPC') ? 'make room on that disk, or write elsewhere' : 'write it elsewhere',
    });
    broken ??= languageAsked(host, argv).then((language) => reportError(host, told, argv, language));
    void broken.then((code) => process.exit(code));
  });
  process.stderr.on('error', () => {});
  // However the process ends: a signal, a reader that has gone, an error that nobody has caught.
  process.on('exit', output.flush);
}

/** An argument with the URL of a store, alone or behind its option: `--store`, `--from`, `--to`. */
const STORE_URL = /^(?:--[a-z-]+=)?(\s*['"]?postgres(?:ql)?:[\s\S]*)$/i;

/** Other users of this machine see the arguments of a process: the password of a store is taken out of them. */
function hidePassword(argv: readonly string[]): void {
  const shown = argv.map((arg) =>
    arg.replace(STORE_URL, (whole, url: string) => whole.replace(url, () => shownStore(url))),
  );
  if (shown.join('\0') !== argv.join('\0')) process.title = ['wxagent', ...shown].join(' ');
}

/** The folder that we were started in; one that is gone is not there, but an alert from it is still sent. */
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    return process.env.PWD ?? '/';
  }
}

async function main(argv: readonly string[]): Promise<number> {
  hidePassword(argv);
  const signals = watchSignals({ lastCommand: process.env._, parentPid: process.ppid }, (code) =>
    process.exit(code),
  );
  const host: Host = {
    io,
    environment: readEnvironment(),
    clock: systemClock,
    cwd: currentFolder(),
    bin: fileURLToPath(new URL('../bin/wxagent.js', import.meta.url)),
    stopSignal: signals.stopSignal,
    passSignals(to) {
      isCommands = true;
      return signals.passSignals(to);
    },
  };
  watchStreams(host, argv);
  return runProgram(host, argv);
}

void main(process.argv.slice(2)).then(async (code) => {
  // What was written must be out before the process ends; a pipe may take it only later.
  output.flush();
  for (const stream of ['stdout', 'stderr'] as const) {
    // Not one byte where nothing waits: a device that is full refuses that too.
    if (process[stream].writableLength > 0)
      await new Promise<void>((resolve) => output.now(stream, '', () => resolve()));
  }
  // What went wrong with a stream is told a turn later.
  await new Promise((resolve) => setImmediate(resolve));
  process.exit((await broken) ?? code);
});
