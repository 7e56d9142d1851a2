import { existsSync, readFileSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { reasonOf, WxError } from '../../core/errors.ts';
import { digest } from '../../core/ids.ts';
import { thisProcess } from '../../home/claimant.ts';
import { createCredentials, type Logins } from '../../home/credentials.ts';
import { makeFolder } from '../../home/make-folder.ts';
import { createPaths, type Paths, withDatabase } from '../../home/paths.ts';
import { resolveSetting, type SettingOrigin } from '../../settings/resolve-settings.ts';
import type { StoreServer } from '../../store/postgres-server.ts';
import type { CommandContext } from '../port/context.ts';
import { formOfStore, shownStore } from './store-url.ts';

/** Where a value was written, for its errors. */
const WHERE: Partial<Record<SettingOrigin, string>> = {
  flag: '--store',
  environment: 'WXAGENT_STORE',
  'config file': '"store" of the --config file',
  stored: '"store" of wxagent config',
};

/**
 * The context with the store that the settings name: its server and who is logged in there, or the path of its file.
 * Nothing is written. Throws WxError `usage` or `config` for what is no store, and what {@link StoreServer} does.
 */
export async function atStore(context: CommandContext): Promise<CommandContext> {
  const { value, origin } = resolveSetting('store', context.sources);
  if (value === null) return context;
  const where = WHERE[origin] ?? '--store';
  const text = textGiven(context, String(value), where);
  try {
    if (formOfStore(text) === 'server') return await atServer(context, text);
    return { ...context, paths: withDatabase(context.paths, checkedPath(context, text, where)) };
  } catch (error) {
    // Whatever else is wrong with a setting that is no flag is its own kind.
    if (!(error instanceof WxError) || error.kind !== 'usage' || origin === 'flag') throw error;
    throw new WxError('config', error.message, { hint: error.hint, cause: error });
  }
}

/** A store as it is kept in the settings: a path counts from every folder. Throws WxError as {@link atStore} does. */
export function checkedStore(context: CommandContext, given: string): string {
  const text = given.trim();
  if (text.startsWith('@')) return `@${resolve(context.cwd, text.slice(1))}`;
  return formOfStore(text) === 'server' ? text : checkedPath(context, text, '--store');
}

/** The text itself, or that of the file which `@file` names. Throws WxError `config`. */
function textGiven({ cwd }: Pick<CommandContext, 'cwd'>, given: string, where: string): string {
  const text = given.trim();
  if (!text.startsWith('@')) return text;
  const path = resolve(cwd, text.slice(1));
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new WxError('config', `cannot read ${path}, which ${where} names: ${reasonOf(cause)}`, {
      hint: `ls -l ${path}`,
      cause,
    });
  }
}

async function atServer(context: CommandContext, url: string): Promise<CommandContext> {
  const server = await serverAt(context, url);
  try {
    return { ...context, server, file: { ...context.file, ...(await server.logins.list()) } };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Opens the server of a URL. Throws what {@link openServer} does. */
async function serverAt(context: CommandContext, url: string): Promise<StoreServer> {
  const { environment, clock } = context;
  const keys = environment.get('WXAGENT_STORE_KEY');
  const oldKeys = environment.get('WXAGENT_STORE_KEY_OLD');
  const { openServer } = await import('../../store/postgres-server.ts');
  return openServer({
    url,
    sealing: {
      keys: keys && textGiven(context, keys, 'WXAGENT_STORE_KEY'),
      oldKeys: oldKeys && textGiven(context, oldKeys, 'WXAGENT_STORE_KEY_OLD'),
      isPlaintext: context.settings.storePlaintext,
    },
    clock,
  });
}

/** A store by its place: what lies there, and how it is named to people. */
export interface StorePlace {
  name: string;
  paths: Paths;
  /** Null: an SQLite file. */
  server: StoreServer | null;
}

/** A file of a store by its name; what has none of these is the folder of a home. */
const DATABASE_NAME = /\.(?:db|sqlite3?)$/i;

/** The store that an option names; null: that of this home. Nothing is written. Throws what {@link atStore} does. */
export async function storePlace(
  context: CommandContext,
  given: string | null,
  where: string,
): Promise<StorePlace> {
  const { paths, home, cwd } = context;
  if (given === null)
    return { name: home === null ? paths.database : resolve(cwd, home), paths, server: null };
  const text = textGiven(context, given, where);
  if (formOfStore(text) === 'server') {
    const server = await serverAt(context, text);
    return { name: server.name, paths, server };
  }
  const path = resolve(cwd, text);
  const found = statOf(path);
  if (
    text !== '' &&
    formOfStore(text) === 'path' &&
    (found ? found.isDirectory() : !DATABASE_NAME.test(path))
  )
    return { name: path, paths: createPaths(path), server: null };
  const folder = createPaths(dirname(dirname(path)));
  // The file of another home: its logins and locks are there, and not here.
  if (folder.database === path && existsSync(folder.config) && paths.database !== path)
    return { name: dirname(dirname(path)), paths: folder, server: null };
  const file = checkedPath(context, text, where);
  return { name: file, paths: file === paths.database ? paths : withDatabase(paths, file), server: null };
}

/** What lies at a path, if anything can be seen there. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/** The full path of a database. Throws WxError `usage` for a URL, `config` for a folder, or for a file in no folder. */
function checkedPath({ cwd }: Pick<CommandContext, 'cwd'>, text: string, where: string): string {
  if (formOfStore(text) === 'other' || text === '') {
    const takes = 'takes postgres://... or the path of an SQLite file';
    const sentence =
      text === '' ? `${where} is empty: it ${takes}` : `${where} ${takes}, not ${shownStore(text)}`;
    throw new WxError('usage', sentence, {
      hint: 'postgres://user:password@host:5432/database?sslmode=verify-full',
    });
  }
  const path = isAbsolute(text) ? text : resolve(cwd, text);
  const folder = dirname(path);
  if (statOf(path)?.isDirectory()) {
    throw new WxError('config', `${path} is a folder: ${where} takes the path of a file`, {
      hint: `${where === '--store' ? '--store ' : ''}${resolve(path, 'wxagent.db')}`,
    });
  }
  if (!statOf(folder)?.isDirectory())
    throw new WxError('config', `there is no folder ${folder} for the store`, { hint: `mkdir -p ${folder}` });
  return path;
}

/**
 * The store as programs are told of it that an agent runs, such as `"$WXAGENT_BIN" send`: without a password, which is
 * easily printed into a chat. A URL that has one lies in a file of this user alone. Null: they find it by themselves.
 */
export function storeForChildren(context: CommandContext): string | null {
  const { value, origin } = resolveSetting('store', context.sources);
  if (value === null || origin === 'stored') return null;
  const { server, paths, cwd } = context;
  if (!server) return paths.database;
  const given = String(value).trim();
  if (given.startsWith('@')) return `@${resolve(cwd, given.slice(1))}`;
  if (shownStore(given) === given) return given;
  const path = paths.storeUrl(digest(given).slice(0, 16));
  makeFolder(dirname(path));
  writeFileSync(path, `${given}\n`, { mode: 0o600 });
  return `@${path}`;
}

export function loginsOf({
  server,
  paths,
  clock,
}: Pick<CommandContext, 'server' | 'paths' | 'clock'>): Logins {
  return server?.logins ?? createCredentials({ paths, me: thisProcess(), clock });
}
