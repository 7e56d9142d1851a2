import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitText } from '../../../src/text/split.ts';

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const graphemesOf = (text: string) => [...segmenter.segment(text)].map((one) => one.segment);
const visible = (text: string) => text.replace(/\s/gu, '');
const bytes = (text: string) => Buffer.byteLength(text);

/** A second, plainer reading of CommonMark's fences: what a part leaves open at its end, or null. */
function openAtEnd(part: string): string | null {
  let open: string | null = null;
  for (const line of part.split('\n')) {
    const match = /^ {0,3}((`{3,})([^`]*)|(~{3,})(.*))$/.exec(line);
    if (!match) continue;
    const marker = (match[2] ?? match[4]) as string;
    const info = match[3] ?? match[5] ?? '';
    if (open === null) open = marker;
    else if (marker[0] === open[0] && marker.length >= open.length && info.trim() === '') open = null;
  }
  return open;
}

const prose = fc.constantFrom(
  'word ',
  'A sentence. ',
  '你好，世界。',
  '真的吗？”',
  '……',
  'https://example.com/a_b ',
  '\n',
  '\n\n',
  '\r\n',
  '  ',
  'x'.repeat(30),
  '汉'.repeat(25),
  '- item\n',
  '| a | b |\n',
  '👨‍👩‍👧‍👦',
  '🇨🇳🇨🇳🇨🇳',
  'é',
  'नमस्ते',
  '한국어',
  ' \u0301',
  '\t',
  '`code`',
  '~~del~~',
);
const code = fc.constantFrom(
  'let a = 1;\n',
  '  indented\n',
  '\n',
  'y'.repeat(40),
  '# comment。\n',
  'if (x) {\n',
  '漢字 ',
);
const block = fc
  .tuple(
    fc.constantFrom('```', '~~~', '````', '   ```'),
    fc.constantFrom('', 'ζη', 'ζη x=1', '代码'),
    fc.array(code),
  )
  .map(([marker, info, lines]) => `\n${marker}${info}\n${lines.join('')}\n${marker}\n`);
const document = fc.array(fc.oneof({ weight: 3, arbitrary: prose }, { weight: 1, arbitrary: block }), {
  maxLength: 80,
});
const text = document.map((pieces) => pieces.join(''));
const hostile = fc
  .array(
    fc.constantFrom(
      '`',
      '```',
      '~~~',
      '\n',
      ' ',
      'a',
      '\ud800',
      '\udc00',
      '😀',
      '\u0301',
      '汉',
      '。',
      '\u200d',
      '\ufeff',
    ),
    { maxLength: 400 },
  )
  .map((pieces) => pieces.join(''));
const limits = fc.record({
  maxChars: fc.integer({ min: 40, max: 300 }),
  maxBytes: fc.integer({ min: 60, max: 500 }),
});
const tightLimits = fc.record({
  maxChars: fc.integer({ min: 2, max: 60 }),
  maxBytes: fc.integer({ min: 4, max: 90 }),
});

describe('splitText, for any text', () => {
  it('keeps every part within both limits and never blank', () => {
    fc.assert(
      fc.property(
        fc.oneof(text, hostile, fc.string({ unit: 'binary' })),
        fc.oneof(limits, tightLimits),
        (input, max) => {
          for (const part of splitText(input, max)) {
            expect(part.length).toBeLessThanOrEqual(max.maxChars);
            expect(bytes(part)).toBeLessThanOrEqual(max.maxBytes);
            expect(part.trim()).not.toBe('');
          }
        },
      ),
      { numRuns: 80 },
    );
  });

  it('loses nothing visible', () => {
    // Added fences repeat a marker and a language, whose characters appear nowhere else.
    const bare = (value: string) => visible(value).replace(/[`~ζη代码]/g, '');
    fc.assert(
      fc.property(fc.oneof(text, hostile), fc.oneof(limits, tightLimits), (input, max) => {
        expect(bare(splitText(input, max).join('\n'))).toBe(bare(input));
      }),
      { numRuns: 150 },
    );
  });

  it('parts no grapheme', () => {
    fc.assert(
      fc.property(fc.array(prose, { maxLength: 120 }), limits, (pieces, max) => {
        const input = pieces.join('').replaceAll('`', '').replaceAll('~', '');
        const seen = splitText(input, max).flatMap(graphemesOf);
        const blank = (grapheme: string) => grapheme.trim() !== '';
        expect(seen.filter(blank)).toEqual(graphemesOf(input).filter(blank));
      }),
      { numRuns: 150 },
    );
  });

  it('leaves whole what is one thing', () => {
    const thing = fc.constantFrom<(n: number) => string>(
      (n) => `[看 ${n} here](http://x.y/a_b?n=${n})`,
      (n) => `\`a b。 ${n} c\``,
      (n) => `\`\`a \` ${n} c\`\``,
      (n) => `**bold 粗体，${n} words**`,
      (n) => `*it is ${n} it*`,
      (n) => `~~gone ${n} gone~~`,
      (n) => `$x_1 + ${n}$`,
      (n) => `\n$$\n\\int_0 ${n}\n$$\n`,
      (n) => `\\[ x = ${n} \\]`,
      (n) => `<http://x.y/${n}#，a>`,
      (n) => `https://x.y/${n}/abcdefgh`,
      (n) => `\n\n| ${n} | b. c |\n|---|---|\n| x y。z | ${n} |\n\n`,
    );
    const between = fc.constantFrom(
      ' ',
      'word ',
      '汉字',
      '。',
      '\n',
      '\n\n',
      'Sentence. ',
      '汉'.repeat(20),
      ' - ',
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(between, thing), { minLength: 3, maxLength: 30 }),
        limits,
        (pairs, max) => {
          const made = pairs.map(([gap, make], n) => [gap, make(1000 + n)] as const);
          const roomy = { maxChars: max.maxChars + 80, maxBytes: max.maxBytes + 200 };
          const parts = splitText(made.flat().join(' '), roomy);
          for (const [, one] of made)
            expect(parts.filter((part) => part.includes(one.trim()))).toHaveLength(1);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('repeats header and rule of a table that is cut', () => {
    const cell = fc.constantFrom('a', '汉字。', 'b c, d', '`x y`', '', '👨‍👩‍👧‍👦 ');
    const tables = fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 40 });
    const around = fc.constantFrom('', 'word '.repeat(9), '汉'.repeat(30));
    fc.assert(
      fc.property(tables, around, around, limits, (cells, before, after, max) => {
        const head = '| H | 头 |\n|---|:-:|';
        const roomy = { maxChars: max.maxChars + 60, maxBytes: max.maxBytes + 120 };
        const rows = cells.map((row, n) => `| ${n} | ${row.join(' | ')} |`);
        const parts = splitText(`${before}\n\n${head}\n${rows.join('\n')}\n\n${after}`, roomy);
        const lines = parts.map((part) => part.split('\n'));
        expect(lines.flat().filter((line) => /^\| \d/.test(line))).toEqual(rows);
        for (const part of lines) {
          const first = part.findIndex((line) => /^\| \d/.test(line));
          if (first !== -1) expect(part.slice(0, first).join('\n').endsWith(head)).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('balances the fences of every part of a text that is cut', () => {
    fc.assert(
      fc.property(text, limits, (input, max) => {
        const parts = splitText(input, max);
        if (parts.length > 1) for (const part of parts) expect(openAtEnd(part)).toBeNull();
      }),
      { numRuns: 150 },
    );
  });

  it('returns a text that fits as it is', () => {
    fc.assert(
      fc.property(text, (input) => {
        if (input.length > 4000 || bytes(input) > 12_000) return;
        expect(splitText(input)).toEqual(input.trim() === '' ? [] : [input]);
      }),
    );
  });

  it('leaves its own parts alone', () => {
    fc.assert(
      fc.property(text, limits, (input, max) => {
        for (const part of splitText(input, max)) expect(splitText(part, max)).toEqual([part]);
      }),
    );
  });
});

describe('where splitText cuts', () => {
  const max = { maxChars: 40, maxBytes: 120 };

  it.each([
    [
      'a paragraph before a line',
      `${'a'.repeat(22)}\n\nbb cc. dd\nee ff gg hh ii jj`,
      ['a'.repeat(22), 'bb cc. dd\nee ff gg hh ii jj'],
    ],
    [
      'a line before a sentence',
      `${'a'.repeat(25)}\nbb. cc dd ee ff gg`,
      ['a'.repeat(25), 'bb. cc dd ee ff gg'],
    ],
    [
      'a sentence before a word',
      `${'a'.repeat(25)}! bb cc dd ee ff gg`,
      [`${'a'.repeat(25)}!`, 'bb cc dd ee ff gg'],
    ],
    [
      'a Chinese sentence with its quote',
      `“${'好'.repeat(25)}！”${'天'.repeat(20)}`,
      [`“${'好'.repeat(25)}！”`, '天'.repeat(20)],
    ],
    [
      'an ellipsis as a whole',
      `${'好'.repeat(36)}……${'天'.repeat(20)}`,
      [`${'好'.repeat(36)}……`, '天'.repeat(20)],
    ],
    ['a Chinese comma', `${'好'.repeat(30)}，${'天'.repeat(20)}`, [`${'好'.repeat(30)}，`, '天'.repeat(20)]],
    ['a word', `${'a'.repeat(30)} ${'b'.repeat(20)}`, ['a'.repeat(30), 'b'.repeat(20)]],
    ['no number', `${'1'.repeat(30)}3.14159265358979`, [`${'1'.repeat(30)}3.14159265`, '358979']],
    ['a grapheme', `${'a'.repeat(35)}👨‍👩‍👧‍👦b`, ['a'.repeat(35), '👨‍👩‍👧‍👦b']],
    ['no flag', `a${'🇨🇳'.repeat(12)}`, [`a${'🇨🇳'.repeat(9)}`, '🇨🇳'.repeat(3)]],
    [
      'a list item before a nested one',
      `- ${'a'.repeat(22)}\n- bb\n    - cc\n    - dd ee ff`,
      [`- ${'a'.repeat(22)}`, '- bb\n    - cc\n    - dd ee ff'],
    ],
    [
      'too early for a paragraph',
      `aa\n\n${'b'.repeat(30)} ${'c'.repeat(30)}`,
      [`aa\n\n${'b'.repeat(30)}`, 'c'.repeat(30)],
    ],
    [
      'blank lines away, indentation not',
      `${'a'.repeat(30)}\n \n\n  - ${'b'.repeat(20)}\n`,
      ['a'.repeat(30), `  - ${'b'.repeat(20)}`],
    ],
    ['blank edges away', `\n\n ${'a'.repeat(39)} ${' '.repeat(50)}\n`, [` ${'a'.repeat(39)}`]],
  ])('%s', (_name, input, expected) => {
    expect(splitText(input, max)).toEqual(expected);
  });

  it('by bytes where they are the tighter limit', () => {
    expect(splitText('好'.repeat(50), { maxChars: 4000, maxBytes: 100 })).toEqual([
      '好'.repeat(33),
      '好'.repeat(17),
    ]);
  });

  it('inside a grapheme only when it alone is too large, and never inside a surrogate pair', () => {
    const parts = splitText(`ab e${'\u0301'.repeat(100)}`, max);
    expect(parts[0]).toBe('ab');
    expect(parts.slice(1).join('')).toBe(`e${'\u0301'.repeat(100)}`);
    const marks = splitText(`x${'\u{e0100}'.repeat(100)}`, max);
    expect(marks.filter((part) => Buffer.from(part).toString() !== part)).toEqual([]);
    expect(marks.join('')).toBe(`x${'\u{e0100}'.repeat(100)}`);
  });

  it('refuses limits no character fits in', () => {
    expect(() => splitText('abc', { maxChars: 1, maxBytes: 12 })).toThrow(RangeError);
    expect(() => splitText('abc', { maxChars: 10, maxBytes: 3 })).toThrow(RangeError);
  });
});

describe('code blocks in splitText', () => {
  const max = { maxChars: 60, maxBytes: 200 };

  it('are closed and opened again with their language', () => {
    const line = 'const value = 1;';
    expect(splitText(`\`\`\`ts\n${`${line}\n`.repeat(5)}\`\`\`\nend`, max)).toEqual([
      `\`\`\`ts\n${line}\n${line}\n${line}\n\`\`\``,
      `\`\`\`ts\n${line}\n${line}\n\`\`\`\nend`,
    ]);
  });

  it('keep a longer fence, tildes and indentation', () => {
    const input = `  ~~~~ python title\n${'x = 1\n```\n'.repeat(9)}  ~~~~`;
    const parts = splitText(input, max);
    expect(parts.length).toBeGreaterThan(1);
    expect(parts[1]?.startsWith('  ~~~~python\n')).toBe(true);
    for (const part of parts) expect(part.endsWith('\n  ~~~~')).toBe(true);
  });

  it('go whole into the next part where that is possible', () => {
    const block = '```sh\nls -l\necho done\n```';
    expect(splitText(`${'a'.repeat(45)}\n${block}`, max)).toEqual(['a'.repeat(45), block]);
  });

  it('leave no empty block where the cut falls before the closing line', () => {
    const lines = `${'y'.repeat(24)}\n`.repeat(2);
    expect(splitText(`\`\`\`\n${lines}\`\`\`\nmore text after it`, max)).toEqual([
      `\`\`\`\n${lines}\`\`\``,
      'more text after it',
    ]);
  });

  it('are closed at the end of a long text that forgot to', () => {
    expect(splitText(`${'a'.repeat(50)}\n\n\`\`\`js\nlet a\n`, max)[1]).toBe('```js\nlet a\n```');
  });
});

describe('splitText on 128 KiB', () => {
  const size = 1 << 17;
  it.each([
    ['words', 'word '.repeat(size / 5)],
    ['one line of Chinese', '汉'.repeat(size)],
    ['combining marks', `a${'\u0301'.repeat(size)}`],
    ['flags', '🇨🇳'.repeat(size / 4)],
    ['backticks', '`'.repeat(size)],
    ['exclamation marks', '!'.repeat(size)],
    ['fences', '```\n~~~~\n'.repeat(size / 9)],
    ['blanks', ` x${' '.repeat(size)}y`],
    ['line ends', `x${'\n'.repeat(size)}y`],
    ['spaces with marks', ' \u0301'.repeat(size / 2)],
    ['tables', '| a |\n|---|\n'.repeat(size / 12)],
    ['links', '[a](b)'.repeat(size / 6)],
    ['formulas', '$$\n\\[\n\\begin{a}\n'.repeat(size / 16)],
    ['one block of code', `\`\`\`js\n${'let a = b;\n'.repeat(size / 11)}\`\`\``],
  ])('%s', (_name, input) => {
    const parts = splitText(input);
    expect(parts.length).toBeLessThan(200);
    expect(visible(parts.join('')).length).toBeGreaterThanOrEqual(visible(input).length - 8);
  });
});
