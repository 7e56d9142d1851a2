import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inheritEnvironment, turnEnvironment } from '../../../src/agents/child/environment.ts';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { EXIT_CODES } from '../../../src/core/errors.ts';
import { SETTINGS, type Setting } from '../../../src/settings/settings.ts';
import {
  blocksOf,
  codeOf,
  headingsOf,
  proseOf,
  READMES,
  ROOT,
  readPage,
  sectionOf,
  tableOf,
  withoutComments,
} from '../../helpers/pages.ts';

/** What differs between the languages. */
const PAGES = {
  'README.md': {
    variable: 'variable',
    settings: '## Settings and environment',
    command: 'command',
    exit: 'exit',
  },
  'README.zh-CN.md': {
    variable: '变量',
    settings: '## 设置和环境变量',
    command: '命令',
    exit: '退出码',
  },
} as const;

/** Every variable a turn can have. */
function turnVariables(): string[] {
  const turn = {
    id: '1',
    account: 'a@im.bot',
    accountName: null,
    user: 'u@im.wechat',
    sessionId: 's',
    turn: 1,
    timeMs: 0,
    kind: 'text' as const,
    text: 'x'.repeat(40_000),
    attachments: [],
    quote: null,
    attempt: 1,
  };
  const constants = { home: '/h', baseUrl: 'http://b', cdnUrl: 'http://c', bin: '/b', version: '1' };
  const folders = { media: '/m', reply: '/r', state: '/s' };
  return Object.keys(turnEnvironment(turn, folders, inheritEnvironment({}), constants));
}

/** Every variable that the program itself reads by name. */
function variablesRead(): string[] {
  const src = join(ROOT, 'src');
  const sources = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  const named = sources.flatMap((path) => [
    ...readFileSync(join(src, path), 'utf8').matchAll(/\.get\('([A-Z][A-Z_]+)'\)/g),
  ]);
  const ofSettings = Object.values<Setting>(SETTINGS).flatMap(({ env }) => env ?? []);
  return [...new Set([...named.map(([, name]) => name as string), ...ofSettings])];
}

describe.each(READMES)('%s', (path) => {
  const page = readPage(path);
  const words = PAGES[path];

  it('names every variable of a turn, and no other', () => {
    const defaults = ['NO_COLOR', 'TERM', 'PYTHONUTF8', 'PYTHONUNBUFFERED'];
    const documented = tableOf(page, words.variable).flatMap(([names = '']) => codeOf(names));
    expect([...documented, ...defaults].sort()).toEqual(turnVariables().sort());
    for (const name of defaults) expect(page).toContain(`\`${name}=`);
  });

  it('names every variable that wxagent reads for its settings', () => {
    // Those of a turn, by which `send` inside an agent knows whom to answer; and where others keep language and programs.
    const elsewhere = /^(WXAGENT_(USER|MESSAGE_ID)|PATH|PATHEXT|LC_ALL|LC_MESSAGES|LANG)$/;
    const documented = tableOf(sectionOf(page, words.settings), words.variable).flatMap(([names = '']) =>
      codeOf(names),
    );
    expect(documented.sort()).toEqual(
      variablesRead()
        .filter((name) => !elsewhere.test(name))
        .sort(),
    );
  });

  it('has the exit codes', () => {
    const rows = tableOf(page, words.exit).map(([codes = '', kind = '']) => [
      codeOf(kind)[0],
      Number(/^\d+/.exec(codes)?.[0]),
    ]);
    expect(Object.fromEntries(rows)).toEqual({ undefined: 0, ...EXIT_CODES });
    const bySignal = /SIGNAL_EXITS = \{(.*)\}/.exec(readPage('src/cli/command/tell.ts'))?.[1]?.match(/\d+/g);
    const cancelled = tableOf(page, words.exit).find(([, kind]) => kind === '`cancelled`');
    expect(cancelled?.[0]?.split(', ')).toEqual([...new Set(bySignal)]);
  });

  it('names every command, and no other', () => {
    const named = tableOf(page, words.command).flatMap(([names = '']) => codeOf(names));
    expect(named.sort()).toEqual(COMMANDS.map(({ name }) => `wxagent ${name}`).sort());
  });

  it('has no recipe that is not typed in a test', () => {
    const typing = readPage('test/e2e/recipes.test.ts');
    const names = blocksOf(page).flatMap(({ run }) => run ?? []);
    expect(names.length).toBeGreaterThan(10);
    expect(names.filter((name) => !typing.includes(`'${name}'`))).toEqual([]);
  });
});

describe('the two languages', () => {
  const [english, chinese] = READMES.map(readPage) as [string, string];

  it('have the same headings', () => {
    const levels = (page: string) => headingsOf(page).map((heading) => heading.split(' ')[0]);
    expect(levels(chinese)).toEqual(levels(english));
  });

  it('have the same blocks, but for comments', () => {
    const plain = (page: string) =>
      blocksOf(page).map((block) => ({ ...block, text: withoutComments(block.text) }));
    expect(plain(chinese)).toEqual(plain(english));
  });

  it('have tables of the same length', () => {
    const rows = (page: string) =>
      proseOf(page)
        .split(/\n(?!\|)/)
        .map((part) => part.split('\n').length);
    const tables = (page: string) => rows(page).filter((length) => length > 2);
    expect(tables(chinese)).toEqual(tables(english));
  });
});
