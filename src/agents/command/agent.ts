import type { Log } from '../../core/log.ts';
import type { Outcome, Turn } from '../../core/message/message.ts';
import { type Command, nameOf } from '../child/command-line.ts';
import { KILL_GRACE_MS } from '../child/end-process-group.ts';
import {
  type AgentConstants,
  type Environment,
  type Inherited,
  inheritForAgent,
  turnEnvironment,
} from '../child/environment.ts';
import { exitHint, spawnFailure } from '../child/exit-hints.ts';
import { logLineOf, withOutput } from '../child/output/stderr.ts';
import { type ProcessEnd, runProcess } from '../child/run-process.ts';
import { type InputForm, stdinOf } from '../port/input.ts';
import type { Agent, TurnContext } from '../port/port.ts';
import { endedOutcome } from '../port/turn-end.ts';
import { failed, replyOf, shortage, textPiece } from '../reply/outcomes.ts';
import { decodeText } from '../reply/output.ts';
import {
  createReplyStream,
  MAX_LINE_CHARS,
  MAX_STREAM_BYTES,
  type ReplyStream,
} from '../reply/reply-stream.ts';
import { filesLeftIn, stateOf } from './reply-folder.ts';

/** What stdout of a command is: the reply, or lines that are acted on when they are written (`--output`). */
export type OutputForm = 'text' | 'jsonl';

const MEBIBYTE = 1024 * 1024;

/** The most a command may print as text. */
const MAX_STDOUT_BYTES = MEBIBYTE;

/** `EX_TEMPFAIL`: run this message again later. */
const EXIT_RETRY = 75;

/** What a command agent needs to know. */
export interface CommandAgentOptions {
  /** With `argv`, its first word is what `resolveCommand` returned. */
  command: Command;
  input: InputForm;
  output: OutputForm;
  /** Where the command runs: the folder wxagent was started in. */
  cwd: string;
  parentEnv: Environment;
  constants: AgentConstants;
  log: Log;
  /** {@link KILL_GRACE_MS} unless told otherwise. */
  killGraceMs?: number;
  /** Called when the child of a turn has started, before it gets its input: the time to record it for `endOrphan`. */
  onStarted?(turn: Turn, pid: number): void | Promise<void>;
}

/** An agent that starts a command for every message: stdin in, stdout out. */
export function createCommandAgent(options: CommandAgentOptions): Agent {
  const { command, log } = options;
  let inherited: Inherited | undefined;

  function inherit(): Inherited {
    inherited ??= inheritForAgent(options.parentEnv, log);
    return inherited;
  }

  return {
    name: nameOf(command),
    async answer(turn, context) {
      const { timeoutMs } = context;
      const folders = context.folders();
      const sentFiles = new Set<string>();
      const emit: TurnContext['emit'] = async (piece) => {
        const state = 'file' in piece ? await stateOf(piece.file) : null;
        if (state !== null) sentFiles.add(state);
        await context.emit(piece);
      };
      const stream =
        options.output === 'jsonl' ? createReplyStream({ emit }, options.cwd, log, turn.id) : null;
      const maxStdoutBytes = stream ? MAX_STREAM_BYTES : MAX_STDOUT_BYTES;
      const end = await runProcess({
        command,
        cwd: options.cwd,
        env: turnEnvironment(turn, folders, inherit(), options.constants),
        stdin: stdinOf(turn, options.input),
        timeoutMs,
        killGraceMs: options.killGraceMs ?? KILL_GRACE_MS,
        maxStdoutBytes,
        ...(stream && { lines: { take: stream.take, maxChars: MAX_LINE_CHARS } }),
        onAlive: context.alive,
        signal: context.signal,
        onStarted: (pid) => options.onStarted?.(turn, pid),
        onStderr(line) {
          const shown = logLineOf(line);
          if (shown !== null) log.info(shown, { message: turn.id });
        },
      });
      return (
        (stream && badLine(stream, end)) ??
        outcomeOf(end, turn, {
          replyFolder: folders.reply,
          sentFiles,
          timeoutMs,
          maxStdoutBytes,
          command,
          cwd: options.cwd,
          log,
        })
      );
    },
  };
}

/** A line nobody can act on fails the turn; half a line only when the command says that all is well. */
function badLine({ bad }: ReplyStream, { endedBy, exit }: ProcessEnd): Outcome | null {
  if (bad === null || (bad.half && (endedBy !== null || exit?.code !== 0))) return null;
  const { half, ...why } = bad;
  return { kind: 'failed', reason: 'bad-output', ...why };
}

async function outcomeOf(
  end: ProcessEnd,
  turn: Turn,
  about: {
    replyFolder: string;
    /** States of the files that it has named in its lines. */
    sentFiles: ReadonlySet<string>;
    timeoutMs: number;
    maxStdoutBytes: number;
    command: Command;
    cwd: string;
    log: Log;
  },
): Promise<Outcome> {
  const { replyFolder, timeoutMs, command, cwd, log } = about;
  if (end.endedBy === 'too-large') {
    const detail = `it printed more than ${about.maxStdoutBytes / MEBIBYTE} MiB`;
    return failed('too-large', detail, 'write long results to a file in "$WXAGENT_REPLY_DIR"');
  }
  if (end.endedBy !== null && end.endedBy !== 'bad-output') return endedOutcome(end.endedBy, timeoutMs);
  if (end.spawnError !== null) {
    const { detail, hint, passes } = spawnFailure(end.spawnError, command, cwd);
    return passes ? shortage(detail) : failed('spawn', detail, hint);
  }

  const { code, signal } = end.exit ?? { code: null, signal: null };
  if (code === null) {
    return {
      kind: 'failed',
      reason: 'signal',
      ...withOutput(`ended by ${signal ?? 'a signal'}`, end.stderrTail, end.stdout),
    };
  }
  if (code === EXIT_RETRY)
    return { kind: 'retry', afterMs: null, ...withOutput(`exit code ${code}`, end.stderrTail, end.stdout) };
  if (code !== 0) {
    const hint = exitHint(code, command, cwd);
    const why = withOutput(`exit code ${code}`, end.stderrTail, end.stdout);
    return { kind: 'failed', reason: 'exit', ...why, ...(hint === undefined ? {} : { hint }) };
  }

  const files = await filesLeftIn(replyFolder, about.sentFiles);
  if (files.skipped.length > 0) {
    log.warn(`left in the reply folder but not sent: ${files.skipped.join(', ')}`, { message: turn.id });
  }
  return replyOf([textPiece(decodeText(end.stdout)), ...files.pieces]);
}
