import { RequestError } from '@agentclientprotocol/sdk';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { Outcome, Turn } from '../../core/message.ts';
import {
  type AgentConstants,
  coprocessEnvironment,
  type Environment,
  inheritForAgent,
} from '../child/environment.ts';
import type { Agent, TurnContext } from '../port.ts';
import { isObject } from '../reply-line.ts';
import { endedOutcome, limitTurn, turnEndOf, untilAborted } from '../turn-end.ts';
import type { AcpCommand } from './command.ts';
import { outcomeOfError, outcomeOfStart } from './outcome.ts';
import type { PermissionPolicy } from './permission.ts';
import { type AcpProcess, createAcpProcessKeeper } from './process.ts';
import { runAcpTurn } from './turn.ts';

/** JSON-RPC error of an agent that does not know a session, or what a URI in its data names. */
const NOT_FOUND = -32002;

/** What an ACP agent needs to know. */
export interface AcpAgentOptions extends AcpCommand {
  account: { id: string; name: string | null };
  permission: PermissionPolicy;
  /** Where the agent works: the folder wxagent was started in. */
  cwd: string;
  parentEnv: Environment;
  constants: AgentConstants;
  clock: Clock;
  log: Log;
  /** Between a cancellation and the end of the process, and between TERM and KILL. */
  killGraceMs: number;
  /** Called with every process that has started, before it is told anything, and when nothing is left of it. */
  onStarted?(pid: number): Promise<void>;
  onEnded?(pid: number): Promise<void>;
}

/** An agent that speaks the Agent Client Protocol: one process for all users, a session for each of theirs. */
export function createAcpAgent(options: AcpAgentOptions): Agent {
  const { permission, killGraceMs, log } = options;
  const keeper = createAcpProcessKeeper({ ...options, env: environmentOf(options) });

  /** The agent's session of a turn; null when the turn has to end before there is one. */
  async function open(process: AcpProcess, turn: Turn, context: TurnContext, ended: Promise<null>) {
    const sessionId = await Promise.race([process.sessions.open(turn, context.memory), ended]);
    if (sessionId === null && !context.signal.aborted) {
      keeper.replace(process, 'it made no session in the time of a turn');
    }
    return sessionId;
  }

  /** What an agent's refusal, or its death, comes to. */
  async function failed(
    error: unknown,
    { connection, sessions }: AcpProcess,
    turn: Turn,
    context: TurnContext,
  ): Promise<Outcome> {
    if (error instanceof RequestError) {
      const isSession = error.code === NOT_FOUND && !(isObject(error.data) && 'uri' in error.data);
      if (!isSession) return outcomeOfError(error, connection, options.login);
      await sessions.forget(turn, context.memory);
      return { kind: 'retry', afterMs: null, detail: `the agent has lost its session: ${error.message}` };
    }
    if (!connection.isClosed) throw error;
    const { detail } = await connection.death;
    return { kind: 'retry', afterMs: null, detail: `the agent ended while at work: ${detail}` };
  }

  async function answerWithin(
    turn: Turn,
    context: TurnContext,
    limit: { signal: AbortSignal; ended: Promise<null> },
  ): Promise<Outcome | null> {
    const process = await Promise.race([keeper.get(), limit.ended]).catch(outcomeOfStart);
    if (process === null || 'kind' in process) return process;
    try {
      const sessionId = await open(process, turn, context, limit.ended);
      if (sessionId === null) return null;
      return await runAcpTurn({
        turn,
        context,
        process,
        sessionId,
        limit,
        permission,
        keeper,
        killGraceMs,
        log,
      });
    } catch (error) {
      return failed(error, process, turn, context);
    }
  }

  return {
    name: options.name,
    start() {
      // A turn will say what is wrong with it.
      keeper.get().catch(() => {});
    },
    async answer(turn, context) {
      const { signal, release } = limitTurn(context.signal, context.timeoutMs);
      const ended = untilAborted(signal);
      try {
        const outcome = await answerWithin(turn, context, { signal, ended });
        return outcome ?? endedOutcome(turnEndOf(signal), context.timeoutMs);
      } finally {
        release();
      }
    },
    close: keeper.close,
  };
}

function environmentOf({ account, parentEnv, constants, log }: AcpAgentOptions): Record<string, string> {
  return coprocessEnvironment(account, null, inheritForAgent(parentEnv, log), constants);
}
