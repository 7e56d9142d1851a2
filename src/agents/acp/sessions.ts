import { type ClientContext, methods, RequestError } from '@agentclientprotocol/sdk';
import type { Log } from '../../core/log.ts';
import type { Turn } from '../../core/message.ts';
import type { SessionMemory } from '../port.ts';
import { isObject, parseJson } from '../reply-line.ts';
import type { AcpConnection } from './connection.ts';

/** Under this name a session keeps the id that the agent has given it. */
const MEMORY = 'acp';

/** The JSON-RPC error of an agent that wants a login first. */
export const AUTH_REQUIRED = -32000;

/** The agent's sessions behind those of the users: one each, found again after a restart where the agent can. */
export interface AcpSessions {
  /** The id of the agent's session for this turn, made, loaded or known. Rejects as the agent's answer does. */
  open(turn: Turn, memory: SessionMemory): Promise<string>;
  /** Forgets a session that the agent no longer knows. */
  forget(turn: Turn, memory: SessionMemory): Promise<void>;
}

/** The sessions of one process; another process begins with an empty one of these. */
export function createAcpSessions(options: {
  connection: AcpConnection;
  /** Which agent this is: a session of another one, or of another folder, is not loaded. */
  agentName: string;
  cwd: string;
  log: Log;
}): AcpSessions {
  const { connection, agentName, cwd, log } = options;
  const { agent, capabilities } = connection;
  const known = new Map<string, Promise<string>>();
  const current = new Map<string, string>();

  /** A user who begins a new session is done with the one before; an old message that runs again begins none. */
  async function leaveFormer({ user, sessionId, turn, attempt }: Turn): Promise<void> {
    const former = current.get(user);
    if (former !== undefined && (turn > 1 || attempt > 1)) return;
    current.set(user, sessionId);
    const left = former === undefined || former === sessionId ? undefined : known.get(former);
    if (!left) return;
    known.delete(former as string);
    if (!capabilities.sessionCapabilities?.close) return;
    await agent.request(methods.agent.session.close, { sessionId: await left });
  }

  async function openOnce(turn: Turn, memory: SessionMemory): Promise<string> {
    const kept = idIn(await memory.get(MEMORY), agentName, cwd);
    if (kept !== null && (await isLoaded(kept))) return kept;
    const made = await agent.request(methods.agent.session.new, { cwd, mcpServers: [] });
    if (typeof made?.sessionId !== 'string')
      throw RequestError.internalError(undefined, 'a session without an id');
    const { sessionId } = made;
    await memory.set(MEMORY, JSON.stringify({ agent: agentName, cwd, id: sessionId }));
    log.debug(`agent: session ${sessionId} is new`, { user: turn.user });
    return sessionId;
  }

  /** Takes a session of a former process up again; false when the agent cannot, or has forgotten it. */
  async function isLoaded(sessionId: string): Promise<boolean> {
    const take = wayToLoad(agent, connection);
    if (take === null) return false;
    try {
      await take({ sessionId, cwd, mcpServers: [] });
      return true;
    } catch (error) {
      if (!(error instanceof RequestError) || error.code === AUTH_REQUIRED) throw error;
      log.warn(`agent: its session is gone, a new one begins: ${error.message}`);
      return false;
    }
  }

  return {
    open(turn, memory) {
      const { sessionId } = turn;
      leaveFormer(turn).catch((error: Error) => log.debug(`agent: session not closed: ${error.message}`));
      let opening = known.get(sessionId);
      if (!opening) {
        opening = openOnce(turn, memory);
        known.set(sessionId, opening);
        opening.catch(() => known.delete(sessionId));
      }
      return opening;
    },
    async forget(turn, memory) {
      known.delete(turn.sessionId);
      await memory.set(MEMORY, null);
    },
  };
}

/** How this agent takes up a session of before; null: not at all. `resume` does not tell the whole history again. */
function wayToLoad(agent: ClientContext, { capabilities }: AcpConnection) {
  type Session = { sessionId: string; cwd: string; mcpServers: [] };
  if (capabilities.sessionCapabilities?.resume) {
    return (session: Session): Promise<unknown> => agent.request(methods.agent.session.resume, session);
  }
  if (!capabilities.loadSession) return null;
  return (session: Session): Promise<unknown> => agent.request(methods.agent.session.load, session);
}

function idIn(kept: string | null, agentName: string, cwd: string): string | null {
  const value = kept === null ? null : parseJson(kept);
  if (!isObject(value) || value.agent !== agentName || value.cwd !== cwd) return null;
  return typeof value.id === 'string' ? value.id : null;
}
