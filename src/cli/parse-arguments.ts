import { createRequire } from 'node:module';
import type * as Commander from 'commander';
import { WxError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import { longFlag } from '../settings/resolve-settings.ts';
import { GLOBAL_SETTINGS, SETTINGS, type Setting, type SettingName } from '../settings/settings-table.ts';
import { shownStore } from './account/store-url.ts';
import { COMMANDS } from './commands.ts';
import type { HelpWriter } from './help.ts';
import { type Language, languageOf } from './i18n/language.ts';
import type { Action, CommandSpec } from './port/command-spec.ts';
import { createContext, type Host } from './port/context.ts';
import { ownArgs, reportError } from './terminal/report-error.ts';

/** Commander, as the CommonJS that it is: of its ES module Node reads the text once more, for the names that it exports. */
const { Command, CommanderError, Option }: typeof Commander = createRequire(import.meta.url)('commander');
type Command = Commander.Command;

type Flags = Partial<Record<SettingName, unknown>>;

/** Parses the arguments and runs the command. Returns the exit code; what goes wrong is told. */
export async function runProgram(host: Host, argv: readonly string[]): Promise<number> {
  let exit = 0;
  let language: Language | null = null;
  const program = createProgram(
    host,
    async ({ action, needsNoStore, repairsSettings }, flags, args) => {
      const context = await createContext(host, flags, { repairsSettings });
      language = context.language;
      // What was given is checked before anything starts, however late it is used.
      for (const name of Object.keys(flags)) context.settings[name as SettingName];
      if (flags.baseUrl ?? flags.cdnUrl ?? flags.proxy)
        (await import('./account/addresses.ts')).checkAddresses(flags);
      const run = await action();
      const isElsewhere = !needsNoStore && context.settings.store !== null;
      const full = isElsewhere ? await (await import('./account/store-place.ts')).atStore(context) : context;
      try {
        exit = (await run(full, args)) ?? 0;
      } finally {
        await full.server?.close();
      }
    },
    { argv, help: isHelpAsked(argv) ? await helpFor(host, argv) : null },
  );
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return reportError(
      host,
      ownError(program, error, argv),
      argv,
      language ?? (await languageAsked(host, argv)),
    );
  }
}

/** An error as ours, and a mistake on the command line with where help is. */
function ownError(program: Command, error: unknown, argv: readonly string[]): unknown {
  if (error instanceof WxError && error.kind === 'usage' && error.hint === undefined)
    return new WxError('usage', error.message, { hint: helpHint(argv), cause: error });
  if (!(error instanceof CommanderError)) return error;
  // Commander looks at flags first; those of a misspelt command say nothing.
  const [name = '-'] = program.args;
  const isCommand = program.commands.some((one) => one.name() === name);
  if (error.code === 'commander.unknownOption' && !name.startsWith('-') && !isCommand)
    return unknownCommand(program, name);
  const { sentence, hint } = usageOf(error.message);
  return new WxError('usage', sentence, { hint: hint ?? helpHint(argv) });
}

/** The language where the command line or the settings could not be read: what names it counts all the same. */
export async function languageAsked(host: Host, argv: readonly string[]): Promise<Language> {
  const own = ownArgs(argv);
  const flags = Object.fromEntries(
    (['lang', 'home', 'config'] as const).flatMap((name) => {
      const at = own.findLastIndex((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));
      const value =
        at < 0 ? undefined : own[at]?.includes('=') ? own[at]?.split('=').slice(1).join('=') : own[at + 1];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  try {
    return (await createContext(host, flags, { repairsSettings: true })).language;
  } catch {
    const named = [flags.lang, host.environment.get('WXAGENT_LANG')].find(
      (one) => one === 'zh' || one === 'en',
    );
    return languageOf(named ?? 'auto', host.environment);
  }
}

type Run = (
  command: { action: () => Promise<Action> } & Pick<CommandSpec, 'needsNoStore' | 'repairsSettings'>,
  flags: Flags,
  args: string[],
) => Promise<void>;

/** What the command tree is made for. */
interface Tree {
  host: Pick<Host, 'io'>;
  run: Run;
  /** The arguments; without them all of the tree is made. */
  argv?: readonly string[];
  /** What writes help into it; null where none is asked for. */
  help: HelpWriter | null;
}

/** The command tree of commander. With `argv`, other commands are there by name only: all take longer than parsing. */
export function createProgram(
  host: Pick<Host, 'io'>,
  run: Run,
  how: Pick<Tree, 'argv' | 'help'> = { help: null },
): Command {
  const tree: Tree = { host, run, ...how };
  const { argv, help } = tree;
  const isMeant = (spec: CommandSpec): boolean =>
    argv === undefined || isHelpAsked(argv) || argv.includes(spec.name);
  const program = newCommand('wxagent', tree).usage('[options] [command]').enablePositionalOptions();
  addOptions(program, GLOBAL_SETTINGS, help, true);
  program.version(VERSION, '-v, --version');
  help?.program(program);
  for (const spec of COMMANDS)
    program.addCommand(isMeant(spec) ? createCommand(spec, tree) : new Command(spec.name));
  addHelpCommands(program, tree);
  return program
    .argument('[command]')
    .allowExcessArguments()
    .action(async (unknown: string | undefined, _, command: Command) => {
      if (unknown !== undefined) {
        refuseDashes(command, [unknown]);
        throw unknownCommand(command, unknown);
      }
      await run({ action: async () => (await import('./welcome.ts')).welcome }, flagsOf(command), []);
    });
}

function isHelpAsked(argv: readonly string[]): boolean {
  return argv.some((arg) => ['--help', '-h', 'help'].includes(arg));
}

async function helpFor(host: Host, argv: readonly string[]): Promise<HelpWriter> {
  const language = await languageAsked(host, argv);
  const { createHelpWriter } = await import('./help.ts');
  return createHelpWriter(language);
}

function newCommand(name: string, { host }: Tree): Command {
  return new Command(name).exitOverride().configureOutput({ writeOut: host.io.out, writeErr() {} });
}

/** `wxagent help` and `wxagent version`, as other programs have them. */
function addHelpCommands(program: Command, { host, help }: Tree): void {
  const helpCommand = program
    .command('help [command...]')
    .allowUnknownOption()
    .action((names: string[]) => {
      let command = program;
      for (const name of names.filter((one) => !one.startsWith('-'))) {
        const found = command.commands.find((one) => one.name() === name);
        if (!found) throw unknownCommand(command, name);
        command = found;
      }
      command.outputHelp();
    });
  const versionCommand = program.command('version').action(() => host.io.out(`${VERSION}\n`));
  help?.helpCommands(helpCommand, versionCommand);
}

/** The arguments of a command that do not stand behind `--`. */
function wordsBeforeEnd(args: readonly string[], argv: readonly string[] = []): readonly string[] {
  const end = argv.indexOf('--');
  return end < 0 ? args : args.slice(0, Math.max(0, args.length - (argv.length - end - 1)));
}

/** What phones, chats and word processors make of the hyphens before an option, and the quotes that come along. */
const DASH =
  /^["'`\u2018-\u201f\u00ab\u2039\u300c\u300e\uff02\uff07]*(?:-*[\u00ad\u058a\u2010-\u2015\u2043\u2212\u2796\u2e3a\u2e3b\ufe58\ufe63\uff0d]|(?<=.)-)[-\u00ad\u2010-\u2015\u2212\uff0d]*/u;
const LAST_QUOTES = /["'`\u2018-\u201f\u00bb\u203a\u300d\u300f\uff02\uff07]+$/u;

/**
 * Refuses what was meant as an option and would be taken for text: a first word that begins with a dash which is no
 * hyphen, or with a quote and hyphens, and any later one that is the name of an option but for its dash.
 */
function refuseDashes(command: Command, words: readonly string[], passThrough = false): void {
  for (const [index, word] of words.entries()) {
    const [dash] = DASH.exec(word) ?? [];
    if (dash === undefined) continue;
    const bare = word.slice(dash.length).replace(/=.*/s, '').replace(LAST_QUOTES, '');
    const name = [...bare].length === 1 ? `-${bare}` : `--${bare}`;
    const isKnown = isOptionOf(command, name);
    if (index > 0 && (passThrough || !isKnown)) continue;
    const odd = [...dash].find((one) => one !== '-') ?? dash;
    const code = `U+${odd.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
    throw new WxError('usage', `"${word}" begins with "${odd}" (${code}), which is not a hyphen`, {
      hint: isKnown ? `did you mean ${name}?` : `${pathOf(command)} -- '${word}'`,
    });
  }
}

/** `wxagent outbox drop` */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

function isOptionOf(command: Command, name: string): boolean {
  for (let one: Command | null = command; one; one = one.parent)
    if (one.options.some(({ short, long }) => name === short || name === long)) return true;
  return false;
}

/** Commander knows which name it may have been meant for. */
function unknownCommand(command: Command, name: string): WxError {
  const sentence = `there is no command "${name}"`;
  const help = `${pathOf(command)} --help`;
  const names = command.commands.map((one) => one.name());
  const probe = new Command().exitOverride().configureOutput({ writeErr() {} });
  for (const one of names) probe.command(one);
  try {
    probe.parse([name], { from: 'user' });
  } catch (error) {
    const { hint } = usageOf((error as Error).message);
    return new WxError('usage', sentence, { hint: hint ?? help });
  }
  return new WxError('usage', sentence, { hint: help });
}

function createCommand(spec: CommandSpec, tree: Tree): Command {
  const { run, argv, help } = tree;
  const { settings = [] } = spec;
  const command = newCommand(spec.name, tree);
  for (const argument of Object.keys(spec.args ?? {})) command.argument(argument);
  if (spec.passThrough) command.passThroughOptions();
  if (spec.isGrouped) {
    addOptions(command, [...settings, ...GLOBAL_SETTINGS], help, true);
    command.version(VERSION, '-v, --version');
  } else {
    addOptions(command, settings, help, null);
    command.version(VERSION, '-v, --version');
    addOptions(command, GLOBAL_SETTINGS, help, false);
  }
  help?.command(command, spec);
  for (const sub of spec.subcommands ?? []) {
    command.addCommand(createCommand(sub, tree), { isDefault: sub.isDefault ?? false });
  }
  const load = spec.load;
  if (load)
    command.action(async (...given) => {
      const meant = given.at(-1) as Command;
      refuseDashes(meant, wordsBeforeEnd(meant.args, argv), spec.passThrough);
      if (spec.isDefault && !spec.args && meant.parent && meant.args[0] !== undefined)
        throw unknownCommand(meant.parent, meant.args[0]);
      refuseExcess(meant);
      const { needsNoStore = false, repairsSettings = false } = spec;
      await run({ action: load, needsNoStore, repairsSettings }, flagsOf(meant), meant.args);
    });
  // What is too much may be a misspelt subcommand, or an option with another dash.
  command.allowExcessArguments();
  if (spec.subcommands) command.enablePositionalOptions();
  return command;
}

/** Commander's own check, made after ours of the words. */
function refuseExcess(command: Command): void {
  const { args, registeredArguments: expected } = command;
  if (args.length <= expected.length || expected.at(-1)?.variadic) return;
  const wanted = expected.length === 1 ? '1 argument' : `${expected.length} arguments`;
  command.error(`too many arguments for '${command.name()}'. Expected ${wanted} but got ${args.length}`);
}

/** Adds options, in help under the headings of their groups, under one for all (false), or under none (null). */
function addOptions(
  command: Command,
  names: readonly SettingName[],
  help: HelpWriter | null,
  isGrouped: boolean | null,
): void {
  const ordered = isGrouped && help ? help.byGroup(names) : names;
  for (const name of ordered) {
    const setting: Setting = SETTINGS[name];
    const option = new Option(setting.flag);
    option.attributeName = () => name;
    if (setting.preset !== undefined) option.preset(setting.preset);
    if (setting.kind === 'list') option.argParser((value: string, all: string[] = []) => [...all, value]);
    if (setting.kind === 'level') option.argParser((_: string, n: number = 0) => n + 1);
    if (setting.hasPassword) option.argParser((given: string, before) => onlyOne(setting, given, before));
    help?.option(option, setting, isGrouped);
    command.addOption(option);
  }
}

/** What was given on the command line, before and after the command: the later value wins, lists and levels add up. */
function flagsOf(command: Command): Flags {
  const chain: Command[] = [];
  for (let one: Command | null = command; one; one = one.parent) chain.unshift(one);
  const flags: Flags = {};
  for (const one of chain) {
    for (const option of one.options) {
      const name = option.attributeName() as SettingName;
      if (one.getOptionValueSource(name) !== 'cli') continue;
      const value = one.getOptionValue(name);
      const setting: Setting = SETTINGS[name];
      flags[name] = setting.hasPassword ? onlyOne(setting, value, flags[name]) : added(flags[name], value);
    }
  }
  return flags;
}

/** Whichever of two stores was used, the messages of the other would be missed. Throws WxError `usage`. */
function onlyOne(setting: Setting, given: string, before: unknown): string {
  if (before === undefined || before === given) return given;
  const [first, second] = [String(before), given].map(shownStore);
  throw new WxError('usage', `${longFlag(setting)} names two: ${first} and ${second}`, {
    hint: 'give the one that is meant',
  });
}

function added(before: unknown, value: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(value)) return [...before, ...value];
  if (typeof before === 'number' && typeof value === 'number') return before + value;
  return value;
}

/** Commander's message as a sentence of ours. */
function usageOf(message: string): { sentence: string; hint: string | undefined } {
  const [first = '', second = ''] = message.replace(/^error: /, '').split('\n');
  const suggestion = /Did you mean (.*)\?/.exec(second)?.[1];
  return { sentence: first.replace(/\.$/, ''), hint: suggestion && `did you mean ${suggestion}?` };
}

function helpHint(argv: readonly string[]): string {
  const name = argv.find((arg) => COMMANDS.some((spec) => spec.name === arg));
  return name ? `wxagent ${name} --help` : 'wxagent --help';
}
