import type { SettingName } from '../../settings/settings-table.ts';
import type { Localized } from '../../settings/tables/setting-row.ts';
import type { CommandContext } from './context.ts';

/** What a command does; returns its exit code where that is not 0. */
// biome-ignore lint/suspicious/noConfusingVoidType: most commands return nothing.
export type Action = (context: CommandContext, args: string[]) => Promise<number | void>;

/** Groups of commands in the help of the program, in its order. */
export type CommandGroup = 'start' | 'messages' | 'accounts' | 'state' | 'testing';

/** One command of the tree. Its code is loaded when it runs. */
export interface CommandSpec {
  name: string;
  about: Localized;
  /** Where the help of the program shows it; subcommands have none. */
  group?: CommandGroup;
  /** Its arguments, as commander writes them, and what each is for. */
  args?: Readonly<Record<string, Localized>>;
  settings?: readonly SettingName[];
  /** Its help shows its settings, and those of all commands, by their groups. */
  isGrouped?: boolean;
  /** Everything from the first argument on belongs to the agent's command. */
  passThrough?: boolean;
  /** Runs when no subcommand is named. */
  isDefault?: boolean;
  subcommands?: readonly CommandSpec[];
  /** It works without the store, or opens it itself. */
  needsNoStore?: boolean;
  /** It works also where stored settings are wrong: it shows and changes them. */
  repairsSettings?: boolean;
  load?: () => Promise<Action>;
}
