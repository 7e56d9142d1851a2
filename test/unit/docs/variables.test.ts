import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inheritEnvironment, turnEnvironment } from '../../../src/agents/child/environment.ts';
import { SETTINGS, type Setting } from '../../../src/settings/settings-table.ts';
import { codeOf, ROOT, readPage, tableOf } from '../../helpers/pages.ts';

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
  const constants = {
    home: '/h',
    store: '/s',
    baseUrl: 'http://b',
    cdnUrl: 'http://c',
    bin: '/b',
    version: '1',
  };
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

test.each([
  ['docs/agents.md', '### Environment', 'variable'],
  ['docs/zh-CN/agents.md', '### 环境变量', '变量'],
])('%s names every variable of a turn, and no other', (path, heading, head) => {
  const defaults = ['NO_COLOR', 'TERM', 'PYTHONUTF8', 'PYTHONUNBUFFERED'];
  const section = readPage(path).split(`${heading}\n`)[1] ?? '';
  const documented = tableOf(section, head).flatMap(([names = '']) => codeOf(names));
  expect([...documented, ...defaults].sort()).toEqual(turnVariables().sort());
  for (const name of defaults) expect(section).toContain(`\`${name}=`);
});

test.each([
  ['docs/files.md', 'variable'],
  ['docs/zh-CN/files.md', '变量'],
])('%s names every variable that wxagent reads for its settings', (path, head) => {
  // Those of a turn, by which `send` inside an agent knows whom to answer; and where others keep language and programs.
  const elsewhere = /^(WXAGENT_(USER|MESSAGE_ID|BIN)|PATH|PATHEXT|LC_ALL|LC_MESSAGES|LANG)$/;
  const documented = tableOf(readPage(path), head).flatMap(([names = '']) => codeOf(names));
  expect(documented.sort()).toEqual(
    variablesRead()
      .filter((name) => !elsewhere.test(name))
      .sort(),
  );
});
