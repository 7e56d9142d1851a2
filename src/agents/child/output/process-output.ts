import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { createLineFeed, type LineHandler } from '../../reply/line-feed.ts';
import { readStderr, type Stderr } from './stderr.ts';

/** What is done with the output of a child. */
export interface OutputUse {
  /** The most stdout may have in all; null: it is read, and nothing of it is wanted. */
  maxStdoutBytes: number | null;
  /** Takes stdout line by line; then nothing of it is kept. False ends the child. Without it stdout is gathered. */
  lines?: { take: LineHandler; maxChars: number };
  /** Called for every line of stderr; overlong lines come cut. */
  onStderr?(line: string): void;
  /** Called whenever the child writes anything. */
  onAlive?(): void;
}

/** Why a child is ended for what it wrote. */
export type OutputFault = 'too-large' | 'bad-output';

/** Reads both output streams of a child within their bounds. */
export interface ProcessOutput {
  /** Begins; `onFault` may come more than once. */
  read(child: ChildProcess, onFault: (fault: OutputFault) => void): void;
  /** The child has ended: what is left in the pipe is read at once, since there is little time, and dealt with later. */
  hurry(): void;
  /** The child is being ended: no line it may still write counts. */
  ignoreLines(): void;
  /** No more is read: resolves when all lines are dealt with. */
  end(): Promise<void>;
  stdout(): Buffer;
  stderrTail(): string;
}

/** See {@link ProcessOutput}. */
export function createProcessOutput(use: OutputUse): ProcessOutput {
  let stderr: Stderr | undefined;
  const stdout = use.lines ? lineSink(use.lines) : gatherSink();
  return {
    read(child, onFault) {
      const stream = child.stdout;
      let sizeBytes = 0;
      const fail = (fault: OutputFault): void => {
        // Closed, so that a flood stops at the writer instead of costing us a read per chunk.
        stream?.destroy();
        onFault(fault);
      };
      stream?.on('data', (chunk: Buffer) => {
        use.onAlive?.();
        sizeBytes += chunk.length;
        if (use.maxStdoutBytes === null) return;
        if (sizeBytes > use.maxStdoutBytes) fail('too-large');
        else stdout.take(chunk, stream, () => fail('bad-output'));
      });
      if (child.stderr) {
        child.stderr.on('data', () => use.onAlive?.());
        stderr = readStderr(child.stderr, use.onStderr);
      }
      // A child need not read what it is given (EPIPE), and a pipe that breaks has simply ended.
      for (const one of child.stdio) one?.on('error', () => {});
    },
    hurry: stdout.hurry,
    ignoreLines: stdout.ignore,
    async end() {
      stderr?.end();
      await stdout.end();
    },
    stdout: stdout.bytes,
    stderrTail: () => stderr?.tail() ?? '',
  };
}

/** Where stdout goes. */
interface Sink {
  take(chunk: Buffer, from: Readable, onBad: () => void): void;
  hurry(): void;
  ignore(): void;
  end(): Promise<void>;
  bytes(): Buffer;
}

function gatherSink(): Sink {
  const chunks: Buffer[] = [];
  return {
    take: (chunk) => void chunks.push(chunk),
    hurry() {},
    ignore() {},
    async end() {},
    bytes: () => Buffer.concat(chunks),
  };
}

function lineSink({ take, maxChars }: NonNullable<OutputUse['lines']>): Sink {
  let source: Readable | null = null;
  let ignored = false;
  let hurried = false;
  let work: Promise<unknown> = Promise.resolve();
  const feed = createLineFeed(async (line, form) => !ignored && (await take(line, form)), maxChars);
  return {
    take(chunk, from, onBad) {
      if (ignored) return;
      source = from;
      if (!hurried) from.pause();
      work = work.then(async () => {
        const isGood = await feed.write(chunk);
        from.resume();
        if (!isGood && !ignored) onBad();
      });
    },
    hurry() {
      hurried = true;
      source?.resume();
    },
    ignore() {
      ignored = true;
    },
    async end() {
      await work;
      if (!ignored) await feed.end();
    },
    bytes: () => Buffer.alloc(0),
  };
}
