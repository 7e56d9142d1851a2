import { RequestError } from '@agentclientprotocol/sdk';
import { reasonOf, WxError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Outcome, Turn } from '../../core/message/message.ts';
import { isObject } from '../../core/object.ts';
import type { Clock } from '../../core/time/clock.ts';
import { untilAborted, within } from '../../core/time/event-loop.ts';
import {
  type AgentConstants,
  coprocessEnvironment,
  type Environment,
  inheritForAgent,
} from '../child/environment.ts';
import type { ResidentRecords } from '../child/resident-process.ts';
import type { Agent, TurnContext } from '../port/port.ts';
import { endedOutcome, limitTurn, turnEndOf } from '../port/turn-end.ts';
import type { AcpCommand } from './connection/command.ts';
import { wantedModes } from './session/modes.ts';
import { type AcpProcess, createAcpProcessKeeper } from './session/process-keeper.ts';
import { AUTH_REQUIRED } from './session/sessions.ts';
import { outcomeOfError, outcomeOfStart, outcomeOfUnasked, unaskedError } from './turn/outcome.ts';
import type { PermissionPolicy } from './turn/permission.ts';
import { runAcpTurn } from './turn/turn.ts';

/** JSON-RPC error of an agent that does not know a session, or what a URI in its data names. */
const NOT_FOUND = -32002;

/** How long an agent may take until it shows its modes. */
const LOOK_MS = 60_000;

/** What an ACP agent needs to know. */
export interface AcpAgentOptions extends AcpCommand, ResidentRecords {
  account: { id: string; name: string | null };
  permission: PermissionPolicy;
  /** Whether nobody has chosen `permission`, though anybody may write: an agent that cannot be made to ask is refused. */
  mustAsk: boolean;
  /** Where the agent works: the folder wxagent was started in. */
  cwd: string;
  parentEnv: Environment;
  constants: AgentConstants;
  clock: Clock;
  log: Log;
  /** Between a cancellation and the end of the process, and between TERM and KILL. */
  killGraceMs: number;
}

/** The time of one turn. */
type Limit = { signal: AbortSignal; ended: Promise<null>; leftMs(): number };

/** An agent that speaks the Agent Client Protocol: one process for all users, a session for each of theirs. */
export function createAcpAgent(options: AcpAgentOptions): Agent {
  const { name, permission, mustAsk, killGraceMs, log } = options;
  const { env, asking } = askingOf(options);
  const keeper = createAcpProcessKeeper({ ...options, env, asking });
  let looking: Promise<unknown> = Promise.resolve(true);
  let isSaid = false;

  /** Says once that nothing makes the agent ask. */
  function sayUnasked(): void {
    if (!isSaid)
      log.warn(
        `agent: ${name} has no mode in which it asks: it may act without (--permission ${permission})`,
      );
    isSaid = true;
  }

  /** Looks at an agent nobody knows before anybody writes: whether it can be made to ask. Rejects with WxError. */
  async function look(): Promise<void> {
    const { sessions } = await keeper.get();
    // Whether it asks is seen again with each session; a login may be missing yet.
    const can = await within(
      LOOK_MS,
      sessions.canAsk().catch(() => null),
    );
    if (can !== false) return;
    if (mustAsk) throw unaskedError(name);
    sayUnasked();
  }

  /** The agent's session of a turn; null when the turn has to end before there is one. */
  async function open(process: AcpProcess, turn: Turn, context: TurnContext, ended: Promise<null>) {
    const opening = process.sessions.open(turn, context.memory, () => context.folders().media);
    const session = await Promise.race([opening, ended]);
    if (session === null && !context.signal.aborted) {
      keeper.replace(process, 'it made no session in the time of a turn');
    }
    return session;
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
      if (!isSession) return outcomeOfError(error, connection, options.preset?.login ?? null);
      await sessions.forget(turn, context.memory);
      return { kind: 'retry', afterMs: null, detail: `the agent has lost its session: ${error.message}` };
    }
    if (!connection.isClosed) throw error;
    const { detail } = await connection.death;
    return { kind: 'retry', afterMs: null, detail: `the agent ended during a turn: ${detail}` };
  }

  async function answerWithin(turn: Turn, context: TurnContext, limit: Limit): Promise<Outcome | null> {
    try {
      if ((await Promise.race([looking, limit.ended])) === null) return null;
    } catch (error) {
      // wxagent is about to end for it: the message waits.
      return { kind: 'retry', afterMs: null, detail: reasonOf(error) };
    }
    const process = await Promise.race([keeper.get(), limit.ended]).catch(outcomeOfStart);
    if (process === null || 'kind' in process) return process;
    const attempt = () => answerIn(process, turn, context, limit);
    try {
      return await attempt();
    } catch (error) {
      const wantsLogin = error instanceof RequestError && error.code === AUTH_REQUIRED;
      if (!wantsLogin || !(await Promise.race([process.logIn(), limit.ended])))
        return failed(error, process, turn, context);
    }
    return attempt().catch((error) => failed(error, process, turn, context));
  }

  /** Rejects as the agent's answer does. */
  async function answerIn(
    process: AcpProcess,
    turn: Turn,
    context: TurnContext,
    limit: Limit,
  ): Promise<Outcome | null> {
    const session = await open(process, turn, context, limit.ended);
    if (session === null) return null;
    if (!session.asks && mustAsk) return outcomeOfUnasked(name);
    if (!session.asks) sayUnasked();
    return runAcpTurn({
      turn,
      context,
      process,
      sessionId: session.id,
      limit,
      permission,
      keeper,
      killGraceMs,
      log,
    });
  }

  return {
    name,
    start() {
      if (asking === null || options.preset?.asking) {
        // A turn will say what is wrong with it.
        keeper.get().catch(() => {});
        return;
      }
      const looked = look().catch((error) => {
        if (error instanceof WxError) throw error;
      });
      looking = looked.then(() => true);
      // Who started the agent hears of it, be there a turn or not.
      looking.catch(() => {});
      return looked;
    },
    async answer(turn, context) {
      const { signal, leftMs, release } = limitTurn(context.signal, context.timeoutMs);
      const ended = untilAborted(signal);
      try {
        const outcome = await answerWithin(turn, context, { signal, ended, leftMs });
        return outcome ?? endedOutcome(turnEndOf(signal), context.timeoutMs);
      } finally {
        release();
      }
    },
    close: keeper.close,
  };
}

/** What makes the agent ask: its environment, or the modes that do; null: it need not ask, or its environment sees to it. */
function askingOf(options: AcpAgentOptions): {
  env: Record<string, string>;
  asking: readonly string[] | null;
} {
  const { account, permission, preset, parentEnv, constants, log } = options;
  const env = coprocessEnvironment(account, null, inheritForAgent(parentEnv, log), constants);
  if (permission === 'allow' || permission === 'agent') return { env, asking: null };
  const makesAsk = preset?.askingEnv ?? {};
  const isOurs = preset?.askingEnv && Object.keys(makesAsk).every((name) => parentEnv[name] === undefined);
  if (isOurs) return { env: { ...env, ...makesAsk }, asking: null };
  return { env, asking: wantedModes(permission, preset?.asking ?? null) };
}
