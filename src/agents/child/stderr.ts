import type { Readable } from 'node:stream';
import { terminalText } from '../../core/terminal.ts';
import { cutUtf8, tellingLineOf } from '../text-bytes.ts';
import { createLineReader } from './line-reader.ts';

/** How much of stderr is kept for the report of a failure. */
const TAIL_BYTES = 4096;

/** How long a line of stderr may be before its rest is dropped. */
const LINE_CHARS = 4096;

/** Longest quotation of stderr in a reason. */
const DETAIL_BYTES = 300;

/** What a child says on stderr. */
export interface Stderr {
  /** The last 4 KiB of it. */
  tail(): string;
  /** Hands over what came after the last newline. */
  end(): void;
}

/** Reads stderr to its end, however much it is: every line for the log, overlong ones cut, and its end for reports. */
export function readStderr(stream: Readable, onLine?: (line: string) => void): Stderr {
  let tail = Buffer.alloc(0);
  const lines = createLineReader((line) => onLine?.(line), LINE_CHARS);
  stream.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
    lines.write(chunk);
  });
  return { tail: () => tail.toString('utf8').replace(/^\uFFFD+/, ''), end: () => lines.end() };
}

/** A line of stderr as it stands in the log; null when there is nothing to read in it. */
export function logLineOf(line: string): string | null {
  const clean = terminalText(line).trimEnd();
  return clean === '' ? null : `agent: ${clean}`;
}

/** A reason with the last thing the agent said on stderr, and where that is not all of it, what came before. */
export function withStderr(reason: string, stderrTail: string): { detail: string; stderr?: string } {
  const stderr = terminalText(stderrTail).trim();
  const line = cutUtf8(tellingLineOf(stderr), DETAIL_BYTES).value;
  if (line === '') return { detail: reason };
  return { detail: `${reason}: ${line}`, ...(line === stderr ? {} : { stderr }) };
}
