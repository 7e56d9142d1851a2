import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shapeForWeChat } from '../../../src/text/shape.ts';

const table = '| a | b |\n|---|---|\n| 1 | 2 |';
const fenced = '```py\na_b_c = "<b>"  # *斜体*\n![x](y)\n##### no\n```';

describe('shapeForWeChat', () => {
  it.each([
    ['# H1'],
    ['#### H4'],
    ['**粗体**'],
    ['*ital*'],
    ['***both***'],
    ['_ital_'],
    ['__bold__'],
    ['~~del~~'],
    ['> quote'],
    ['[link](http://x)'],
    ['`a_b`'],
    [table],
    ['---'],
    ['- one\n- two\n  1. three'],
    [fenced],
    [''],
    ['\n\n'],
    ['a\r\nb'],
  ])('leaves %j as it is (protocol 13.7)', (text) => {
    expect(shapeForWeChat(text)).toBe(text);
  });

  it.each([
    ['##### H5', 'H5'],
    ['###### H6', 'H6'],
    ['##### 标题 ####', '标题'],
    ['> ##### quoted', '> quoted'],
    ['####### seven', '####### seven'],
    ['#####tag', '#####tag'],
    ['*斜体*', '斜体'],
    ['***粗斜***', '粗斜'],
    ['_下划线斜体_', '下划线斜体'],
    ['这是*斜体*文字，_也是_。', '这是斜体文字，也是。'],
    ['变量_中间_名', '变量_中间_名'],
    ['*mixed 中文*', 'mixed 中文'],
    ['**粗 *斜* 体**', '**粗 斜 体**'],
    ['*한국어* and *にほん*', '한국어 and にほん'],
    ['* 项目 *强调*', '* 项目 强调'],
    ['5*（3+2）*4', '5*（3+2）*4'],
    ['2 * 中 * 3', '2 * 中 * 3'],
    ['\\*不是\\*', '\\*不是\\*'],
  ])('marks the phone shows raw: %j', (text, shaped) => {
    expect(shapeForWeChat(text)).toBe(shaped);
  });

  it.each([
    ['![alt](http://x/y.png)', '[alt](http://x/y.png)'],
    ['![a](b) tail', '[a](b) tail'],
    ['![](http://x/my_y.png)', 'http://x/my_y.png'],
    ['![a](http://x/y.png "A title")', '[a](http://x/y.png "A title")'],
    ['![ ](<http://x/a b.png>)', 'http://x/a b.png'],
    ['[![badge](http://i/b.svg)](http://x)', '[badge](http://x)'],
    ['[![](http://i/b.svg)](http://x)', 'http://x'],
    ['![a ![b](c) d](e)', '[a b d](e)'],
    ['![a](http://x/(1))', '[a](http://x/(1))'],
    ['![not an image] (x)', '![not an image] (x)'],
    ['![prose](see below)', '![prose](see below)'],
    ['`![alt](x)`', '`![alt](x)`'],
  ])('images become links: %j', (text, shaped) => {
    expect(shapeForWeChat(text)).toBe(shaped);
  });

  it.each([
    ['a < b > c', 'a ＜ b > c'],
    ['<b>x</b>', '＜b>x＜/b>'],
    ['`a < b` < c', '`a < b` ＜ c'],
    ['see <https://x.com/a_b>', 'see https://x.com/a_b'],
    ['[a<b](http://x)', '[a＜b](http://x)'],
    ['\\<b>', '＜b>'],
  ])('a bare < becomes ＜: %j', (text, shaped) => {
    expect(shapeForWeChat(text)).toBe(shaped);
  });

  it.each([
    ['snake_case_name', '`snake_case_name`'],
    ['打开src/my_dir/a.ts文件', '打开`src/my_dir/a.ts`文件'],
    ['call foo_bar().', 'call `foo_bar`().'],
    ['It is foo_bar. Really', 'It is `foo_bar`. Really'],
    ['--max_parts', '`--max_parts`'],
    ['_my_name here', '`_my_name` here'],
    ['_my_name_', '_`my_name`_'],
    ['_使用my_name吧_', '使用`my_name`吧'],
    ['**bold_name**', '**`bold_name`**'],
    ['| a_b | c |', '| `a_b` | c |'],
    ['a__b', '`a__b`'],
    ['a_ b _c', 'a_ b _c'],
    ['https://x.com/a_b_c?d_e=1，见上', 'https://x.com/a_b_c?d_e=1，见上'],
    ['**https://x.com/a_b**', '**https://x.com/a_b**'],
    ['*斜*https://x.com/a\\*', '斜https://x.com/a\\*'],
    ['*斜https://x.com/a\\*', '*斜https://x.com/a\\*'],
    ['[snake_case](http://x/a_b)', '[snake_case](http://x/a_b)'],
    ['``a_b ` c``', '``a_b ` c``'],
    ['it`s a_b', 'it`s ``a_b``'],
    ['- it`s\n- `a_b` c_d', '- it`s\n- `a_b` `c_d`'],
    ['`x`a_b', '`x`a_b'],
    ['a `code\nspan_x_y` b', 'a `code\nspan_x_y` b'],
  ])('identifiers outside code and links: %j', (text, shaped) => {
    expect(shapeForWeChat(text)).toBe(shaped);
  });

  it.each([
    ['a longer fence', `\`\`\`\`\n\`\`\`\na_b\n\`\`\`\`\nc_d`, `\`\`\`\`\n\`\`\`\na_b\n\`\`\`\`\n\`c_d\``],
    ['tildes', '~~~\na_b <\n~~~\nc_d', '~~~\na_b <\n~~~\n`c_d`'],
    [
      'in a list',
      '- x\n\n      ```sh\n      a_b\n      ```\n- c_d',
      '- x\n\n      ```sh\n      a_b\n      ```\n- `c_d`',
    ],
    ['in a quote', '> ```\n> a_b\n> ```\nc_d', '> ```\n> a_b\n> ```\n`c_d`'],
    ['never closed', '```\na_b', '```\na_b'],
    ['after a paragraph', 'it`s\n```\na`_b_c\n```', 'it`s\n```\na`_b_c\n```'],
  ])('leaves a code block alone: %s', (_name, text, shaped) => {
    expect(shapeForWeChat(text)).toBe(shaped);
  });
});

describe('shapeForWeChat, for any text', () => {
  const piece = fc.constantFrom(
    'word ',
    '中文',
    '，',
    '**粗**',
    '*斜体*',
    ' *ital* ',
    '_下划_ ',
    'snake_case ',
    '`code_x` ',
    '[l](http://x/a_b)',
    '![图](http://y)',
    '![](http://z)',
    ' < ',
    '\n',
    '\n\n',
    '##### h\n',
    '- item ',
    '> q\n',
    '\n```\nx_y < *斜*\n```\n',
    '\\*',
    '| a_b |\n',
    'https://a.b/c_d ',
  );
  const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
  const hostile = fc
    .array(
      fc.constantFrom(
        '*',
        '_',
        '`',
        '[',
        ']',
        '(',
        ')',
        '!',
        '<',
        '>',
        '\\',
        '中',
        'a',
        ' ',
        '\n',
        '/',
        '#',
        '~',
      ),
      { maxLength: 200 },
    )
    .map((pieces) => pieces.join(''));

  it('is done after one pass', () => {
    fc.assert(
      fc.property(text, (input) => {
        const once = shapeForWeChat(input);
        expect(shapeForWeChat(once)).toBe(once);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps every letter of it', () => {
    const letters = (value: string) => value.replace(/[^\p{L}\p{N}]/gu, '');
    fc.assert(
      fc.property(hostile, (input) => {
        expect(letters(shapeForWeChat(`${input}`))).toBe(letters(input));
      }),
      { numRuns: 500 },
    );
  });

  it('never touches a code block', () => {
    fc.assert(
      fc.property(hostile, hostile, (before, code) => {
        const safe = before.replaceAll('~', '').replaceAll('`', '');
        const block = `~~~~~~~~\n${code.replaceAll('~', '')}\n~~~~~~~~`;
        expect(shapeForWeChat(`${safe}\n\n${block}\n\na_b`).endsWith(`\n\n${block}\n\n\`a_b\``)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

describe('shapeForWeChat on 256 KiB', () => {
  const size = 1 << 18;
  it.each([
    '*',
    '*a',
    '_',
    '_a_',
    'a_',
    'a/_',
    '`',
    '`a',
    '`` ` ',
    '[',
    '![',
    '[](',
    '[a](b ',
    '![a](b)',
    ']',
    '(',
    ')',
    '<',
    '<a://',
    '\\',
    '#',
    '##### ',
    'a+',
    '.',
    'a://b',
    '> ',
    '- ',
    '1',
    ' ',
    '\n',
    '中*文*',
    '```\n',
    '~~~ ',
  ])('%j repeated', (unit) => {
    const text = unit.repeat(size / unit.length);
    expect(shapeForWeChat(text).length).toBeGreaterThan(0);
    expect(shapeForWeChat(`x ${text} y${')'.repeat(1000)}`).length).toBeGreaterThan(0);
  });

  it('nested images', () => {
    const depth = 100_000;
    expect(shapeForWeChat(`${'!['.repeat(depth)}a${'](b)'.repeat(depth)}`)).toBe('[a](b)');
  });
});
