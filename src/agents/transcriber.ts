import type { Log } from '../core/log.ts';
import { KILL_GRACE_MS } from './child/end-process-group.ts';
import { type Environment, inheritEnvironment } from './child/environment.ts';
import type { ResidentRecords } from './child/resident-process.ts';
import { failureOf, type ProcessEnd, runProcess, runThroughShortages } from './child/run-process.ts';
import { decodeText, replyTextOf } from './reply/output.ts';

/** Longest time for one voice message, of which WeChat allows a minute. */
const TIME_LIMIT_MS = 2 * 60_000;
const MAX_TEXT_BYTES = 64 * 1024;

/** Turns the sound file at a path into text; null when that failed, which has been logged. Never rejects. */
export type Transcriber = (path: string, signal: AbortSignal) => Promise<string | null>;

/** Speech to text by `--stt`: the path is its last argument, its stdout the text. It has a time limit of its own. */
export function createTranscriber(
  options: ResidentRecords & {
    command: string;
    cwd: string;
    parentEnv: Environment;
    log: Log;
    timeoutMs?: number;
    killGraceMs?: number;
  },
): Transcriber {
  const { command, cwd, log, timeoutMs = TIME_LIMIT_MS, killGraceMs = KILL_GRACE_MS } = options;
  const { variables } = inheritEnvironment(options.parentEnv);

  const run = (path: string, signal: AbortSignal): Promise<ProcessEnd> =>
    runProcess({
      command: { shell: command, args: [path] },
      cwd,
      env: variables,
      stdin: Buffer.alloc(0),
      timeoutMs,
      killGraceMs,
      maxStdoutBytes: MAX_TEXT_BYTES,
      signal,
      onStarted: (pid) => options.onStarted?.(pid),
    });

  return async (path, signal) => {
    const end = await runThroughShortages(() => run(path, signal), signal);
    if (end.pid !== null) await options.onEnded?.(end.pid);
    const reason =
      end.endedBy === 'too-large'
        ? `it printed more than ${MAX_TEXT_BYTES / 1024} KiB`
        : failureOf(end, timeoutMs);
    if (reason === null) return replyTextOf(decodeText(end.stdout))?.trim() ?? '';
    if (!signal.aborted) log.warn(`--stt failed: ${reason}`, { file: path });
    return null;
  };
}
