import type { ChalkInstance } from 'chalk';
import { WxError } from '../../core/errors.ts';
import type { Io } from '../../core/io.ts';
import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import { createSteadyClock, type SteadyClock } from '../../core/time/steady-clock.ts';
import { type ConfigFile, readConfigFile } from '../../home/config-file.ts';
import { createPaths, type Paths, platformFolders } from '../../home/paths.ts';
import type { Environment, SettingSources } from '../../settings/resolve-settings.ts';
import { readSettingsFile, settingsOf, usableSettings } from '../../settings/resolve-settings.ts';
import type { Settings } from '../../settings/settings-table.ts';
import type { StoreServer } from '../../store/postgres-server.ts';
import { type Language, languageOf, translatorTo } from '../i18n/language.ts';
import { createPrinter, type Printer, sanitized } from '../terminal/printer.ts';
import { createLog } from '../terminal/stderr-log.ts';

/** What a Node process tells the wxagent that it has started if that shall end with it. */
export const STOP_WITH_ME = 'stop with me';

/** What the process lends to commands; made in main.ts, replaced in tests. */
export interface Host {
  io: Io;
  environment: Environment;
  clock: Clock;
  /** Folder the program was started in. */
  cwd: string;
  /** Full path of the program, for children (`WXAGENT_BIN`). */
  bin: string;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP. A command that never asks for it is ended at once instead. */
  stopSignal(): AbortSignal;
  /** Hands signals over as they come, instead of stopping, until the function that it returns is called. */
  passSignals(to: (signal: NodeJS.Signals) => void): () => void;
}

/** Everything a command works with. */
export interface CommandContext extends Host, Printer {
  clock: SteadyClock;
  paths: Paths;
  /** The folder given with `--home` or `WXAGENT_HOME`; null: the platform's folders. */
  home: string | null;
  /** config.json as it was when the command started; with a server, its accounts are those of the server. */
  file: ConfigFile;
  /** The server that the store is on; null: the store is a file. */
  server: StoreServer | null;
  log: Log;
  json: boolean;
  language: Language;
  /** stdin and stderr are terminals, and the output is not for a machine. */
  isInteractive: boolean;
  /** A sentence of ours in the language of `--lang`. */
  translate(sentence: string): string;
  /** A line on stdout for programs as well: exact, but on a terminal it shows what it is. */
  print(line: string): void;
  /** Every setting; see {@link settingsOf}. */
  settings: Settings;
  /** Where values come from, for `wxagent config`. */
  sources: SettingSources;
  /** One JSON document or line on stdout. */
  printJson(type: string, fields: object): void;
}

/** Makes the context of one command from the flags it was given; one that repairs settings works with wrong ones too. */
export async function createContext(
  host: Host,
  flags: SettingSources['flags'],
  { repairsSettings = false } = {},
): Promise<CommandContext> {
  const { io, environment } = host;
  const early = { flags, environment, file: {}, stored: {} };
  const { home, config } = settingsOf(early);
  // As of a variable that is not set: it would be the folder that we are in.
  if (home === '')
    throw new WxError('usage', '--home is empty: it takes a folder', { hint: '--home ~/wxagent' });
  const file = config === null ? {} : readSettingsFile(config);
  const paths = createPaths(home ?? (await platformFolders()));
  const configFile = readConfigFile(paths.config);
  const sources: SettingSources = { flags, environment, file, stored: configFile.settings };
  const stored = repairsSettings ? usableSettings(sources.stored) : sources.stored;
  const settings = settingsOf({ ...sources, stored });
  const { json, quiet, verbose, logFormat, logText, lang, color } = settings;
  const clock = createSteadyClock(host.clock);
  const level = logLevel(environment.get('WXAGENT_LOG'), verbose, quiet);
  const language = languageOf(lang, environment);
  const translate = await translatorTo(language);
  return {
    ...host,
    clock,
    ...createPrinter(io, translate),
    translate,
    print: (line) => io.out(`${io.stdoutIsTerminal ? sanitized(line) : line}\n`),
    paths,
    home,
    file: configFile,
    server: null,
    json,
    language,
    isInteractive: io.stderrIsTerminal && io.stdinIsTerminal && !json,
    settings,
    sources,
    log: createLog({
      write: io.errSoon,
      clock: host.clock,
      level,
      format: logFormat,
      showsText: logText || io.stderrIsTerminal,
      chalk: color && usesColors(environment, io.stderrIsTerminal) ? await colours() : null,
      translate,
    }),
    printJson: (type, fields) => io.out(`${JSON.stringify({ v: 1, type, ...fields })}\n`),
  };
}

/** chalk itself does not know NO_COLOR, so the level is ours to say. */
async function colours(): Promise<ChalkInstance> {
  const { Chalk } = await import('chalk');
  return new Chalk({ level: 1 });
}

/** Colours on a terminal, unless NO_COLOR; FORCE_COLOR wins over both. */
function usesColors(environment: Environment, isTerminal: boolean): boolean {
  const force = environment.get('FORCE_COLOR');
  if (force !== undefined) return force !== '0';
  return isTerminal && environment.get('NO_COLOR') === undefined;
}

function logLevel(
  text: string | undefined,
  verbose: number,
  quiet: boolean,
): 'debug' | 'info' | 'warn' | 'error' {
  if (verbose > 0) return 'debug';
  if (quiet) return 'warn';
  if (text === undefined) return 'info';
  if (text === 'debug' || text === 'info' || text === 'warn' || text === 'error') return text;
  throw new WxError('config', `WXAGENT_LOG is one of debug, info, warn, error, not "${text}"`);
}
