import { expect, test } from 'vitest';
import { excerpt } from '../../../../src/cli/terminal/excerpt.ts';
import { table } from '../../../../src/cli/terminal/table.ts';

test('columns are aligned as a terminal shows them, whatever stands in them', () => {
  expect(
    table([
      ['ab', 'x'],
      ['中文', 'x'],
      ['👍🏽', 'x'],
      ['👨‍👩‍👧', 'x'],
      ['e\u0301', 'x'],
      ['ﾊﾝ', 'x'],
      ['🇳🇱', 'x'],
      ['か\u3099', 'x'],
      ['✅', 'x'],
      ['⬢ ', 'x'],
      ['（）', ''],
    ]),
  ).toEqual([
    'ab    x',
    '中文  x',
    '👍🏽    x',
    '👨‍👩‍👧    x',
    'e\u0301     x',
    'ﾊﾝ    x',
    '🇳🇱    x',
    'か\u3099    x',
    '✅    x',
    '⬢     x',
    '（）',
  ]);
});

test.each([
  ['short', 10, 'short'],
  ['exactly ten', 11, 'exactly ten'],
  ['a long text', 6, 'a lon…'],
  ['一二三四五', 4, '一二三…'],
  ['一二三', 3, '一二三'],
  ['ab👨‍👩‍👧cd', 4, 'ab👨‍👩‍👧…'],
  ['two\n lines\t here', 20, 'two lines here'],
])('%j in %i characters', (text, limit, shown) => {
  expect(excerpt(text, limit)).toBe(shown);
});
