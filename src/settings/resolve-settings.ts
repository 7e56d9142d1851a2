import { readFileSync } from 'node:fs';
import { withoutBom } from '../core/bom.ts';
import { reasonOf, WxError } from '../core/errors.ts';
import { isObject } from '../core/object.ts';
import { parseSetting } from './parse-setting.ts';
import { SETTINGS, type Setting, type SettingName, type Settings } from './settings-table.ts';

/** Where a value came from; later ones in this list lose. */
export type SettingOrigin = 'flag' | 'environment' | 'config file' | 'stored' | 'default';

/** The environment this program reads, and nothing else does. */
export interface Environment {
  /** A variable, '' and unset alike being undefined. */
  get(name: string): string | undefined;
  readonly all: Readonly<Record<string, string | undefined>>;
}

/** The process's environment: the only place that reads it. */
export function readEnvironment(
  all: Readonly<Record<string, string | undefined>> = process.env,
): Environment {
  return { all, get: (name) => all[name] || undefined };
}

/** Values by origin, as they were written; resolved by {@link settingsOf}. */
export interface SettingSources {
  flags: Readonly<Partial<Record<SettingName, unknown>>>;
  environment: Environment;
  /** Contents of the `--config` file. */
  file: Readonly<Record<string, unknown>>;
  stored: Readonly<Record<string, unknown>>;
}

/** Reads a `--config` file. Throws WxError `config` naming it. */
export function readSettingsFile(path: string): Record<string, unknown> {
  const broken = (what: string): WxError => new WxError('config', `cannot use ${path}: ${what}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(withoutBom(readFileSync(path, 'utf8')));
  } catch (error) {
    throw broken(reasonOf(error));
  }
  if (!isObject(parsed)) throw broken('it is not a JSON object');
  for (const name of Object.keys(parsed)) checkStorable(name, broken);
  return parsed;
}

/** Whether a name may stand in a config file; throws what `broken` makes of the reason. */
export function checkStorable(name: string, broken: (what: string) => WxError): asserts name is SettingName {
  const setting: Setting | undefined = Object.hasOwn(SETTINGS, name)
    ? SETTINGS[name as SettingName]
    : undefined;
  if (!setting) throw broken(`there is no setting "${name}"`);
  if (setting.flagOnly) throw broken(`"${name}" can only be given as a flag`);
}

/** The settings, each resolved and checked when it is read: then it throws WxError `usage` (flags) or `config` (all else). */
export function settingsOf(sources: SettingSources): Settings {
  const properties = Object.keys(SETTINGS).map((name) => [
    name,
    { get: () => resolveSetting(name as SettingName, sources).value },
  ]);
  return Object.defineProperties({}, Object.fromEntries(properties)) as Settings;
}

export function withValues(settings: Settings, values: Partial<Settings>): Settings {
  return Object.defineProperties(Object.create(settings), Object.getOwnPropertyDescriptors(values));
}

export function resolveSetting(
  name: SettingName,
  sources: SettingSources,
): { value: unknown; origin: SettingOrigin } {
  const setting: Setting = SETTINGS[name];
  const fromFlag = sources.flags[name];
  if (fromFlag !== undefined)
    return { value: parseSetting(setting, fromFlag, longFlag(setting)), origin: 'flag' };
  const places: [SettingOrigin, unknown, string][] = [
    ['environment', setting.env && sources.environment.get(setting.env), setting.env ?? ''],
    ['config file', sources.file[name], `"${name}" of the --config file`],
    ['stored', sources.stored[name], `"${name}" of wxagent config`],
  ];
  for (const [origin, raw, where] of places) {
    // In JSON, what is null is not given.
    if (raw !== undefined && raw !== null)
      return { value: asConfig(() => parseSetting(setting, raw, where)), origin };
  }
  const unset = { list: [], switch: false, level: 0 }[setting.kind as string] ?? null;
  const value = setting.default === undefined ? unset : parseSetting(setting, setting.default, '');
  return { value, origin: 'default' };
}

/** `--max-chars` of `--max-chars <n>`. */
export function longFlag(setting: Setting): string {
  return setting.flag.split(' ')[0] as string;
}

function asConfig<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof WxError) throw new WxError('config', error.message, { hint: error.hint });
    throw error;
  }
}
