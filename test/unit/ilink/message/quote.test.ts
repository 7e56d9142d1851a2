import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolvePartial } from '../../../../src/ilink/message/quote.ts';
import type { PartialText } from '../../../../src/ilink/wire/wire.ts';

const FISH = 'red fish blue fish red bird red fish';
const FISH_MD5 = 'b1d5df9884270cf5530c0f0a846b7a2c';
const MEETING = '明天上午十点开会，下午三点开会，请准时。';
const MEETING_MD5 = '19040a3e383f152171addca807205447';

describe('vectors of protocol 13.6', () => {
  test.each([
    [FISH, 'red', 'fish', 1, 2, FISH_MD5, 'red bird red fish'],
    [FISH, 'red', 'fish', 1, 0, FISH_MD5, 'red bird red fish'],
    [MEETING, '下午', '开会', 0, 1, MEETING_MD5, '下午三点开会'],
    [MEETING, '下午', '开会', 0, 0, MEETING_MD5, '下午三点开会'],
    ['aaa', 'a', 'a', 0, 0, undefined, 'a'],
    ['aaa', 'a', 'a', 0, 0, '4124BC0A9335C27F086F24BA207A4912', 'aa'],
    ['fish red', 'red', 'fish', 0, 0, undefined, null],
    ['fish red', 'red', 'fish', 0, 0, FISH_MD5, null],
    ['abc', '', 'c', 0, 0, undefined, null],
  ])('%s: %s .. %s, %i, %i, %s', (full, start, end, startindex, endindex, quotemd5, selection) => {
    const partial = { start, end, startindex, endindex, ...(quotemd5 !== undefined && { quotemd5 }) };
    expect(resolvePartial(full, partial)).toBe(selection);
  });
});

test('without a digest the relative reading serves where the global one does not', () => {
  expect(resolvePartial(FISH, { start: 'bird', end: 'fish', startindex: 0, endindex: 0 })).toBe(
    'bird red fish',
  );
});

test('an end that lies inside the start is none', () => {
  expect(resolvePartial('abc', { start: 'abc', end: 'b', startindex: 0, endindex: 0 })).toBeNull();
});

test('no candidate with that digest: unresolved', () => {
  const partial = { start: 'red', end: 'fish', startindex: 0, endindex: 0, quotemd5: MEETING_MD5 };
  expect(resolvePartial(FISH, partial)).toBeNull();
});

test.each([
  { start: 'red', end: '', startindex: 0, endindex: 0 },
  { start: 'red', end: 'fish', startindex: -1, endindex: 0 },
  { start: 'red', end: 'fish', startindex: 0, endindex: 0.5 },
  { start: 'red', end: 'fish', startindex: 9, endindex: 0 },
  { start: 'red', end: 'fish', startindex: 'x', endindex: 0 },
  { start: 7, end: null, startindex: 0, endindex: 0 },
  {},
])('unusable: %j', (partial) => {
  expect(resolvePartial(FISH, partial as PartialText)).toBeNull();
});

test('every selection is found by its ends, their occurrence numbers and its digest', () => {
  const words = fc.array(fc.constantFrom('a', 'b', 'ab', '开', ' '), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(words, fc.nat(), fc.nat(), (pieces, from, length) => {
      const full = pieces.join('');
      const at = from % full.length;
      const selection = full.slice(at, at + 1 + (length % (full.length - at)));
      const start = selection.slice(0, 1);
      const end = selection.slice(-1);
      const partial = {
        start,
        end,
        startindex: full.slice(0, at).split(start).length - 1,
        endindex: full.slice(0, at + selection.length - 1).split(end).length - 1,
        quotemd5: createHash('md5').update(selection, 'utf8').digest('hex'),
      };
      expect(resolvePartial(full, partial)).toBe(selection);
    }),
  );
});
