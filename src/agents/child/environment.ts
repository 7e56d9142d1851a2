import type { Log } from '../../core/log.ts';
import type { Turn } from '../../core/message/message.ts';
import { cutUtf8 } from '../../core/text-bytes.ts';
import type { TurnFolders } from '../port/port.ts';

/** Variables as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What every turn of this process is told about wxagent itself; null leaves the variable unset. */
export interface AgentConstants {
  home: string | null;
  /** A value of `--store` that has no password in it. */
  store: string | null;
  baseUrl: string | null;
  cdnUrl: string | null;
  /** What to run for `"$WXAGENT_BIN" send`. */
  bin: string;
  version: string;
}

/** Longest `WXAGENT_TEXT`, and longest `WXAGENT_QUOTE`; the whole text is on stdin. */
const TEXT_BYTES = 32 * 1024;

/** Longest of all other variables of ours: above every platform's longest path. */
const SCALAR_BYTES = 8 * 1024;

/** How much of the parent's environment a turn gets: macOS allows 1 MiB with arguments, and ours need up to 240 KiB. */
const INHERITED_BYTES = 512 * 1024;

/** Linux refuses a single variable of 128 KiB or more (E2BIG). */
const LONGEST_VARIABLE_BYTES = 128 * 1024 - 1;

const SECRETS = new Set([
  'WXAGENT_TOKEN',
  'WXAGENT_HTTP_SECRET',
  'WXAGENT_STORE',
  'WXAGENT_STORE_KEY',
  'WXAGENT_STORE_KEY_OLD',
]);

/** For output that can be sent: no colours, no cursor movements, and Python neither buffers nor guesses an encoding. */
const DEFAULTS = { NO_COLOR: '1', TERM: 'dumb', PYTHONUTF8: '1', PYTHONUNBUFFERED: '1' };

/** What turns inherit from the environment of wxagent. */
export interface Inherited {
  variables: Record<string, string>;
  /** Names left out because a child with all of them could not be started: the longest ones. */
  dropped: string[];
}

/** The parent's environment without our secrets, within what a child can be given, with the defaults added. */
export function inheritEnvironment(parent: Environment): Inherited {
  const kept = Object.entries({ ...DEFAULTS, ...definedOnly(parent) })
    // Names on Windows have no case.
    .filter(([name]) => !SECRETS.has(name.toUpperCase()))
    .map(([name, value]) => ({
      name,
      value,
      sizeBytes: Buffer.byteLength(name) + Buffer.byteLength(value) + 2,
    }))
    .sort((a, b) => a.sizeBytes - b.sizeBytes);
  const inherited: Inherited = { variables: {}, dropped: [] };
  let totalBytes = 0;
  for (const { name, value, sizeBytes } of kept) {
    totalBytes += sizeBytes;
    if (totalBytes <= INHERITED_BYTES && sizeBytes <= LONGEST_VARIABLE_BYTES)
      inherited.variables[name] = value;
    else inherited.dropped.push(name);
  }
  return inherited;
}

/** The same for an agent, whose owner hears of what it does not get. */
export function inheritForAgent(parent: Environment, log: Pick<Log, 'warn'>): Inherited {
  const inherited = inheritEnvironment(parent);
  if (inherited.dropped.length > 0)
    log.warn(`too long to be passed on to the agent: ${inherited.dropped.join(', ')}`);
  return inherited;
}

/**
 * The whole environment of one turn. Every variable of ours is present,
 * empty where there is nothing to say (`set -u` works), except `WXAGENT_TEXT_TRUNCATED`
 * and the constants that are null. None holds NUL, none is cut inside a character.
 */
export function turnEnvironment(
  turn: Turn,
  folders: TurnFolders,
  inherited: Inherited,
  constants: AgentConstants,
): Record<string, string> {
  const text = capped(turn.text, TEXT_BYTES);
  const files = turn.attachments.flatMap(({ path }) => path ?? []);
  const scalars: Record<string, string | number | null> = {
    WXAGENT_MESSAGE_ID: turn.id,
    WXAGENT_ACCOUNT: turn.account,
    WXAGENT_ACCOUNT_NAME: turn.accountName ?? '',
    WXAGENT_USER: turn.user,
    WXAGENT_SESSION_ID: turn.sessionId,
    WXAGENT_TURN: turn.turn,
    WXAGENT_KIND: turn.kind,
    WXAGENT_TIME: new Date(turn.timeMs).toISOString(),
    WXAGENT_FILE: files[0] ?? '',
    WXAGENT_FILE_COUNT: files.length,
    WXAGENT_MEDIA_DIR: folders.media,
    WXAGENT_REPLY_DIR: folders.reply,
    WXAGENT_STATE_DIR: folders.state,
    WXAGENT_ATTEMPT: turn.attempt,
    ...constantScalars(constants),
    WXAGENT_TEXT_TRUNCATED: text.cut ? 1 : null,
  };
  const environment: Record<string, string> = {
    ...inherited.variables,
    WXAGENT_TEXT: text.value,
    WXAGENT_QUOTE: capped(turn.quote?.text ?? '', TEXT_BYTES).value,
  };
  setScalars(environment, scalars);
  return environment;
}

/** Variables of a turn that mean nothing to a process which has many, one after the other. */
const OF_A_TURN = [
  'WXAGENT_MESSAGE_ID',
  'WXAGENT_SESSION_ID',
  'WXAGENT_TURN',
  'WXAGENT_ATTEMPT',
  'WXAGENT_KIND',
  'WXAGENT_TIME',
  'WXAGENT_TEXT',
  'WXAGENT_TEXT_TRUNCATED',
  'WXAGENT_QUOTE',
  'WXAGENT_FILE',
  'WXAGENT_FILE_COUNT',
  'WXAGENT_MEDIA_DIR',
  'WXAGENT_REPLY_DIR',
];

/** The whole environment of a coprocess: what stays the same from turn to turn. `user` is null when it has those of all users. */
export function coprocessEnvironment(
  account: { id: string; name: string | null },
  user: { id: string; stateDir: string } | null,
  inherited: Inherited,
  constants: AgentConstants,
): Record<string, string> {
  const environment = { ...inherited.variables };
  for (const name of OF_A_TURN) delete environment[name];
  setScalars(environment, {
    WXAGENT_ACCOUNT: account.id,
    WXAGENT_ACCOUNT_NAME: account.name ?? '',
    WXAGENT_USER: user?.id ?? null,
    WXAGENT_STATE_DIR: user?.stateDir ?? null,
    ...constantScalars(constants),
  });
  return environment;
}

function constantScalars({ home, store, baseUrl, cdnUrl, bin, version }: AgentConstants) {
  return {
    WXAGENT_HOME: home,
    WXAGENT_STORE: store,
    WXAGENT_BASE_URL: baseUrl,
    WXAGENT_CDN_URL: cdnUrl,
    WXAGENT_BIN: bin,
    WXAGENT_VERSION: version,
  };
}

/** Sets variables within their bounds; null takes one out. */
function setScalars(
  environment: Record<string, string>,
  scalars: Readonly<Record<string, string | number | null>>,
): void {
  for (const [name, value] of Object.entries(scalars)) {
    // An agent may itself run wxagent: what its own turn was told must not show through.
    if (value === null) delete environment[name];
    else environment[name] = capped(String(value), SCALAR_BYTES).value;
  }
}

function capped(value: string, maxBytes: number): { value: string; cut: boolean } {
  return cutUtf8(value.replaceAll('\0', ''), maxBytes);
}

/** The variables that are set. */
export function definedOnly(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
