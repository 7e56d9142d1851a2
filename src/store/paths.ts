import { join } from 'node:path';
import envPaths from 'env-paths';
import { DEVICE_NAME } from '../core/file-name.ts';

/** Where everything of one home lies (contract 1). */
export interface Paths {
  config: string;
  /** Guards writes to `config`. */
  configLock: string;
  database: string;
  /** Space to be freed when the disk is full. */
  reserve: string;
  pollerLock(account: string): string;
  /** Folder of what the server answered to an account and nobody could read. */
  unread(account: string): string;
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
    configLock: join(state, 'config.lock'),
    database: join(state, 'wxagent.db'),
    reserve: join(state, 'reserve'),
    pollerLock: (account) => join(state, `${fileName(account)}.lock.db`),
    unread: (account) => join(state, 'unread', fileName(account)),
    // Outgoing files are part of the promise, so they never lie in a folder that systems clean.
    media: (kind, account) =>
      join(kind === 'out' ? roots.state : roots.cache, 'media', kind, fileName(account)),
    agentState: (account, user) => join(roots.state, 'agents', fileName(account), fileName(user)),
  };
}

/**
 * A name that is safe as a file name on every platform: everything but letters, digits, `-`, `_`, `.`,
 * `@` percent-encoded, and so is the first letter of what would be a device on Windows.
 */
export function fileName(name: string): string {
  // Half a character (a lone surrogate) becomes a replacement mark, as in everything that is stored.
  const encoded = encodeURIComponent(Buffer.from(name, 'utf8').toString('utf8'))
    .replaceAll('%40', '@')
    .replace(/[!'()*~]/g, percent);
  const plain = DEVICE_NAME.test(encoded) ? percent(encoded) + encoded.slice(1) : encoded;
  return plain.replace(/^\./, '%2E').replace(/\.$/, '%2E') || '%00';
}

/** The first character, percent-encoded. */
function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

function platformRoots(): { config: string; state: string; cache: string } {
  const { config, data, cache, log } = envPaths('wxagent', { suffix: '' });
  // On Linux the XDG state folder is what env-paths calls log; elsewhere logs may be cleaned away.
  return { config, state: process.platform === 'linux' ? log : data, cache };
}
