import { existsSync } from 'node:fs';
import type { Log } from '../core/log.ts';
import type { Outcome, ReplyPiece, Turn } from '../core/message.ts';
import { type Command, nameOf } from './command-line.ts';
import {
  type AgentConstants,
  type Environment,
  type Inherited,
  inheritEnvironment,
  turnEnvironment,
} from './environment.ts';
import { type InputForm, stdinOf } from './input.ts';
import { decodeText, replyTextOf, stripTerminal } from './output.ts';
import type { Agent } from './port.ts';
import { type ProcessEnd, runProcess } from './process.ts';
import { filesLeftIn } from './reply-folder.ts';
import { cutUtf8, lastLineOf } from './text-bytes.ts';
import { endedOutcome } from './turn-end.ts';

/** The most a command may print (contract 4). */
const MAX_STDOUT_BYTES = 1024 * 1024;

/** How long a process that outlives its agent may hold up the reply by keeping the pipe open. */
const DRAIN_MS = 500;

/** Between TERM and KILL (contract 4). */
const KILL_GRACE_MS = 5_000;

/** Longest quotation of stderr in a reason. */
const DETAIL_BYTES = 300;

/** `EX_TEMPFAIL`: run this message again later (contract 4). */
const EXIT_RETRY = 75;

const EXIT_HINTS: Record<number, string> = {
  126: 'the shell found the command but may not run it: chmod +x, and check its first line (#!...)',
  127: 'the shell did not find a command: give its full path, or check the PATH wxagent was started with',
};

const SPAWN_HINTS: Record<string, string> = {
  ENOENT: 'the program, or the interpreter named in its first line, does not exist any more',
  EACCES: 'the program may not be run: chmod +x',
  ENOEXEC: 'the program is of another platform, or a script without a first line like #!/bin/sh',
  E2BIG: 'the environment or the arguments are too long for this system',
  EAGAIN: 'too many processes: lower --concurrency, or raise ulimit -u',
  EMFILE: 'too many open files: lower --concurrency, or raise ulimit -n',
};

/** What a command agent needs to know. */
export interface CommandAgentOptions {
  /** With `argv`, its first word is what `resolveCommand` returned. */
  command: Command;
  input: InputForm;
  /** Where the command runs: the folder wxagent was started in. */
  cwd: string;
  parentEnv: Environment;
  constants: AgentConstants;
  log: Log;
  /** 5 s unless told otherwise. */
  killGraceMs?: number;
  /** Called when the child of a turn has started, before it gets its input: the time to record it for `endOrphan`. */
  onStarted?(turn: Turn, pid: number): void | Promise<void>;
}

/** An agent that starts a command for every message: stdin in, stdout out (contract 3 and 4). */
export function createCommandAgent(options: CommandAgentOptions): Agent {
  const { command, log } = options;
  let inherited: Inherited | undefined;

  function inherit(): Inherited {
    if (inherited) return inherited;
    inherited = inheritEnvironment(options.parentEnv);
    if (inherited.dropped.length > 0) {
      log.warn(`too long to be passed on to the agent: ${inherited.dropped.join(', ')}`);
    }
    return inherited;
  }

  return {
    name: nameOf(command),
    async answer(turn, context) {
      const folders = context.folders();
      const end = await runProcess({
        command,
        cwd: options.cwd,
        env: turnEnvironment(turn, folders, inherit(), options.constants),
        stdin: stdinOf(turn, options.input),
        timeoutMs: context.timeoutMs,
        killGraceMs: options.killGraceMs ?? KILL_GRACE_MS,
        drainMs: DRAIN_MS,
        maxStdoutBytes: MAX_STDOUT_BYTES,
        signal: context.signal,
        onStarted: (pid) => options.onStarted?.(turn, pid),
        onStderr(line) {
          const clean = stripTerminal(line).trimEnd();
          if (clean !== '') log.info(`agent: ${clean}`, { message: turn.id });
        },
      });
      const { timeoutMs } = context;
      return outcomeOf(end, turn, { replyFolder: folders.reply, timeoutMs, cwd: options.cwd, log });
    },
  };
}

async function outcomeOf(
  end: ProcessEnd,
  turn: Turn,
  { replyFolder, timeoutMs, cwd, log }: { replyFolder: string; timeoutMs: number; cwd: string; log: Log },
): Promise<Outcome> {
  if (end.endedBy === 'too-large') {
    return {
      kind: 'failed',
      reason: 'too-large',
      detail: 'it printed more than 1 MiB',
      hint: 'write long results to a file in "$WXAGENT_REPLY_DIR"',
    };
  }
  if (end.endedBy !== null) return endedOutcome(end.endedBy, timeoutMs);
  if (end.spawnError !== null) return spawnFailed(end.spawnError, cwd);

  const { code, signal } = end.exit ?? { code: null, signal: null };
  if (code === null) {
    return { kind: 'failed', reason: 'signal', ...withStderr(`ended by ${signal ?? 'a signal'}`, end) };
  }
  if (code === EXIT_RETRY) return { kind: 'retry', afterMs: null, ...withStderr(`exit code ${code}`, end) };
  if (code !== 0) {
    const hint = EXIT_HINTS[code];
    const why = withStderr(`exit code ${code}`, end);
    return { kind: 'failed', reason: 'exit', ...why, ...(hint === undefined ? {} : { hint }) };
  }

  const text = replyTextOf(decodeText(end.stdout));
  const files = await filesLeftIn(replyFolder);
  if (files.skipped.length > 0) {
    log.warn(`left in the reply folder but not sent: ${files.skipped.join(', ')}`, { message: turn.id });
  }
  const pieces: ReplyPiece[] = [...(text === null ? [] : [{ text }]), ...files.pieces];
  return pieces.length === 0 ? { kind: 'silent' } : { kind: 'reply', pieces };
}

function spawnFailed(error: NodeJS.ErrnoException, cwd: string): Outcome {
  const code = error.code ?? '';
  // The system says ENOENT for a missing working folder as well, and names the program.
  const hint = code === 'ENOENT' && !existsSync(cwd) ? `the folder ${cwd} is gone` : SPAWN_HINTS[code];
  return {
    kind: 'failed',
    reason: 'spawn',
    detail: `could not be started: ${error.message}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** A reason with the last thing the agent said on stderr, and where that is not all of it, what came before. */
function withStderr(reason: string, { stderrTail }: ProcessEnd): { detail: string; stderr?: string } {
  const stderr = stripTerminal(stderrTail).trim();
  const line = cutUtf8(lastLineOf(stderr), DETAIL_BYTES).value;
  if (line === '') return { detail: reason };
  return { detail: `${reason}: ${line}`, ...(line === stderr ? {} : { stderr }) };
}
