import { describe, expect, it, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { createProgram } from '../../../src/cli/parse-arguments.ts';
import { longFlag } from '../../../src/settings/resolve-settings.ts';
import { SETTINGS, type Setting } from '../../../src/settings/settings-table.ts';
import {
  allPages,
  blocksOf,
  codeOf,
  proseOf,
  READMES,
  RECIPES,
  readPage,
  wordsOf,
} from '../../helpers/pages.ts';

/** Flags of other programs that the pages speak of. */
const FOREIGN = /^--(help|version|allowedTools|init|experimental-acp|write|no-owner|role)$/;

const silent = {
  out() {},
  err() {},
  outSoon() {},
  errSoon() {},
  outAll: async () => {},
  errAll: async () => {},
  readStdin: async () => Buffer.alloc(0),
  stdin: async function* () {},
  ask: async () => null,
  stdoutIsTerminal: false,
  stderrIsTerminal: false,
  stdinIsTerminal: false,
};

/** Command lines of wxagent on a page, in blocks and in sentences. */
function linesOf(page: string): string[] {
  const code = [...blocksOf(page).flatMap(({ text }) => text.split('\n')), ...codeOf(proseOf(page))];
  const lines = code.flatMap((line) => /(?:^|[\s/=])wxagent ([a-z]+\b.*)$/.exec(line)?.[1] ?? []);
  return [...new Set(lines)].filter((line) => COMMANDS.some(({ name }) => line.split(' ')[0] === name));
}

async function understands(words: string[]): Promise<void> {
  let runs = 0;
  const program = createProgram({ io: silent }, async () => {
    runs++;
  });
  await program.parseAsync(words, { from: 'user' });
  expect(runs).toBe(1);
}

describe.each(allPages())('%s', (path) => {
  const page = readPage(path);

  it('speaks of flags that exist', () => {
    const flags = new Set(Object.values<Setting>(SETTINGS).map(longFlag));
    const spoken = codeOf(proseOf(page)).flatMap(
      (code) => code.match(/(?<![\w-])--[A-Za-z][A-Za-z-]*/g) ?? [],
    );
    expect(spoken.filter((flag) => !flags.has(flag) && !FOREIGN.test(flag))).toEqual([]);
  });

  const lines = linesOf(page);
  if (lines.length > 0) {
    test.each(lines)('wxagent %s: is understood', async (line) => {
      await understands(wordsOf(line.replaceAll('\\%', '%')));
    });
  }
});

test.each([
  [READMES[0], RECIPES[0], 'docs/commands.md'],
  [READMES[1], RECIPES[1], 'docs/zh-CN/commands.md'],
])('%s and the pages it leads to have command lines', (...paths) => {
  expect(new Set(paths.flatMap((path) => linesOf(readPage(path)))).size).toBeGreaterThan(30);
});

test('the unit and the compose file of workers start what is understood', async () => {
  const unit = readPage('examples/workers/wxagent-worker@.service');
  const [, started = ''] = /^ExecStart=\S+\/wxagent (.*)$/m.exec(unit) ?? [];
  const [, composed = '[]'] = /^ +command: (\[.*\])$/m.exec(readPage('examples/workers/compose.yaml')) ?? [];
  const words = JSON.parse(composed.replaceAll("'", '"')) as string[];
  expect(words).toEqual(wordsOf(started));
  await understands(words);
});
