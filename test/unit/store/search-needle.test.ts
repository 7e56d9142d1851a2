import fc from 'fast-check';
import { expect, test } from 'vitest';
import { needleOf } from '../../../src/store/conversations/search-needle.ts';

/** ASCII letters in the other case, as databases fold them. */
const otherCase = (text: string): string =>
  text.replace(/[a-z]/gi, (one) => (one < 'a' ? one.toLowerCase() : one.toUpperCase()));
const small = (bytes: string): string => bytes.replace(/[A-Z]/g, (one) => one.toLowerCase());

test('what a text is looked for by stands in the JSON of every text that contains it', () => {
  const texts = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(texts, fc.string({ unit: 'binary', minLength: 1 }), texts, (before, wanted, after) => {
      const needle = needleOf(wanted);
      if (needle === null) return;
      for (const written of [wanted, otherCase(wanted)]) {
        const json = JSON.stringify({ text: `${before}${written}${after}` });
        expect(small(Buffer.from(json, 'utf8').toString('latin1'))).toContain(
          small(needle.toString('latin1')),
        );
      }
    }),
  );
});

test.each([
  ['Größe 20', 'e 20'],
  ['天气"晴', '天气'],
  ['é', null],
  ['"', null],
  ['a\nlonger', 'longer'],
])('%j is looked for by %j', (text, needle) => {
  expect(needleOf(text)?.toString('utf8') ?? null).toBe(needle);
});
