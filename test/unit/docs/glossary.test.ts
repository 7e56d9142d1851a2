import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codeOf, ROOT, readPage } from '../../helpers/pages.ts';

const src = join(ROOT, 'src');
const paths = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
const words = new Set(
  [...paths, ...paths.map((path) => readFileSync(join(src, path), 'utf8'))].flatMap(
    (text) => text.match(/[\w-]+/g) ?? [],
  ),
);

const rows = readPage('docs/glossary.md')
  .split('\n')
  .filter((line) => /^\| (?!English|---)/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()));

test('every term is in both languages, once, with a meaning', () => {
  expect(rows.length).toBeGreaterThan(50);
  for (const [, english = '', chinese = '', meaning = ''] of rows) {
    expect(english).toMatch(/^[A-Za-z0-9 -]+$/);
    expect(chinese).toMatch(/\p{Script=Han}|^ID$/u);
    expect(meaning).not.toBe('');
  }
  expect(new Set(rows.map(([, english]) => english)).size).toBe(rows.length);
});

test.each(rows.map(([, english, , , code = '']) => [english, code]))('%s: %s is in the code', (_, code) => {
  const [name = ''] = codeOf(code);
  expect(words.has(name), name).toBe(true);
});
