import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { WxError } from '../core/errors.ts';
import { DEVICE_NAME } from '../core/file-name.ts';
import { percentEncoded } from '../core/text-bytes.ts';

/** Where everything of one home lies. */
export interface Paths {
  config: string;
  /** Guards writes to `config`. */
  configLock: string;
  database: string;
  /** Space to be freed when the disk is full. */
  reserve: string;
  /** A file with the URL of a store, for what agents run. */
  storeUrl(name: string): string;
  /** Held by a process for as long as it receives messages, for whatever accounts. */
  processLock(slot: number): string;
  /** Where a process notes at which address it serves the page. */
  webServer(pid: number): string;
  /** What earlier versions hold for each account that they serve. */
  pollerLock(account: string): string;
  /** Folder of responses to an account that could not be read. */
  unread(account: string): string;
  /** Folder of incoming or outgoing files of an account. */
  media(kind: 'cache' | 'turn' | 'session' | 'out', account: string): string;
  /** Folder of a user that agents keep their state in. */
  agentState(account: string, user: string): string;
}

/** The folders in which everything lies where no home is named. */
export interface PlatformFolders {
  config: string;
  state: string;
  cache: string;
}

/** Paths under one folder, or under the platform's config, state and cache folders. */
export function createPaths(home: string | PlatformFolders): Paths {
  const isOne = typeof home === 'string';
  const roots = isOne ? { config: home, state: home, cache: home } : home;
  const state = isOne ? join(home, 'state') : roots.state;
  return {
    config: join(roots.config, 'config.json'),
    configLock: join(state, 'config.lock'),
    database: join(state, 'wxagent.db'),
    reserve: join(state, 'reserve'),
    storeUrl: (name) => join(state, 'stores', name),
    processLock: (slot) => join(state, 'processes', `${slot}.lock.db`),
    webServer: (pid) => join(state, 'web', `${pid}.json`),
    pollerLock: (account) => join(state, `${fileName(account, LOCK_SUFFIX_BYTES)}.lock.db`),
    unread: (account) => join(state, 'unread', fileName(account)),
    // Outgoing files are part of the promise, so they never lie in a folder that systems clean.
    media: (kind, account) =>
      join(kind === 'out' ? roots.state : roots.cache, 'media', kind, fileName(account)),
    agentState: (account, user) => join(roots.state, 'agents', fileName(account), fileName(user)),
  };
}

/** The paths with another database: what guards it lies beside it, for whatever home uses it. */
export function withDatabase(paths: Paths, database: string): Paths {
  const beside = (name: string): string => `${database}-${name}`;
  return {
    ...paths,
    database,
    reserve: beside('reserve'),
    processLock: (slot) => join(beside('processes'), `${slot}.lock.db`),
    pollerLock: (account) => join(beside('processes'), `${fileName(account, LOCK_SUFFIX_BYTES)}.lock.db`),
  };
}

/** What file systems take for one name. */
const MAX_NAME_BYTES = 255;

/** What follows the name of an account in those of its lock: `.lock.db`, and `-journal` of SQLite. */
const LOCK_SUFFIX_BYTES = 16;

/** The beginning of a longer name, before the hash of it. */
const BEGINNING_BYTES = 120;

/**
 * A name that is safe as a file name on every platform: everything but letters, digits, `-`, `_`, `.`,
 * `@` percent-encoded, and so is the first letter of what would be a device on Windows. One that would be too long,
 * with `suffixBytes` behind it, becomes its beginning, a `~`, which no other has, and a hash of it.
 */
export function fileName(name: string, suffixBytes = 0): string {
  const encoded = encodedName(name);
  if (encoded.length + suffixBytes <= MAX_NAME_BYTES) return encoded;
  const hash = createHash('sha256').update(encoded).digest('hex');
  return `${encoded.slice(0, BEGINNING_BYTES).replace(/%.?$/, '')}~${hash}`;
}

function encodedName(name: string): string {
  const encoded = percentEncoded(name)
    .replaceAll('%40', '@')
    .replace(/[!'()*~]/g, percent);
  const plain = DEVICE_NAME.test(encoded) ? percent(encoded) + encoded.slice(1) : encoded;
  return plain.replace(/^\./, '%2E').replace(/\.$/, '%2E') || '%';
}

/** The first character, percent-encoded. */
function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** The platform's config, state and cache folders. Throws WxError `config` for a user who has none. */
export async function platformFolders(): Promise<PlatformFolders> {
  // Loaded where no home is named only: it costs a tenth of a start.
  const { default: envPaths } = await import('env-paths').catch((cause) => {
    throw noHome(cause);
  });
  const { config, data, cache, log } = envPaths('wxagent', { suffix: '' });
  if (!isAbsolute(config)) throw noHome(null);
  // On Linux the XDG state folder is what env-paths calls log; elsewhere logs may be cleaned away.
  return { config, state: process.platform === 'linux' ? log : data, cache };
}

/** As in a container whose user is in no list of users, or where HOME is empty. */
function noHome(cause: unknown): WxError {
  return new WxError('config', 'this user has no home folder', { hint: '--home <folder>', cause });
}
