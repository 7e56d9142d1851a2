import { describe, expect, it, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { EXIT_CODES } from '../../../src/core/exit-codes.ts';
import { CHAT_COMMANDS } from '../../../src/runner/intake/chat-commands.ts';
import {
  GLOBAL_SETTINGS,
  SETTINGS,
  type Setting,
  type SettingName,
} from '../../../src/settings/settings-table.ts';
import { codeOf, headingsOf, readPage, sectionOf, tableOf } from '../../helpers/pages.ts';

const page = readPage('docs/commands.md');

/** Flag and default of each setting, as the page writes them. */
function written(names: readonly SettingName[]): [string, string][] {
  return names.map((name) => {
    const setting: Setting = SETTINGS[name];
    return [setting.flag, setting.kind === 'switch' ? '' : (setting.default ?? '')];
  });
}

function documented(section: string): [string, string][] {
  return tableOf(section, 'option').map(([flag = '', value = '']) => [
    codeOf(flag)[0] ?? '',
    codeOf(value)[0] ?? '',
  ]);
}

it('has a section for every command', () => {
  const named = headingsOf(page).flatMap((heading) => codeOf(heading));
  expect(named.sort()).toEqual(COMMANDS.map(({ name }) => `wxagent ${name}`).sort());
});

it('has the flags of every command', () => {
  expect(documented(sectionOf(page, '## Everywhere')).sort()).toEqual(written(GLOBAL_SETTINGS).sort());
});

const withFlags = COMMANDS.filter(({ settings = [] }) => settings.length > 0);

test.each(withFlags)('has the flags of $name with their defaults', ({ name, settings = [] }) => {
  expect(documented(sectionOf(page, `## \`wxagent ${name}\``)).sort()).toEqual(written(settings).sort());
});

it('names the choices of a flag', () => {
  for (const { flag, choices = [] } of Object.values<Setting>(SETTINGS)) {
    const rows = page.split('\n').filter((line) => line.startsWith(`| \`${flag.replaceAll('|', '\\|')}\` |`));
    for (const choice of choices) expect(rows.join('\n'), `${flag}: ${choice}`).toContain(`\`${choice}\``);
  }
});

describe.each([
  ['docs/commands.md', 'command', 'exit', 'you write'],
  ['docs/zh-CN/commands.md', '命令', '退出码', '你发'],
])('%s', (path, command, exit, write) => {
  const overview = readPage(path);

  it('names every command, and no other', () => {
    const named = tableOf(overview, command).flatMap(([names = '']) => codeOf(names));
    expect(named.sort()).toEqual(COMMANDS.map(({ name }) => `wxagent ${name}`).sort());
  });

  it('has the exit codes', () => {
    const rows = tableOf(overview, exit).map(([codes = '', kind = '']) => [
      codeOf(kind)[0],
      Number(/^\d+/.exec(codes)?.[0]),
    ]);
    expect(Object.fromEntries(rows)).toEqual({ undefined: 0, ...EXIT_CODES });
    const bySignal = /SIGNAL_EXITS = \{(.*)\}/.exec(readPage('src/core/exit-codes.ts'))?.[1]?.match(/\d+/g);
    const cancelled = tableOf(overview, exit).find(([, kind]) => kind === '`cancelled`');
    expect(cancelled?.[0]?.split(', ')).toEqual([...new Set(bySignal)]);
  });

  it('names every chat command in both languages', () => {
    const named = tableOf(overview, write).map(([names = '']) => codeOf(names).sort());
    expect(named).toEqual(Object.values(CHAT_COMMANDS).map(({ en, zh }) => [`/${en}`, `/${zh}`].sort()));
  });
});
