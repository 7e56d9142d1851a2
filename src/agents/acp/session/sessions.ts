import { type ClientContext, methods, RequestError } from '@agentclientprotocol/sdk';
import type { Log } from '../../../core/log.ts';
import type { Turn } from '../../../core/message/message.ts';
import { isObject } from '../../../core/object.ts';
import { within } from '../../../core/time/event-loop.ts';
import type { SessionMemory } from '../../port/port.ts';
import { parseJson } from '../../reply/reply-line.ts';
import type { AcpConnection } from '../connection/connection.ts';
import { createSessionMode, type SessionMode } from './modes.ts';

/** Under this name a session keeps the id that the agent has given it. */
const MEMORY = 'acp';

/** The JSON-RPC error of an agent that wants a login first. */
export const AUTH_REQUIRED = -32000;

/** Quiet after a session was loaded until all that was said in it is told again, and the longest wait for that. */
const TOLD_QUIET_MS = 500;
const TOLD_LIMIT_MS = 10_000;

/** The agent's sessions behind those of the users: one each, found again after a restart where the agent can. */
export interface AcpSessions {
  /** The session for this turn: made, loaded or known. `folder` has the user's files. Rejects as the agent does. */
  open(turn: Turn, memory: SessionMemory, folder: () => string): Promise<OpenSession>;
  /** Whether a session of this agent can be made to ask before it acts: one is begun to see, and closed. Rejects likewise. */
  canAsk(): Promise<boolean>;
  /** Forgets a session that the agent no longer knows. */
  forget(turn: Turn, memory: SessionMemory): Promise<void>;
}

export interface OpenSession {
  id: string;
  /** Whether it is in a mode in which the agent asks before it acts, where that is wanted. */
  asks: boolean;
}

/** The sessions of one process; another process begins with an empty one of these. */
export function createAcpSessions(options: {
  connection: AcpConnection;
  /** Which agent this is: a session of another one, or of another folder, is not loaded. */
  agentName: string;
  cwd: string;
  /** The modes in which it asks before it acts, the best one first; null: it stays in its own. */
  asking: readonly string[] | null;
  log: Log;
}): AcpSessions {
  const { connection, agentName, cwd, asking, log } = options;
  const { agent, capabilities } = connection;
  const known = new Map<string, Promise<string>>();
  const current = new Map<string, string>();
  /** Of the agent's sessions, by their ids. */
  const modes = new Map<string, SessionMode>();
  const takesFolders = Boolean(capabilities.sessionCapabilities?.additionalDirectories);
  /** A session that has begun and is nobody's yet. */
  let spare: ReturnType<typeof begin> | null = null;
  /** When a session was last told of. */
  let heardAt = 0;
  connection.follow(({ sessionId, update }) => {
    heardAt = performance.now();
    modes.get(sessionId)?.take(update);
  });

  /** A user who begins a new session is done with the one before; an old message that runs again begins none. */
  async function leaveFormer({ user, sessionId, turn, attempt }: Turn): Promise<void> {
    const former = current.get(user);
    if (former !== undefined && (turn > 1 || attempt > 1)) return;
    current.set(user, sessionId);
    const left = former === undefined || former === sessionId ? undefined : known.get(former);
    if (!left) return;
    known.delete(former as string);
    await drop(await left);
  }

  async function drop(sessionId: string): Promise<void> {
    modes.delete(sessionId);
    if (!capabilities.sessionCapabilities?.close) return;
    await agent.request(methods.agent.session.close, { sessionId });
  }

  /** Notes the modes of a session that has begun, or was taken up again. */
  function noteModes(sessionId: string, answer: unknown, known: string | null): SessionMode | null {
    if (asking === null) return null;
    const mode = createSessionMode({ agent, sessionId, answer, wanted: asking, known, log });
    modes.set(sessionId, mode);
    return mode;
  }

  async function begin(folder: string | null): Promise<{ id: string; mode: SessionMode | null }> {
    const made: unknown = await agent.request(methods.agent.session.new, placeOf(folder));
    if (!isObject(made) || typeof made.sessionId !== 'string')
      throw RequestError.internalError(undefined, 'a session without an id');
    return { id: made.sessionId, mode: noteModes(made.sessionId, made, null) };
  }

  /** Where a session works, and what else it may read. */
  function placeOf(folder: string | null): { cwd: string; mcpServers: []; additionalDirectories?: string[] } {
    return { cwd, mcpServers: [], ...(folder === null ? {} : { additionalDirectories: [folder] }) };
  }

  async function openOnce(turn: Turn, memory: SessionMemory, folder: string | null): Promise<string> {
    const kept = keptIn(await memory.get(MEMORY), agentName, cwd);
    if (kept !== null && (await isLoaded(kept, folder))) return kept.id;
    const begun = spare ?? begin(folder);
    spare = null;
    const { id, mode } = await begun;
    await memory.set(MEMORY, JSON.stringify({ agent: agentName, cwd, id, mode: mode?.asking ?? undefined }));
    log.debug(`agent: session ${id} is new`, { user: turn.user });
    return id;
  }

  /** Some tell what was said before only after they have answered: it must not pass for the answer of a turn. */
  async function untilTold(): Promise<void> {
    const until = performance.now() + TOLD_LIMIT_MS;
    for (let quietMs = TOLD_QUIET_MS; quietMs > 0 && performance.now() < until; ) {
      await within(quietMs, connection.death);
      quietMs = connection.isClosed ? 0 : heardAt + TOLD_QUIET_MS - performance.now();
    }
  }

  /** Takes a session of a former process up again; false when the agent cannot, or has forgotten it. */
  async function isLoaded({ id, mode }: KeptSession, folder: string | null): Promise<boolean> {
    const take = wayToLoad(agent, connection);
    if (take === null) return false;
    try {
      heardAt = performance.now();
      const answer = await take({ sessionId: id, ...placeOf(folder) });
      // After `resume`, too: it should tell nothing, and some tell all the same.
      await untilTold();
      noteModes(id, answer, mode);
      return true;
    } catch (error) {
      if (!(error instanceof RequestError) || error.code === AUTH_REQUIRED) throw error;
      log.warn(`agent: its session is lost, starting a new one: ${error.message}`);
      return false;
    }
  }

  return {
    async open(turn, memory, folder) {
      const { sessionId } = turn;
      leaveFormer(turn).catch((error: Error) => log.debug(`agent: session not closed: ${error.message}`));
      // There in every turn: a sandbox that misses it runs nothing.
      const place = takesFolders ? folder() : null;
      let opening = known.get(sessionId);
      if (!opening) {
        opening = openOnce(turn, memory, place);
        known.set(sessionId, opening);
        opening.catch(() => known.delete(sessionId));
      }
      const id = await opening;
      // The agent, or a command of its own, may have changed it since the last turn.
      return { id, asks: (await modes.get(id)?.hold()) ?? true };
    },
    async canAsk() {
      const looked = begin(null);
      // Where it can be, it is the first session of a user; else nobody's.
      if (!takesFolders) spare = looked;
      const { id, mode } = await looked;
      const can = (await mode?.hold()) ?? true;
      if (takesFolders) await drop(id);
      return can;
    },
    async forget(turn, memory) {
      known.delete(turn.sessionId);
      await memory.set(MEMORY, null);
    },
  };
}

/** A session as it is remembered; its mode, for agents that tell their modes only of new ones. */
interface KeptSession {
  id: string;
  mode: string | null;
}

/** How this agent takes up a session of before; null: not at all. `resume` does not tell the whole history again. */
function wayToLoad(agent: ClientContext, { capabilities }: AcpConnection) {
  type Session = { sessionId: string; cwd: string; mcpServers: []; additionalDirectories?: string[] };
  if (capabilities.sessionCapabilities?.resume) {
    return (session: Session): Promise<unknown> => agent.request(methods.agent.session.resume, session);
  }
  if (!capabilities.loadSession) return null;
  return (session: Session): Promise<unknown> => agent.request(methods.agent.session.load, session);
}

function keptIn(kept: string | null, agentName: string, cwd: string): KeptSession | null {
  const value = kept === null ? null : parseJson(kept);
  if (!isObject(value) || value.agent !== agentName || value.cwd !== cwd) return null;
  if (typeof value.id !== 'string') return null;
  return { id: value.id, mode: typeof value.mode === 'string' ? value.mode : null };
}
