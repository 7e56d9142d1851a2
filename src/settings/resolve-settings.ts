import { readFileSync } from 'node:fs';
import { reasonOf, WxError } from '../core/errors.ts';
import { isObject } from '../core/object.ts';
import { withoutBom } from '../core/strip.ts';
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
  const { raw, origin, where } = givenSetting(name, sources);
  if (raw === undefined) {
    const unset = { list: [], switch: false, level: 0 }[setting.kind as string] ?? null;
    return { value: unset, origin };
  }
  if (origin === 'flag' || origin === 'default') return { value: parseSetting(setting, raw, where), origin };
  const hint = origin === 'stored' ? `wxagent config unset ${name}` : undefined;
  return { value: asConfig(() => parseSetting(setting, raw, where), hint), origin };
}

/** A setting as it was written, and where; nothing is checked. */
export function givenSetting(
  name: SettingName,
  { flags, environment, file, stored }: SettingSources,
): { raw: unknown; origin: SettingOrigin; where: string } {
  const setting: Setting = SETTINGS[name];
  const places: [SettingOrigin, unknown, string][] = [
    ['flag', flags[name], longFlag(setting)],
    ['environment', setting.env && environment.get(setting.env), setting.env ?? ''],
    ['config file', file[name], `"${name}" of the --config file`],
    ['stored', stored[name], `"${name}" of wxagent config`],
  ];
  // In JSON, what is null is not given.
  for (const [origin, raw, where] of places)
    if (raw !== undefined && raw !== null) return { raw, origin, where };
  return { raw: setting.default, origin: 'default', where: '' };
}

/** Stored settings without those that cannot be used, for what has to work all the same. */
export function usableSettings(stored: SettingSources['stored']): SettingSources['stored'] {
  return Object.fromEntries(
    Object.entries(stored).filter(([name, value]) => {
      try {
        parseSetting(SETTINGS[name as SettingName], value, name);
        return true;
      } catch {
        return false;
      }
    }),
  );
}

/** `--max-chars` of `--max-chars <n>`. */
export function longFlag(setting: Setting): string {
  return setting.flag.split(' ')[0] as string;
}

function asConfig<T>(parse: () => T, hint?: string): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof WxError) throw new WxError('config', error.message, { hint: hint ?? error.hint });
    throw error;
  }
}
