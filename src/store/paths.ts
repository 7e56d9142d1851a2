import { join } from 'node:path';
import envPaths from 'env-paths';

/** Where everything of one home lies (contract 1). */
export interface Paths {
  config: string;
  /** Guards writes to `config`. */
  configLock: string;
  database: string;
  /** Space to be freed when the disk is full. */
  reserve: string;
  pollerLock(account: string): string;
  /** Folder of incoming or outgoing files of an account. */
  media(kind: 'cache' | 'turn' | 'out', account: string): string;
  /** Folder of a user that agents keep their state in. */
  agentState(account: string, user: string): string;
}

/** Paths under one folder, or under the platform's config, state and cache folders. */
export function createPaths(home: string | null): Paths {
  const roots = home === null ? platformRoots() : { config: home, state: home, cache: home };
  const state = home === null ? roots.state : join(home, 'state');
  return {
    config: join(roots.config, 'config.json'),
    configLock: join(state, 'config.lock.db'),
    database: join(state, 'wxagent.db'),
    reserve: join(state, 'reserve'),
    pollerLock: (account) => join(state, `${fileName(account)}.lock.db`),
    // Outgoing files are part of the promise, so they never lie in a folder that systems clean.
    media: (kind, account) =>
      join(kind === 'out' ? roots.state : roots.cache, 'media', kind, fileName(account)),
    agentState: (account, user) => join(roots.state, 'agents', fileName(account), fileName(user)),
  };
}

/** A name that is safe as a file name on every platform: everything but letters, digits, `-`, `_`, `.`, `@` percent-encoded. */
export function fileName(name: string): string {
  const encoded = encodeURIComponent(name)
    .replaceAll('%40', '@')
    .replace(/[!'()*~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  return encoded.replace(/^\./, '%2E').replace(/\.$/, '%2E') || '%00';
}

function platformRoots(): { config: string; state: string; cache: string } {
  const { config, data, cache, log } = envPaths('wxagent', { suffix: '' });
  // On Linux the XDG state folder is what env-paths calls log; elsewhere logs may be cleaned away.
  return { config, state: process.platform === 'linux' ? log : data, cache };
}
