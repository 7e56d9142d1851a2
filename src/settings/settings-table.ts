import { ADMIN } from './tables/admin.ts';
import { ASK } from './tables/ask.ts';
import { DOWNLOAD } from './tables/download.ts';
import { EXEC } from './tables/exec.ts';
import { GLOBAL } from './tables/global.ts';
import { LOGIN } from './tables/login.ts';
import { RUN } from './tables/run.ts';
import { SEND } from './tables/send.ts';
import { SIMULATE } from './tables/simulate.ts';
import { SOURCE } from './tables/source.ts';
import { RUN_WEB, WEB } from './tables/web.ts';

/** Every setting in one table. Flags, `--help`, `--config` files and `wxagent config` are made from it. */

export type { Setting } from './tables/setting-row.ts';

/** All settings by their camelCase name, which is also their name in config files. */
export const SETTINGS = {
  ...GLOBAL,
  ...LOGIN,
  ...RUN,
  ...SEND,
  ...ASK,
  ...EXEC,
  ...DOWNLOAD,
  ...ADMIN,
  ...SIMULATE,
  ...WEB,
  ...SOURCE,
};

export type SettingName = keyof typeof SETTINGS;

/** The settings every command takes, before and after its name. */
export const GLOBAL_SETTINGS = Object.keys(GLOBAL) as (keyof typeof GLOBAL)[];

/** The settings of `run`. */
export const RUN_SETTINGS = [...(Object.keys(RUN) as (keyof typeof RUN)[]), ...RUN_WEB];

type KindValue = {
  text: string;
  list: string[];
  switch: boolean;
  level: number;
  count: number;
  duration: number;
  size: number;
  choice: string;
};
type Row<N extends SettingName> = (typeof SETTINGS)[N];
type Filled<N extends SettingName> =
  Row<N> extends { choices: readonly (infer C)[] } ? C : KindValue[Row<N>['kind']];
type AlwaysSet = 'list' | 'switch' | 'level';

/** The value of a setting: null when it is unset and has no default. */
export type SettingValue<N extends SettingName> =
  Row<N> extends { default: string }
    ? Filled<N>
    : Row<N>['kind'] extends AlwaysSet
      ? Filled<N>
      : Filled<N> | null;

export type Settings = { readonly [N in SettingName]: SettingValue<N> };
