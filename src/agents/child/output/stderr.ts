import type { Readable } from 'node:stream';
import { terminalText } from '../../../core/terminal.ts';
import { cutUtf8, tellingLineOf } from '../../../core/text-bytes.ts';
import { createLineReader } from '../../reply/line-reader.ts';

/** How much of stderr is kept for the report of a failure. */
const TAIL_BYTES = 4096;

/** How long a line of stderr may be before its rest is dropped. */
const LINE_CHARS = 4096;

/** Longest quotation of stderr in a reason. */
const DETAIL_BYTES = 300;

/** How much of it goes to the log in how long: a flood must not fill the disk. */
const LOGGED_BYTES = 1024 * 1024;
const LOGGED_MS = 60_000;

/** What a child says on stderr. */
export interface Stderr {
  /** The last 4 KiB of it. */
  tail(): string;
  /** Hands over what came after the last newline. */
  end(): void;
}

/** Reads stderr to its end: every line for the log, overlong ones cut and a flood left out, and its end for reports. */
export function readStderr(stream: Readable, onLine?: (line: string) => void): Stderr {
  let tail = Buffer.alloc(0);
  const bounded = onLine && boundFlood(onLine);
  const lines = createLineReader((line) => bounded?.take(line), LINE_CHARS);
  stream.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    lines.write(chunk);
  });
  return {
    tail: () => tail.toString('utf8').replace(/^\uFFFD+/, ''),
    end() {
      lines.end();
      bounded?.end();
    },
  };
}

/** Hands lines on until they are too many for their time; how many are left out is a line as well. */
function boundFlood(onLine: (line: string) => void): { take(line: string): void; end(): void } {
  let since = performance.now();
  let sizeBytes = 0;
  let dropped = 0;

  function tellDropped(): void {
    if (dropped > 0) onLine(`(${dropped} lines are not in the log: more than 1 MiB a minute)`);
    dropped = 0;
  }

  return {
    take(line) {
      const now = performance.now();
      if (now - since > LOGGED_MS) {
        tellDropped();
        since = now;
        sizeBytes = 0;
      }
      sizeBytes += Buffer.byteLength(line) + 1;
      if (sizeBytes <= LOGGED_BYTES) onLine(line);
      else dropped++;
    },
    end: tellDropped,
  };
}

/** A line of stderr as it stands in the log; null when there is nothing to read in it. */
export function logLineOf(line: string): string | null {
  const clean = terminalText(line).trimEnd();
  return clean === '' ? null : `agent: ${clean}`;
}

/** A reason with the last thing the agent said on stderr, and where that is not all of it, what came before. */
export function withStderr(reason: string, stderrTail: string): { detail: string; stderr?: string } {
  return withLastWords(reason, terminalText(stderrTail).trim());
}

/** The same; of a program that said nothing there, what it said on stdout: some print there why they failed. */
export function withOutput(
  reason: string,
  stderrTail: string,
  stdout: Buffer,
): ReturnType<typeof withStderr> {
  const stderr = terminalText(stderrTail).trim();
  if (stderr !== '') return withLastWords(reason, stderr);
  const tail = stdout
    .subarray(-TAIL_BYTES)
    .toString('utf8')
    .replace(/^\uFFFD+/, '');
  return withLastWords(reason, terminalText(tail).trim());
}

function withLastWords(reason: string, stderr: string): { detail: string; stderr?: string } {
  const line = cutUtf8(tellingLineOf(stderr), DETAIL_BYTES).value;
  if (line === '') return { detail: reason };
  return { detail: `${reason}: ${line}`, ...(line === stderr ? {} : { stderr }) };
}
