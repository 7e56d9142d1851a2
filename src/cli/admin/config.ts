import { WxError } from '../../core/errors.ts';
import { thisProcess } from '../../home/claimant.ts';
import { createCredentials } from '../../home/credentials.ts';
import { parseSetting } from '../../settings/parse-setting.ts';
import { checkStorable, givenSetting, longFlag } from '../../settings/resolve-settings.ts';
import { SETTINGS, type Setting, type SettingName } from '../../settings/settings-table.ts';
import { checkAddresses } from '../account/addresses.ts';
import { checkedStore } from '../account/store-place.ts';
import { shownStore } from '../account/store-url.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { table } from '../terminal/table.ts';

/** Settings that `wxagent config` knows. */
const STORABLE = (Object.keys(SETTINGS) as SettingName[]).filter(
  (name) => !(SETTINGS[name] as Setting).flagOnly,
);

/** `wxagent config list`: every setting, its value and where it comes from. */
export async function listConfig(context: CommandContext): Promise<void> {
  const settings = STORABLE.map((name) => ({ name, ...written(context, name) }));
  if (context.json) context.printJson('config', { settings });
  else {
    const { origins } = wordsOf(context.language);
    context.show(
      ...table(settings.map(({ name, value, origin }) => [name, value ?? '-', origins[origin] ?? origin])),
    );
  }
}

/** `wxagent config get <name>`: one value on stdout. */
export async function getConfig(context: CommandContext, [name = '']: string[]): Promise<void> {
  const { value, origin } = written(context, nameOf(name));
  if (context.json) context.printJson('config', { settings: [{ name, value, origin }] });
  else context.print(value ?? '');
}

/** `wxagent config set <name> <value>`: stores a value after checking it. */
export async function setConfig(context: CommandContext, [name = '', value = '']: string[]): Promise<void> {
  const known = nameOf(name);
  const setting: Setting = SETTINGS[known];
  parseSetting(setting, value, longFlag(setting));
  checkAddresses({ [known]: value });
  const kept = known === 'store' ? checkedStore(context, value) : value;
  await store(context, known, setting.kind === 'list' ? [value] : kept);
}

/** `wxagent config unset <name>`: back to the default. */
export async function unsetConfig(context: CommandContext, [name = '']: string[]): Promise<void> {
  await store(context, nameOf(name), undefined);
}

function nameOf(name: string): SettingName {
  checkStorable(name, (what) => new WxError('usage', what, { hint: 'wxagent config list' }));
  return name;
}

/** A value the way one would write it on the command line. */
function written(context: CommandContext, name: SettingName): { value: string | null; origin: string } {
  const { raw, origin } = givenSetting(name, context.sources);
  const setting: Setting = SETTINGS[name];
  const text = raw === undefined ? null : Array.isArray(raw) ? raw.join(', ') : String(raw);
  return { value: text !== null && setting.hasPassword ? shownStore(text) : text, origin };
}

function store(context: CommandContext, name: SettingName, value: unknown): Promise<void> {
  return createCredentials({ paths: context.paths, me: thisProcess(), clock: context.clock }).set(
    name,
    value,
  );
}
