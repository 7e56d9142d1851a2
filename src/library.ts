import { fileURLToPath } from 'node:url';
import type { AgentFunction } from './agents/function.ts';
import { reasonOf, WxError } from './core/errors.ts';
import { EXIT_CODES } from './core/exit-codes.ts';
import type { Io } from './core/io.ts';
import { isObject } from './core/object.ts';
import { systemClock } from './core/time/clock.ts';
import type { RunnerDocument } from './runner/port/events.ts';
import { readEnvironment } from './settings/resolve-settings.ts';
import { GLOBAL_SETTINGS, RUN_SETTINGS } from './settings/settings-table.ts';
import { AGENT } from './settings/tables/agent.ts';
import type { GLOBAL } from './settings/tables/global.ts';
import type { RUN } from './settings/tables/run.ts';

/** Settings of `wxagent run`, without those that choose and tune its agent. */
export type LibrarySetting = Exclude<keyof typeof GLOBAL | keyof typeof RUN, keyof typeof AGENT>;

/** How a runner is made. */
export interface CreateRunnerOptions {
  /** What answers. */
  agent: AgentFunction;
  /**
   * Settings of `wxagent run` by their names in config files, such as `{ home: './data', timeout: '10m' }`. They
   * count like flags: more than the environment and config files.
   */
  settings?: Partial<Record<LibrarySetting, string | number | boolean | readonly string[]>>;
  /** A bot token instead of a stored login; never written to disk. */
  token?: string;
  /** Told what happens, in the words of `run --json`. */
  onEvent?: (event: RunnerDocument) => void;
  /** Takes the lines of the log; without it there is none. */
  onLog?: (line: string) => void;
}

/** A runner in this process. */
export interface LibraryRunner {
  /**
   * Resolves when it has ended, everything stored. Rejects with WxError: `not-logged-in` when the login has died,
   * `busy` when another process has the account, `storage` when the disk does not take what came.
   */
  readonly done: Promise<void>;
  /** Ends it cleanly, as SIGTERM ends `wxagent run`; resolves with {@link LibraryRunner.done}. */
  stop(): Promise<void>;
}

/**
 * Answers messages with a function of this process. All else is as with `wxagent run`: the accounts and the store
 * of the same home, locks, holds, verdicts. Signals stay the caller's. Rejects with WxError when a setting is
 * wrong or no account is logged in.
 */
export async function createRunner(options: CreateRunnerOptions): Promise<LibraryRunner> {
  const { agent, settings = {}, onEvent, onLog, token } = checkedOptions(options);
  const { createFunctionAgent } = await import('./agents/function.ts');
  const { createContext } = await import('./cli/port/context.ts');
  const { chooseAccounts } = await import('./cli/account/choose-account.ts');
  const { atStore } = await import('./cli/account/store-place.ts');
  const { runAgent } = await import('./cli/run/run.ts');
  const { documentOf } = await import('./runner/port/events.ts');

  const names = Object.keys(settings).filter(isLibrarySetting);
  const unusable = Object.keys(settings).find((name) => !isLibrarySetting(name));
  if (unusable !== undefined) throw new WxError('usage', `createRunner has no setting "${unusable}"`);
  const { all } = readEnvironment();
  const stopping = new AbortController();
  const plain = await createContext(
    {
      io: ioOf(onLog),
      environment: readEnvironment(token === undefined ? all : { ...all, WXAGENT_TOKEN: token }),
      clock: systemClock,
      cwd: process.cwd(),
      bin: fileURLToPath(new URL('../bin/wxagent.js', import.meta.url)),
      stopSignal: () => stopping.signal,
      passSignals: () => () => {},
    },
    settings,
  );
  for (const name of names) plain.settings[name];
  const context = await atStore(plain);
  try {
    chooseAccounts(context);
  } catch (error) {
    await context.server?.close();
    throw error;
  }

  const served = runAgent(context, { kind: 'function', make: () => createFunctionAgent(agent) }, (event) =>
    tell(
      () => onEvent?.(documentOf(event)),
      (error) => context.log.error(`onEvent failed: ${reasonOf(error)}`),
    ),
  );
  const done = served
    .finally(() => context.server?.close())
    .then((exit) => {
      if (exit !== EXIT_CODES['not-logged-in']) return;
      throw new WxError('not-logged-in', 'the login has expired', { hint: 'wxagent login' });
    });
  done.catch(() => {}); // whoever awaits it hears of it
  return {
    done,
    stop() {
      stopping.abort('stop');
      return done;
    },
  };
}

/** Calls what the caller gave: their fault must not become one of the runner, also where it is told by a promise. */
async function tell(call: () => unknown, failed: (error: unknown) => void): Promise<void> {
  try {
    await call();
  } catch (error) {
    failed(error);
  }
}

/** Throws WxError `usage` for options of other types: TypeScript does not see the callers that write JavaScript. */
function checkedOptions(options: CreateRunnerOptions): CreateRunnerOptions {
  const given: Record<string, unknown> = { ...(options as object | undefined) };
  const expect = (name: string, what: string, isRight: (value: unknown) => boolean): void => {
    if (!isRight(given[name])) throw new WxError('usage', `${name} of createRunner must be ${what}`);
  };
  const isFunction = (value: unknown): boolean => typeof value === 'function';
  const optional = (isRight: (value: unknown) => boolean) => (value: unknown) =>
    value === undefined || isRight(value);
  if (typeof options !== 'object' || options === null)
    throw new WxError(
      'usage',
      'createRunner takes an object: createRunner({ agent: async ({ text }) => text })',
    );
  expect('agent', 'a function', isFunction);
  expect('onEvent', 'a function', optional(isFunction));
  expect('onLog', 'a function', optional(isFunction));
  expect(
    'token',
    'a text that is not empty',
    optional((value) => typeof value === 'string' && value.trim() !== ''),
  );
  expect('settings', 'an object', optional(isObject));
  const unknown = Object.keys(given).find(
    (name) => !['agent', 'settings', 'token', 'onEvent', 'onLog'].includes(name),
  );
  if (unknown !== undefined) throw new WxError('usage', `createRunner has no option "${unknown}"`);
  return options;
}

/** All settings of `run` but those that choose and tune its agents. */
function isLibrarySetting(name: string): name is LibrarySetting {
  const known: readonly string[] = [...GLOBAL_SETTINGS, ...RUN_SETTINGS];
  return known.includes(name) && !Object.hasOwn(AGENT, name);
}

/** No terminal, and no streams but the log. */
function ioOf(onLog: ((line: string) => void) | undefined): Io {
  const err = (text: string): void => {
    void tell(
      () => onLog?.(text.replace(/\n$/, '')),
      // There is nobody to tell it.
      () => {},
    );
  };
  return {
    out() {},
    outAll: async () => {},
    errAll: async () => {},
    err,
    outSoon() {},
    errSoon: err,
    readStdin: async () => Buffer.alloc(0),
    stdin: async function* () {},
    ask: async () => null,
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    stdinIsTerminal: false,
  };
}
