import { type AuthMethod, methods } from '@agentclientprotocol/sdk';
import type { Log } from '../../../core/log.ts';
import { isObject } from '../../../core/object.ts';
import type { Environment } from '../../child/environment.ts';
import type { AcpConnection } from './connection.ts';

/** The variables in which keys of a provider are kept, where an agent names only the provider. */
const KEYS: Record<string, readonly string[]> = {
  openai: ['OPENAI_API_KEY', 'CODEX_API_KEY'],
  google: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
};

/** Logs in to an agent that wants it, once per process. What it returns tells whether that worked; it never rejects. */
export function createAcpLogin(
  { agent, authMethods }: Pick<AcpConnection, 'agent' | 'authMethods'>,
  env: Environment,
  log: Log,
): () => Promise<boolean> {
  let tried: Promise<boolean> | null = null;

  async function logIn(): Promise<boolean> {
    const method = authMethods.find((one) => keysOf(one).some((name) => env[name]));
    if (!method) return false;
    try {
      await agent.request(methods.agent.authenticate, { methodId: method.id });
      log.info(`agent: logged in with "${method.name}", from the environment`);
      return true;
    } catch (error) {
      log.warn(`agent: did not accept "${method.name}" of the environment: ${(error as Error).message}`);
      return false;
    }
  }

  return () => {
    tried ??= logIn();
    return tried;
  };
}

/** The variables of the environment that hold the API key of this way to log in; empty: it takes none. */
function keysOf(method: AuthMethod): string[] {
  const { id, name, description } = method;
  const { vars, varName, _meta: meta } = method as unknown as Record<string, unknown>;
  const named = `${name} ${description ?? ''}`.match(/\b[A-Z][A-Z0-9_]*_API_KEY\b/g) ?? [];
  const listed = Array.isArray(vars) ? vars.flatMap((one) => (isObject(one) ? String(one.name) : [])) : [];
  const byKey = isObject(meta) && isObject(meta['api-key']) ? meta['api-key'].provider : undefined;
  const provider =
    typeof byKey === 'string' ? [`${byKey.toUpperCase()}_API_KEY`, ...(KEYS[byKey] ?? [])] : [];
  // `gemini-api-key`
  const byId = /^[a-z]+[-_]api[-_]?key$/i.test(id) ? [id.toUpperCase().replace(/[-_]API.*/, '_API_KEY')] : [];
  return [...named, ...listed, ...(typeof varName === 'string' ? [varName] : []), ...provider, ...byId];
}
