import { reasonOf } from '../../../core/errors.ts';
import { restartDelayMs } from '../../../core/time/backoff.ts';
import type { Clock } from '../../../core/time/clock.ts';
import { type AcpConnection, type AcpConnectionOptions, connectAcp } from '../connection/connection.ts';
import { createAcpLogin } from '../connection/login.ts';
import { type AcpSessions, createAcpSessions } from './sessions.ts';

/** The agent process that runs now, with its sessions. */
export interface AcpProcess {
  connection: AcpConnection;
  sessions: AcpSessions;
  /** See {@link createAcpLogin}. */
  logIn(): Promise<boolean>;
}

/** Keeps one agent process for all turns of an account: started when one is needed, again when it has died. */
export interface AcpProcessKeeper {
  /** The process that runs; starts one when there is none. Rejects with AcpStartError. */
  get(): Promise<AcpProcess>;
  /** Notes that the process has answered: its deaths count from the beginning again. */
  noteAnswer(): void;
  /** Ends a process that has stopped listening; the next turn gets another. */
  replace(process: AcpProcess, why: string): void;
  /** Ends the process, and starts no other. */
  close(): Promise<void>;
}

/** See {@link AcpProcessKeeper}. */
export function createAcpProcessKeeper(
  options: Omit<AcpConnectionOptions, 'signal'> & {
    name: string;
    /** See {@link createAcpSessions}. */
    asking: readonly string[] | null;
    clock: Clock;
  },
): AcpProcessKeeper {
  const { log, clock } = options;
  const closing = new AbortController();
  /** `running` is null until it is ready. */
  let current: { started: Promise<AcpProcess>; running: AcpProcess | null } | null = null;
  let ending: Promise<void> = Promise.resolve();
  /** Deaths since a process has last answered, and when the next one may be started, on the monotonic clock. */
  let deaths = 0;
  let notBeforeMs = 0;

  async function start(): Promise<AcpProcess> {
    await ending;
    await clock.sleep(notBeforeMs - clock.monotonic(), closing.signal);
    const connection = await connectAcp({ ...options, signal: closing.signal });
    const { name: agentName, cwd, asking, env } = options;
    const sessions = createAcpSessions({ connection, agentName, cwd, asking, log });
    return { connection, sessions, logIn: createAcpLogin(connection, env, log) };
  }

  /** Sees a process through from its start to its end. */
  async function watch(one: NonNullable<typeof current>): Promise<void> {
    try {
      one.running = await one.started;
      const { death, gone } = one.running.connection;
      const { detail } = await death;
      if (!closing.signal.aborted) log.warn(`agent: its process has ended: ${detail}`);
      ending = gone;
    } catch (error) {
      if (!closing.signal.aborted) log.warn(`agent: not started: ${reasonOf(error)}`);
    }
    deaths += 1;
    notBeforeMs = clock.monotonic() + restartDelayMs(deaths);
    if (current === one) current = null;
  }

  function get(): Promise<AcpProcess> {
    if (current === null) {
      current = { started: start(), running: null };
      void watch(current);
    }
    return current.started;
  }

  return {
    get,
    noteAnswer() {
      deaths = 0;
    },
    replace(process, why) {
      log.warn(`agent: ${why}; its process is replaced`);
      if (current?.running === process) current = null;
      ending = process.connection.end(why);
    },
    async close() {
      closing.abort();
      const running = await current?.started.catch(() => null);
      await Promise.all([running?.connection.end('wxagent is stopping'), ending]);
    },
  };
}
