import fc from 'fast-check';
import { expect, test } from 'vitest';
import { choiceOf } from '../../../../src/core/message/match-choice.ts';

const choices = (...names: string[]) => names.map((name) => ({ name, label: null }));

test.each([
  ['yes', ['yes', 'no'], 0],
  ['NO!', ['yes', 'no'], 1],
  ['“yes”', ['yes', 'no'], 0],
  ['ｙｅｓ', ['yes', 'no'], 0],
  ['好的', ['yes', 'no'], 0],
  ['不', ['y', 'n'], 1],
  ['👍', ['y', 'n'], 0],
  ['1', ['y', 'n'], 0],
  ['2', ['y', 'n'], 1],
  // Another order, or more of them: a number may mean either.
  ['1', ['no', 'yes'], null],
  ['2', ['yes', 'no', 'later'], null],
  ['1', ['1', '2', '3'], 0],
  ['好', ['no', 'yes'], 1],
  ['later', ['yes', 'no', 'later'], 2],
  ['好不好', ['yes', 'no'], null],
  ['red', ['blue', 'red'], 1],
  ['dark  red', ['blue', 'dark red'], 1],
  ['yes', ['blue', 'red'], null],
  ['', ['yes', 'no'], null],
  ['+', ['+', '-'], 0],
  ['...', ['...', '!'], 0],
  ['yes', ['sure', 'yes', 'no'], 1],
] as const)('%j of %j is %j', (answer, names, choice) => {
  expect(choiceOf(answer, choices(...names))).toBe(choice);
});

test('a label is an answer as well as its name', () => {
  const labelled = [
    { name: 'a', label: 'main' },
    { name: 'b', label: 'the release' },
  ];
  expect(['b', 'The Release', 'main.', 'c'].map((one) => choiceOf(one, labelled))).toEqual([1, 1, 0, null]);
});

test('each of any names is its own answer', () => {
  const name = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => text.trim() !== '');
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 5, selector: (one) => one }), (names) => {
      for (const one of names) {
        const found = choiceOf(one, choices(...names));
        expect(found === null ? null : choiceOf(names[found] as string, choices(...names))).toBe(found);
        expect(found).not.toBe(null);
      }
    }),
  );
});
