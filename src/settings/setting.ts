/** What a setting takes. `switch` has no value; `list` and `level` add up when repeated. */
export type SettingKind = 'text' | 'list' | 'switch' | 'level' | 'count' | 'duration' | 'size' | 'choice';

/** Kinds of agent of `run`: `command` is `-- cmd`, the others are named after the setting that chooses them. */
export type AgentKind = 'exec' | 'command' | 'coprocess' | 'acp' | 'http' | 'openai' | 'echo';

/** One setting. */
export interface Setting {
  kind: SettingKind;
  /** The flag as commander and `--help` show it. */
  flag: string;
  about: string;
  /** Default as a user would write it; none: unset. */
  default?: string;
  /** Environment variable that sets it. */
  env?: string;
  choices?: readonly string[];
  /** A duration that can be turned off: the word `off` is 0. */
  canBeOff?: boolean;
  /** Smallest and largest count allowed. */
  min?: number;
  max?: number;
  /** Only as a flag: not in config files, not in `wxagent config`. */
  flagOnly?: boolean;
  /** The only kinds of agent that take notice of it: as a flag it is refused beside another one. */
  goesWith?: readonly AgentKind[];
}
