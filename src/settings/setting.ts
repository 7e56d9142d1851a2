/** What a setting takes. `switch` has no value; `list` and `level` add up when repeated. */
export type SettingKind = 'text' | 'list' | 'switch' | 'level' | 'count' | 'duration' | 'size' | 'choice';

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
  /** Smallest count allowed. */
  min?: number;
  /** Only as a flag: not in config files, not in `wxagent config`. */
  flagOnly?: boolean;
}
