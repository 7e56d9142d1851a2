import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codeOf, headingsOf, ROOT, readPage, sectionOf } from '../../helpers/pages.ts';

const page = readPage('docs/troubleshooting.md');
const headings = headingsOf(page).filter((heading) => heading.startsWith('### '));

const program = ['src', 'bin']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.[tj]s$/.test(path))
      .map((path) => readFileSync(join(ROOT, folder, path), 'utf8')),
  )
  .join('\n');

test.each(headings)('%s: is what the program says', (heading) => {
  for (const sentence of codeOf(heading)) {
    // The program puts in what differs, reasons among it.
    const fixed = sentence
      .replace(/(?<=[(（])[a-z-]+(?=[)）]$)|(?<=^(not given to the agent|agent failed): ).*/, '…')
      .split('…')
      .filter((piece) => piece.trim() !== '');
    expect(fixed.filter((piece) => !program.includes(piece))).toEqual([]);
    expect(Math.max(...fixed.map((piece) => piece.trim().length))).toBeGreaterThan(3);
  }
});

test.each(headings)('%s: has advice in both languages', (heading) => {
  const paragraphs = sectionOf(page, heading).trim().split('\n\n');
  expect(paragraphs).toHaveLength(2);
  expect(paragraphs.map((text) => /\p{Script=Han}/u.test(text))).toEqual([false, true]);
});

test('there are sentences', () => {
  expect(headings.length).toBeGreaterThan(30);
});
