import { methods } from '@agentclientprotocol/sdk';
import type { Log } from '../../../core/log.ts';
import type { Outcome, Turn } from '../../../core/message/message.ts';
import { isObject } from '../../../core/object.ts';
import { within } from '../../../core/time/event-loop.ts';
import type { TurnContext } from '../../port/port.ts';
import type { AcpProcess, AcpProcessKeeper } from '../session/process-keeper.ts';
import { outcomeOfStop } from './outcome.ts';
import { createPermissions, type PermissionPolicy } from './permission.ts';
import { promptOf } from './prompt.ts';
import { type AcpReply, createAcpReply } from './reply.ts';
import { createToolCalls } from './tool-calls.ts';

/** Quiet after an answer until it counts as whole, with text and without: some agents send the last of it late. */
const QUIET_MS = { afterText: 150, afterNothing: 1_000 };

/** Longest wait for such latecomers. */
const LATE_MS = 3_000;

const TOO_LARGE: Outcome = { kind: 'failed', reason: 'too-large', detail: 'more than 1 MiB of output' };

/** One turn in an agent's session. */
export interface AcpTurn {
  turn: Turn;
  context: Pick<TurnContext, 'alive' | 'ask' | 'folders' | 'language'>;
  process: AcpProcess;
  sessionId: string;
  /** Aborted when the turn must end; `ended` resolves then. */
  limit: { signal: AbortSignal; ended: Promise<null>; leftMs(): number };
  permission: PermissionPolicy;
  keeper: AcpProcessKeeper;
  /** How long a cancelled prompt may take to end. */
  killGraceMs: number;
  log: Log;
}

/** Sends the message and gathers the answer; null when the turn had to end before. Rejects as the agent's answer does. */
export async function runAcpTurn(options: AcpTurn): Promise<Outcome | null> {
  const { turn, context, sessionId, limit, keeper, log } = options;
  const { connection } = options.process;
  const { language } = context;
  const reply = createAcpReply();
  const calls = createToolCalls();
  const heard = createNotifier();
  const tooLarge = createNotifier();
  const decide = createPermissions({
    policy: options.permission,
    ask: context.ask,
    language,
    signal: limit.signal,
    leftMs: limit.leftMs,
    describe: calls.describe,
    onDenied: reply.noteDenied,
    tell: (line) => log.info(`agent: ${line}`, { message: turn.id }),
  });
  const unlisten = connection.listen(sessionId, {
    onUpdate(update) {
      context.alive();
      reply.take(update);
      calls.take(update);
      heard.notify();
      if (reply.isTooLarge) tooLarge.notify();
    },
    onPermission(request) {
      reply.interrupt();
      return decide(request);
    },
  });
  try {
    const prompt = await promptOf(turn, connection.capabilities.promptCapabilities ?? {});
    const answering = connection.agent
      .request(methods.agent.session.prompt, { sessionId, prompt })
      .then((answer) => (isObject(answer) ? answer.stopReason : 'end_turn'));
    const answer = await Promise.race([answering, limit.ended, tooLarge.next()]);
    if (answer === null || answer === 'notified') {
      await cancel(options, answering);
      return answer && TOO_LARGE;
    }
    keeper.noteAnswer();
    await untilQuiet(reply, heard);
    if (reply.isTooLarge) return TOO_LARGE;
    const pieces = await reply.pieces(() => context.folders().reply);
    return outcomeOfStop(answer, pieces, reply.endsWithDenial, language);
  } finally {
    unlisten();
  }
}

async function cancel(
  { process, sessionId, keeper, killGraceMs }: AcpTurn,
  answering: Promise<unknown>,
): Promise<void> {
  const settled = answering.then(
    () => true,
    () => true,
  );
  // A process that has ended has nothing to cancel.
  process.connection.agent.notify(methods.agent.session.cancel, { sessionId }).catch(() => {});
  if ((await within(killGraceMs, settled)) === null) {
    keeper.replace(process, `a cancelled turn did not end within ${killGraceMs / 1_000} s`);
  }
}

async function untilQuiet(reply: AcpReply, heard: Notifier): Promise<void> {
  const until = performance.now() + LATE_MS;
  const quietMs = (): number => (reply.isEmpty ? QUIET_MS.afterNothing : QUIET_MS.afterText);
  while ((await within(quietMs(), heard.next())) !== null && performance.now() < until);
}

interface Notifier {
  notify(): void;
  /** Resolves at the next `notify`. */
  next(): Promise<'notified'>;
}

function createNotifier(): Notifier {
  let resolveNext = (_: 'notified'): void => {};
  const prepare = (): Promise<'notified'> =>
    new Promise((resolve) => {
      resolveNext = resolve;
    });
  let next = prepare();
  return {
    notify() {
      resolveNext('notified');
      next = prepare();
    },
    next: () => next,
  };
}
