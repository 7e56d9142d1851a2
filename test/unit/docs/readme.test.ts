import { describe, expect, it, test } from 'vitest';
import {
  blocksOf,
  headingsOf,
  proseOf,
  READMES,
  RECIPES,
  readPage,
  withoutComments,
} from '../../helpers/pages.ts';

test.each(READMES)('%s can be read in one go', (path) => {
  expect(readPage(path).trimEnd().split('\n').length).toBeLessThanOrEqual(200);
});

test.each([...READMES, ...RECIPES])('%s has no recipe that is not typed in a test', (path) => {
  const typing = readPage('test/e2e/recipes.test.ts');
  const names = blocksOf(readPage(path)).flatMap(({ run }) => run ?? []);
  expect(names.length).toBeGreaterThanOrEqual(3);
  expect(names.filter((name) => !typing.includes(`'${name}'`))).toEqual([]);
});

describe.each([
  READMES,
  RECIPES,
  ['docs/agents.md', 'docs/zh-CN/agents.md'],
  ['docs/files.md', 'docs/zh-CN/files.md'],
  ['docs/coprocess.md', 'docs/zh-CN/coprocess.md'],
  ['docs/http.md', 'docs/zh-CN/http.md'],
  ['docs/openai.md', 'docs/zh-CN/openai.md'],
  ['docs/operating.md', 'docs/zh-CN/operating.md'],
  ['docs/scaling.md', 'docs/zh-CN/scaling.md'],
  ['docs/web.md', 'docs/zh-CN/web.md'],
] as const)('%s and %s', (...paths) => {
  const [english, chinese] = paths.map(readPage) as [string, string];

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
