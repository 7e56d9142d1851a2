/** What a setting takes. `switch` has no value; `list` and `level` add up when repeated. */
export type SettingKind = 'text' | 'list' | 'switch' | 'level' | 'count' | 'duration' | 'size' | 'choice';

/** Kinds of agent of `run`: `command` is `-- cmd`, the others are named after the setting that chooses them. */
export type AgentKind = 'exec' | 'command' | 'coprocess' | 'acp' | 'http' | 'openai' | 'echo';

/** A text for people in both languages. */
export interface Localized {
  en: string;
  zh: string;
}

/** Groups of settings in the help of `run`; `main` are those that most people need. */
export type SettingGroup =
  | 'main'
  | 'agents'
  | 'access'
  | 'delivery'
  | 'media'
  | 'limits'
  | 'web'
  | 'logging'
  | 'general';

export interface Setting {
  kind: SettingKind;
  /** The flag as commander and `--help` show it. */
  flag: string;
  /** One line of help, which is read alone. */
  about: Localized;
  /** Where the help of `run` shows it. */
  group?: SettingGroup;
  /** Default as a user would write it; none: unset. */
  default?: string;
  /** The value of a flag that is given without one (`--web`). */
  preset?: string;
  /** Environment variable that sets it. */
  env?: string;
  choices?: readonly string[];
  /** A duration that can be turned off: the word `off` is 0. */
  canBeOff?: boolean;
  /** Smallest and largest count allowed. */
  min?: number;
  max?: number;
  /** A URL that may have a password, which is never shown. */
  hasPassword?: boolean;
  /** Only as a flag: not in config files, not in `wxagent config`. */
  flagOnly?: boolean;
  /** The kinds of agent it goes with: as a flag it is refused with any other. */
  goesWith?: readonly AgentKind[];
}

/** Settings that are only flags: see {@link Setting.flagOnly}. */
export function flagsOnly<const Rows extends Record<string, Omit<Setting, 'flagOnly'>>>(rows: Rows) {
  const entries = Object.entries(rows).map(([name, row]) => [name, { flagOnly: true, ...row }]);
  return Object.fromEntries(entries) as { [Name in keyof Rows]: Rows[Name] & { flagOnly: true } };
}
