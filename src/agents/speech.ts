import type { Log } from '../core/log.ts';
import { terminalText } from '../core/terminal.ts';
import { type Environment, inheritEnvironment } from './child/environment.ts';
import { runProcess } from './child/process.ts';
import { decodeText, replyTextOf } from './output.ts';
import { cutUtf8, tellingLineOf } from './text-bytes.ts';

/** Longest time for one voice message, of which WeChat allows a minute. */
const TIME_LIMIT_MS = 2 * 60_000;
const KILL_GRACE_MS = 5_000;
const DRAIN_MS = 500;
const MAX_TEXT_BYTES = 64 * 1024;
const DETAIL_BYTES = 300;

/** Turns the sound file at a path into text; null when that failed, which has been logged. Never rejects. */
export type Transcriber = (path: string, signal: AbortSignal) => Promise<string | null>;

/**
 * Speech to text by a command of the user's (`--stt`): the path is its last argument, its stdout the text. It has a
 * time limit of its own, and is ended with everything it has forked.
 */
export function createTranscriber(options: {
  command: string;
  cwd: string;
  parentEnv: Environment;
  log: Log;
  timeoutMs?: number;
  killGraceMs?: number;
  /** Called with each process that has started, and when it has ended: to keep a record for `endOrphan`. Must not reject. */
  onStarted?(pid: number): Promise<void>;
  onEnded?(pid: number): Promise<void>;
}): Transcriber {
  const { command, cwd, log, timeoutMs = TIME_LIMIT_MS, killGraceMs = KILL_GRACE_MS } = options;
  const { variables } = inheritEnvironment(options.parentEnv);

  return async (path, signal) => {
    const end = await runProcess({
      command: { shell: command, args: [path] },
      cwd,
      env: variables,
      stdin: Buffer.alloc(0),
      timeoutMs,
      killGraceMs,
      drainMs: DRAIN_MS,
      maxStdoutBytes: MAX_TEXT_BYTES,
      signal,
      onStarted: (pid) => options.onStarted?.(pid),
    });
    if (end.pid !== null) await options.onEnded?.(end.pid);
    const reason = failureOf(end, timeoutMs);
    if (reason === null) return replyTextOf(decodeText(end.stdout))?.trim() ?? '';
    if (!signal.aborted) {
      const said = cutUtf8(tellingLineOf(terminalText(end.stderrTail).trim()), DETAIL_BYTES).value;
      log.warn(`--stt failed: ${reason}${said === '' ? '' : `: ${said}`}`, { file: path });
    }
    return null;
  };
}

function failureOf(end: Awaited<ReturnType<typeof runProcess>>, timeoutMs: number): string | null {
  if (end.spawnError) return `it could not be started: ${end.spawnError.message}`;
  if (end.endedBy === 'timeout') return `no text within ${timeoutMs / 1_000} s`;
  if (end.endedBy === 'too-large') return `it printed more than ${MAX_TEXT_BYTES / 1024} KiB`;
  if (end.endedBy !== null) return 'stopped';
  const { code, signal } = end.exit ?? { code: null, signal: null };
  if (code === null) return `ended by ${signal ?? 'a signal'}`;
  return code === 0 ? null : `exit code ${code}`;
}
