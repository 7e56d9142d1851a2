import { describe, expect, it } from 'vitest';
import { allPages, proseOf, readPage } from '../../helpers/pages.ts';

/** Of one sentence: English words, Chinese characters. */
const MOST_WORDS = 25;
const MOST_CHARACTERS = 40;

/** What docs/glossary.md has another word for, or plain English says otherwise. */
const NOT_SAID =
  /\b(?:he|his|him|had better|at work|under way|dead login|what waits|(?<!\bthere )is no (?!longer|older)[a-z]+)\b|主人|帐号|登陆|应答|答复|文件夹|编号|协处理器|逐行 JSON|私人微信/gi;

/** The page of the past keeps its words. */
const pages = allPages().filter((path) => path !== 'CHANGELOG.md');

/** Sentences of a page: of its paragraphs, of its lists, and of each cell of its tables; code counts as a word. */
function sentencesOf(page: string): string[] {
  return proseOf(page)
    .replace(/<!--.*?-->/g, '')
    .replace(/`[^`\n]*`/g, 'X')
    .replace(/\[([^\]\n]*)\]\([^)\n]*\)/g, '$1')
    .replace(/<https?:[^>]*>/g, 'X')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => (line.startsWith('|') ? line.split(/(?<!\\)\|/) : [line]))
    .flatMap((text) => text.replace(/^\s*(- |\d+\. )/, '').split(/(?<=[.!?:;])\s+|[。；：！？]/));
}

describe.each(pages)('%s', (path) => {
  const sentences = sentencesOf(readPage(path));

  it('has sentences that can be read at once', () => {
    const long = sentences.filter((sentence) => {
      const words = sentence.split(/\s+/).filter((word) => /\w/.test(word));
      return words.length > MOST_WORDS || (sentence.match(/\p{Script=Han}/gu) ?? []).length > MOST_CHARACTERS;
    });
    expect(long).toEqual([]);
  });

  it('uses the words of the glossary', () => {
    expect(sentences.filter((sentence) => sentence.match(NOT_SAID))).toEqual([]);
  });
});
