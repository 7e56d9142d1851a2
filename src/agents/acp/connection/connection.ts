import {
  type AgentCapabilities,
  type AuthMethod,
  type ClientContext,
  client,
  type InitializeResponse,
  methods,
  PROTOCOL_VERSION,
  type RequestPermissionRequest,
  type RequestPermissionResponse,
} from '@agentclientprotocol/sdk';
import type { Log } from '../../../core/log.ts';
import { isObject } from '../../../core/object.ts';
import { VERSION } from '../../../core/version.ts';
import type { Command } from '../../child/command-line.ts';
import { exitHint, spawnFailure } from '../../child/exit-hints.ts';
import { type ResidentEnd, type ResidentRecords, startResident } from '../../child/resident-process.ts';
import { createNoticeLog } from './notice-log.ts';
import { createAcpWire, type SessionUpdate } from './wire.ts';

/** How long an agent may take until it answers at all: `npx` may have to fetch it first. */
const START_LIMIT_MS = 5 * 60_000;

/** What a turn wants to hear of its session. */
export interface SessionListener {
  onUpdate(update: Record<string, unknown>): void;
  onPermission(request: RequestPermissionRequest): Promise<RequestPermissionResponse>;
}

/** An agent process that has answered `initialize`. */
export interface AcpConnection {
  readonly capabilities: AgentCapabilities;
  readonly authMethods: readonly AuthMethod[];
  /** Sends requests. They reject with the SDK's RequestError, or when the process has ended. */
  readonly agent: ClientContext;
  /** Hears what concerns a session until the returned function is called. */
  listen(sessionId: string, listener: SessionListener): () => void;
  /** Hears every update of every session from now on. */
  follow(listener: (update: SessionUpdate) => void): void;
  /** The end of what it has said on stderr. */
  readonly stderrTail: string;
  /** Whether requests reject because the process has ended, or is about to. */
  readonly isClosed: boolean;
  /** Resolves when the process has ended. */
  readonly death: Promise<ResidentEnd>;
  /** Resolves when nothing is left of what it has forked either. */
  readonly gone: Promise<void>;
  /** Ends the process and what it has forked; `why` becomes how it ended. Never rejects. */
  end(why: string): Promise<void>;
}

/** An agent that could not be started, or ended, or stayed silent, before it answered `initialize`. */
export class AcpStartError extends Error {
  override readonly name = 'AcpStartError';
  /** What to do about it, where another try would end the same way. */
  readonly hint: string | undefined;
  /** What kept it from starting may be over soon. */
  readonly passes: boolean;

  constructor(message: string, hint?: string, passes = false) {
    super(message);
    this.hint = hint;
    this.passes = passes;
  }
}

/** How a {@link AcpConnection} is made. */
export interface AcpConnectionOptions extends ResidentRecords {
  command: Command;
  cwd: string;
  /** The whole environment of the process. */
  env: Record<string, string>;
  /** Between TERM and KILL. */
  killGraceMs: number;
  /** Gives up the start when it is aborted. */
  signal: AbortSignal;
  log: Log;
}

/** Starts an agent and shakes hands. It is offered no files and no terminal. Rejects with {@link AcpStartError}. */
export async function connectAcp(options: AcpConnectionOptions): Promise<AcpConnection> {
  const { log } = options;
  const listeners = new Map<string, SessionListener>();
  const followers: ((update: SessionUpdate) => void)[] = [];
  const notices = createNoticeLog(log);
  const wire = createAcpWire({
    write: (line) => resident.write(line),
    onUpdate({ sessionId, update }) {
      if (update.sessionUpdate === 'notice') return notices.take(update);
      for (const follower of followers) follower({ sessionId, update });
      const listener = listeners.get(sessionId);
      if (listener) listener.onUpdate(update);
      // A session that is loaded tells all that was ever said in it.
      else log.debug(`agent: an update of a session without a turn: ${update.sessionUpdate}`);
    },
    log,
  });
  const resident = await startResident({
    ...options,
    onStdout(chunk) {
      wire.receive(chunk);
      return null;
    },
    // Some tell every step they take: of use when it fails, and then its end is told.
    onStderr: (line) => log.debug(line),
  }).catch((error: NodeJS.ErrnoException) => {
    const { detail, hint, passes } = spawnFailure(error, options.command, options.cwd);
    throw new AcpStartError(detail, hint, passes);
  });
  const connection = client({ name: 'wxagent' })
    .onRequest(methods.client.session.requestPermission, ({ params }) => {
      const listener = listeners.get(params.sessionId);
      return listener ? listener.onPermission(params) : { outcome: { outcome: 'cancelled' } };
    })
    .connect(wire.stream);
  const gone = resident.ended.then(async () => {
    wire.end();
    await resident.gone;
    await options.onEnded?.(resident.pid);
  });
  async function end(why: string): Promise<void> {
    await resident.end(why);
    await gone;
  }
  // A stream that the SDK has given up is no use to a process that lives.
  void connection.closed.then(() => end('the connection to it was given up'));

  async function shakeHands(): Promise<InitializeResponse> {
    await options.onStarted?.(resident.pid);
    return connection.agent.request(methods.agent.initialize, {
      protocolVersion: PROTOCOL_VERSION,
      clientInfo: { name: 'wxagent', title: 'wxagent', version: VERSION },
      clientCapabilities: {
        fs: { readTextFile: false, writeTextFile: false },
        terminal: false,
        // What an agent says of itself is for the log and no part of an answer.
        session: { notices: {} },
      },
    });
  }
  const death = resident.ended.then((how): never => {
    throw new AcpStartError(
      `it ended before it was ready: ${how.detail}`,
      exitHint(how.code, options.command, options.cwd),
    );
  });
  const answer = await firstOf([shakeHands(), death], options.signal).catch(async (error: Error) => {
    await end('it was not ready');
    throw error instanceof AcpStartError ? error : new AcpStartError(`it refused to start: ${error.message}`);
  });
  // The SDK does not look at what requests are answered with.
  const version = isObject(answer) ? answer.protocolVersion : 'none';
  if (version !== PROTOCOL_VERSION) {
    await end('it speaks another version');
    throw new AcpStartError(`it speaks version ${version} of ACP, wxagent version ${PROTOCOL_VERSION}`);
  }
  const { agentInfo } = answer;
  const who = agentInfo ? `${agentInfo.name} ${agentInfo.version}` : 'it';
  log.info(`agent: ${who} is ready (pid ${resident.pid})`);
  return {
    capabilities: answer.agentCapabilities ?? {},
    authMethods: answer.authMethods ?? [],
    agent: connection.agent,
    listen(sessionId, listener) {
      listeners.set(sessionId, listener);
      return () => void (listeners.get(sessionId) === listener && listeners.delete(sessionId));
    },
    follow: (listener) => void followers.push(listener),
    get stderrTail() {
      return resident.stderrTail();
    },
    get isClosed() {
      return connection.signal.aborted;
    },
    death: resident.ended,
    gone,
    end,
  };
}

/** The first that settles, within the time a start may take and until it is given up. */
async function firstOf<T>(promises: Promise<T>[], signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let giveUp = (): void => {};
  const over = new Promise<never>((_, reject) => {
    const late = `it did not answer within ${START_LIMIT_MS / 60_000} minutes`;
    timer = setTimeout(() => reject(new AcpStartError(late)), START_LIMIT_MS);
    giveUp = () => reject(new AcpStartError('wxagent was stopped'));
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([...promises, over]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}
