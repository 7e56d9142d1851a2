import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { inChinese } from '../../../src/cli/i18n/translate.ts';
import { codeOf, headingsOf, ROOT, readPage, sectionOf } from '../../helpers/pages.ts';

const [english, chinese] = ['docs/troubleshooting.md', 'docs/zh-CN/troubleshooting.md'].map((path) => {
  const page = readPage(path);
  return { path, page, headings: headingsOf(page).filter((heading) => heading.startsWith('### ')) };
}) as [Page, Page];

interface Page {
  path: string;
  page: string;
  headings: string[];
}

const program = ['src', 'bin']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.[tj]s$/.test(path))
      .map((path) => readFileSync(join(ROOT, folder, path), 'utf8')),
  )
  .join('\n');

/** What the program has of a sentence as it is: it puts in what differs, reasons among it. */
function fixedOf(sentence: string): string[] {
  return sentence
    .replace(/(?<=[(（])[a-z-]+(?=[)）]$)|(?<=^(not given to the agent|agent failed): ).*/, '…')
    .split('…')
    .filter((piece) => piece.trim() !== '');
}

test.each(english.headings)('%s: is what the program says', (heading) => {
  for (const sentence of codeOf(heading)) {
    const fixed = fixedOf(sentence);
    expect(fixed.filter((piece) => !program.includes(piece))).toEqual([]);
    expect(Math.max(...fixed.map((piece) => piece.trim().length))).toBeGreaterThan(3);
  }
});

test('the Chinese page has the same sentences, each as it is said in Chinese', () => {
  const ofChinese = chinese.headings.map((heading) => codeOf(heading));
  expect(ofChinese.map((sentences) => sentences.at(-1))).toEqual(
    english.headings.map((heading) => codeOf(heading)[0]),
  );
  for (const [told = '', original] of ofChinese) {
    // What stays English, as what an agent prints.
    if (original === undefined) continue;
    const translated = inChinese(original);
    // What is made of words and not by a sentence: the pieces are in the program.
    if (translated === original)
      expect(fixedOf(told).filter((piece) => !program.includes(piece))).toEqual([]);
    else expect(told).toBe(translated);
  }
});

describe.each([english, chinese])('$path', ({ page, headings }) => {
  it('has one paragraph of advice for each, in its language', () => {
    for (const heading of headings) {
      const paragraphs = sectionOf(page, heading).trim().split('\n\n');
      expect(paragraphs, heading).toHaveLength(1);
      expect(/\p{Script=Han}/u.test(paragraphs.join()), heading).toBe(page === chinese.page);
    }
  });

  it('has many', () => expect(headings.length).toBeGreaterThan(30));
});
