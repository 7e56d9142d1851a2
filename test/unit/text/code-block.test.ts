import fc from 'fast-check';
import { expect, it } from 'vitest';
import { codeBlock } from '../../../src/text/code-block.ts';
import { shapeForWeChat } from '../../../src/text/shape.ts';

it('wraps text in a fence', () => {
  expect(codeBlock('ls -l\n')).toBe('```\nls -l\n```');
});

it('takes a fence longer than any in the text', () => {
  expect(codeBlock('```\n````x')).toBe('`````\n```\n````x\n`````');
});

it('makes code of anything, which shaping then leaves alone', () => {
  const text = fc
    .array(fc.constantFrom('`', '```', '\n', 'a_b', '<', '~~~'))
    .map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(text, (input) => {
      const block = codeBlock(input);
      expect(shapeForWeChat(block)).toBe(block);
      const [opening, ...rest] = block.split('\n');
      expect(rest.indexOf(opening as string)).toBe(rest.length - 1);
    }),
  );
});
