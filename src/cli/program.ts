import { Command, CommanderError, Option } from 'commander';
import { type ErrorKind, EXIT_CODES, WxError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import { GLOBAL_SETTINGS, SETTINGS, type Setting, type SettingName } from '../settings.ts';
import { type Action, COMMANDS, type CommandSpec } from './commands.ts';
import { createContext, type Host } from './context.ts';

type Flags = Partial<Record<SettingName, unknown>>;

/** Parses the arguments and runs the command. Returns the exit code; throws what the command throws. */
export async function runProgram(host: Host, argv: readonly string[]): Promise<number> {
  let exit = 0;
  const program = createProgram(
    host,
    async (action, flags, args) => {
      const context = createContext(host, flags);
      exit = await (await action())(context, args);
    },
    argv,
  );
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof WxError && error.kind === 'usage' && error.hint === undefined)
      throw new WxError('usage', error.message, { hint: helpHint(argv), cause: error });
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    const { sentence, hint } = usageOf(error.message);
    throw new WxError('usage', sentence, { hint: hint ?? helpHint(argv) });
  }
}

type Run = (action: () => Promise<Action>, flags: Flags, args: string[]) => Promise<void>;

/**
 * The command tree as commander has it; tests and documents read it. With `argv`, a command that it cannot mean
 * is there by its name only, for suggestions: to make all of them takes longer than to parse.
 */
export function createProgram(host: Pick<Host, 'io'>, run: Run, argv?: readonly string[]): Command {
  const isMeant = (spec: CommandSpec): boolean =>
    argv === undefined || argv.some((arg) => arg === spec.name || ['--help', '-h', 'help'].includes(arg));
  const program = new Command('wxagent')
    .usage('[options] [command]')
    .description('Connects any agent to personal WeChat. Docs: README.md, 中文: README.zh-CN.md')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: host.io.out, writeErr() {} })
    .addHelpText('after', exitTable);
  program.version(VERSION, '--version', 'print the version');
  addFlags(program, GLOBAL_SETTINGS);
  for (const spec of COMMANDS)
    program.addCommand(isMeant(spec) ? createCommand(host, spec, run) : new Command(spec.name));
  return program
    .argument('[command]')
    .allowExcessArguments()
    .action(async (unknown: string | undefined, _, command: Command) => {
      if (unknown !== undefined) {
        throw new WxError('usage', `there is no command "${unknown}"`, { hint: 'wxagent --help' });
      }
      await run(async () => (await import('./welcome.ts')).welcome, flagsOf(command), []);
    });
}

function createCommand(host: Pick<Host, 'io'>, spec: CommandSpec, run: Run): Command {
  const command = new Command(spec.name)
    .description(spec.about)
    .exitOverride()
    .configureOutput({ writeOut: host.io.out, writeErr() {} });
  for (const [argument, about] of Object.entries(spec.args ?? {})) command.argument(argument, about);
  if (spec.passThrough) command.passThroughOptions();
  command.version(VERSION, '--version', 'print the version');
  addFlags(command, spec.settings);
  addFlags(command, GLOBAL_SETTINGS, 'Global options:');
  for (const sub of spec.subcommands ?? []) {
    command.addCommand(createCommand(host, sub, run), { isDefault: sub.isDefault ?? false });
  }
  const load = spec.load;
  if (load)
    command.action((...given) => run(load, flagsOf(given.at(-1) as Command), (given.at(-1) as Command).args));
  if (spec.subcommands) command.enablePositionalOptions();
  return command;
}

function addFlags(command: Command, names: readonly SettingName[], group?: string): void {
  for (const name of names) {
    const setting: Setting = SETTINGS[name];
    const option = new Option(setting.flag, aboutOf(setting));
    option.attributeName = () => name;
    if (setting.kind === 'list') option.argParser((value: string, all: string[] = []) => [...all, value]);
    if (setting.kind === 'level') option.argParser((_: string, n: number = 0) => n + 1);
    if (group) option.helpGroup(group);
    command.addOption(option);
  }
}

function aboutOf(setting: Setting): string {
  const notes = [
    setting.choices && `one of ${setting.choices.join(', ')}`,
    setting.kind !== 'switch' && setting.default !== undefined && `default ${setting.default}`,
    setting.env && `env ${setting.env}`,
  ].filter((note) => note);
  return notes.length === 0 ? setting.about : `${setting.about} (${notes.join('; ')})`;
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
      flags[name] = added(flags[name], one.getOptionValue(name));
    }
  }
  return flags;
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

/** When a command ends with the code of a kind (contract 1). */
const EXIT_REASONS = {
  usage: 'flags or arguments are wrong; nothing was started',
  data: 'refused by the server, or unusable input',
  'not-found': 'no such file, account, message or program',
  network: 'server unreachable; send --no-hold: not now',
  internal: 'a bug: please report it',
  'cannot-create': 'the output cannot be written',
  storage: 'database, disk',
  busy: 'another runner has the account; send: kept, do not send again',
  protocol: 'an answer not understood; send --strict: not confirmed',
  'not-logged-in': 'no account, a dead login, a login not finished',
  config: 'a setting or a file is broken',
  cancelled: 'stopped at once by a second Ctrl-C; 143 by TERM or HUP',
} as const satisfies Record<ErrorKind, string>;

function exitTable(): string {
  const rows = Object.entries(EXIT_CODES).map(
    ([kind, code]) => `  ${String(code).padEnd(4)}${kind.padEnd(14)} ${EXIT_REASONS[kind as ErrorKind]}`,
  );
  return `\nExit codes:\n  0   done\n${rows.join('\n')}\n`;
}
