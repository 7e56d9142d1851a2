import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import { type Command, nameOf } from '../child/command-line.ts';
import {
  type AgentConstants,
  coprocessEnvironment,
  type Environment,
  inheritForAgent,
} from '../child/environment.ts';
import type { ResidentRecords } from '../child/resident-process.ts';
import type { Agent } from '../port/port.ts';
import { endedOutcome, turnEndOf } from '../port/turn-end.ts';
import { type Coprocess, createCoprocess } from './supervisor.ts';

/** How long the process of a user may have nothing to do before it is ended. */
const IDLE_MS = 10 * 60_000;

/** What a coprocess agent needs to know. */
export interface CoprocessAgentOptions extends ResidentRecords {
  command: Command;
  /** One process for everybody, or one for each user who writes. */
  per: 'account' | 'user';
  account: { id: string; name: string | null };
  /** Where the command runs: the folder wxagent was started in. */
  cwd: string;
  parentEnv: Environment;
  constants: AgentConstants;
  /** Between TERM and KILL. */
  killGraceMs: number;
  clock: Clock;
  log: Log;
}

interface UserCoprocess {
  coprocess: Coprocess;
  turns: number;
  /** Aborted when there is work again. */
  idle: AbortController;
}

/** Events on stdin, answers on stdout, one JSON object a line, several turns at once. Restarts after 1 s up to 60 s. */
export function createCoprocessAgent(options: CoprocessAgentOptions): Agent {
  const { command, account, constants, clock, log } = options;
  const name = nameOf(command);
  const inherited = inheritForAgent(options.parentEnv, log);
  const start = (user: { id: string; stateDir: string } | null): Coprocess =>
    createCoprocess({ ...options, env: coprocessEnvironment(account, user, inherited, constants) });

  if (options.per === 'account') {
    const one = start(null);
    return { name, start: one.start, answer: one.answer, close: one.close };
  }

  const users = new Map<string, UserCoprocess>();
  /** Processes that are being ended: a user's next one waits for that, since both would keep the same state. */
  const ending = new Map<string, Promise<void>>();

  function end(user: string, { coprocess, idle }: UserCoprocess): Promise<void> {
    idle.abort();
    users.delete(user);
    const ended = coprocess.close().finally(() => ending.delete(user));
    ending.set(user, ended);
    return ended;
  }

  async function endWhenIdle(user: string, one: UserCoprocess): Promise<void> {
    const { signal } = one.idle;
    await clock.sleep(IDLE_MS, signal);
    if (signal.aborted) return;
    log.debug('ending the coprocess of a user who has nothing for it', { user });
    await end(user, one);
  }

  return {
    name,
    async answer(turn, context) {
      const { user } = turn;
      while (ending.has(user)) await ending.get(user);
      if (context.signal.aborted) return endedOutcome(turnEndOf(context.signal), context.timeoutMs);
      const one = users.get(user) ?? {
        coprocess: start({ id: user, stateDir: context.folderPaths().state }),
        turns: 0,
        idle: new AbortController(),
      };
      users.set(user, one);
      one.idle.abort();
      one.turns++;
      try {
        return await one.coprocess.answer(turn, context);
      } finally {
        if (--one.turns === 0 && users.get(user) === one) {
          one.idle = new AbortController();
          void endWhenIdle(user, one);
        }
      }
    },
    async close() {
      for (const [user, one] of users) void end(user, one);
      await Promise.all(ending.values());
    },
  };
}
