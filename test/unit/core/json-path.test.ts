import { describe, expect, it } from 'vitest';
import { parseJsonPath, textAt } from '../../../src/core/json-path.ts';

const DOCUMENT = {
  answer: 'yes',
  empty: ' ',
  nothing: null,
  'a.b': { "it's": 'quoted' },
  data: { outputs: [{ text: 'first' }, { text: 'second' }], count: 7, done: false },
  choices: [{ message: { content: 'hi' } }],
};

const read = (path: string, document: unknown = DOCUMENT) => textAt(document, parseJsonPath(path, '--x'));

describe('a path', () => {
  it.each([
    ['answer', 'yes'],
    ['$.answer', 'yes'],
    ['.answer', 'yes'],
    ['data.outputs.0.text', 'first'],
    ['data.outputs[1].text', 'second'],
    ['$.choices[0].message.content', 'hi'],
    [`["a.b"]["it's"]`, 'quoted'],
    ["$['answer']", 'yes'],
    ['data.count', '7'],
    ['data.done', 'false'],
    ['empty', ' '],
    ['nothing | data | empty | answer', 'yes'],
    ['nothing|empty', ' '],
    ['nothing', null],
    ['data', null],
    ['answer.0', null],
    ['answer.length', null],
    ['data.outputs.length', null],
    ['constructor.name', null],
    ['data.outputs[9].text', null],
  ])('%s leads to %j', (path, text) => expect(read(path)).toBe(text));

  it('leads into lists and texts that are the whole document', () => {
    expect(read('$', 'bare')).toBe('bare');
    expect(read('[0].output', [{ output: 'o' }])).toBe('o');
    expect(read('0.output', [{ output: 'o' }])).toBe('o');
    expect(read('answer', null)).toBeNull();
  });

  it.each([
    '',
    ' ',
    'a..b',
    'a.',
    'a[',
    'a[x]',
    'a[*]',
    'a[?(@.b)]',
    '$answer',
    'a[0]b',
    'a|',
    '|a',
    'a b',
    '$$',
  ])('%j is none', (path) =>
    expect(() => parseJsonPath(path, '--http-reply')).toThrow(
      expect.objectContaining({
        kind: 'usage',
        message: expect.stringContaining('--http-reply takes a path'),
      }),
    ),
  );
});
