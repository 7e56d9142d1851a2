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
    ['__bold text__'],
    ['__粗体__'],
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
    ['a < b', 'a ＜ b'],
    ['a > b -> c => d >= e', 'a > b -> c => d >= e'],
    ['a <- b <= c << d <3', 'a ＜- b ＜= c ＜＜ d ＜3'],
    ['a < b > c', 'a ＜ b ＞ c'],
    ['<b>x</b>', '＜b＞x＜/b＞'],
    ['<br/><img src="a.png">', '＜br/＞＜img src="a.png"＞'],
    ['Map<String, List<Integer>>', 'Map＜String, List＜Integer＞＞'],
    ['Box<dyn Fn(i32) -> i32>', 'Box＜dyn Fn(i32) -> i32＞'],
    ['<!-- a -> b -->', '＜!-- a -> b --＞'],
    ['<div\n  class="x">', '＜div\n  class="x"＞'],
    ['> <b>', '> ＜b＞'],
    ['<b> `<i>` [<u>](http://x)', '＜b＞ `<i>` [＜u＞](http://x)'],
    ['- a < b\n- c > d', '- a ＜ b\n- c > d'],
    ['a<https://x.com/a_b>b', 'a https://x.com/a_b b'],
    ['`a < b` < c', '`a < b` ＜ c'],
    ['see <https://x.com/a_b>', 'see https://x.com/a_b'],
    ['[a<b](http://x)', '[a＜b](http://x)'],
    ['\\<b>', '＜b＞'],
  ])('a bare < becomes ＜: %j', (text, shaped) => {
    expect(shapeForWeChat(text)).toBe(shaped);
  });

  it.each([
    ['snake_case_name', '`snake_case_name`'],
    ['Größe_der_Datei.txt', '`Größe_der_Datei.txt`'],
    ['C:\\my_dir\\a_b.txt, D:\\_x', '`C:\\my_dir\\a_b.txt`, `D:\\_x`'],
    ['\\\\server\\my_share', '`\\\\server\\my_share`'],
    ['@scope/my_pkg_name@1.0', '`@scope/my_pkg_name@1.0`'],
    ['(me_at@example.com)', '(`me_at@example.com`)'],
    ['$HOME_DIR/a:$PATH_X and %MY_VAR%', '`$HOME_DIR/a:$PATH_X` and `%MY_VAR%`'],
    ['“文件_名_字.txt”。', '“`文件_名_字.txt`”。'],
    ['变量_中间_名', '`变量_中间_名`'],
    ['имя_файла.txt; ชื่อ_ไฟล์; שם_קובץ!', '`имя_файла.txt`; `ชื่อ_ไฟล์`; `שם_קובץ`!'],
    ['打开src/my_dir/a.ts文件', '`打开src/my_dir/a.ts文件`'],
    ['路径：/home/我/my_dir/（见上）', '路径：`/home/我/my_dir/`（见上）'],
    ['call foo_bar().', 'call `foo_bar()`.'],
    ['foo_bar(a, b_c) arr[my_i]', '`foo_bar`(a, `b_c`) `arr[my_i]`'],
    ['obj->my_field, a<b_c, List<my_t>', '`obj->my_field`, a＜`b_c`, `List<my_t>`'],
    ['It is foo_bar. Really', 'It is `foo_bar`. Really'],
    ['"my_a" \'my_b\' [my_c]', '"`my_a`" \'`my_b`\' [`my_c`]'],
    ['{"my_a":"b_c"}', '`{"my_a":"b_c"}`'],
    ['key_a=val_b&x_y=%20_', '`key_a=val_b&x_y=%20_`'],
    ['✅my_name ⚠️ :white_check_mark:', '✅`my_name` ⚠️ `:white_check_mark:`'],
    ['🎉🎉a_b🎉🎉 🎉🎉_a_b_🎉🎉', '🎉🎉`a_b`🎉🎉 `🎉🎉_a_b_🎉🎉`'],
    ['📁_docs_a.txt', '`📁_docs_a.txt`'],
    ['--max_parts', '`--max_parts`'],
    ['_private and _my_name here', '`_private` and `_my_name` here'],
    ['_my_name_', '`_my_name_`'],
    ['__init__.py, __all__ and src/_x_/y', '`__init__.py`, `__all__` and `src/_x_/y`'],
    ['a_ b _c', '`a_` b `_c`'],
    ['___ ____', '___ ____'],
    ['(⊙_⊙) ^_^ -_- ¯\\_(ツ)_/¯', '(`⊙_⊙`) `^_^` `-_-` `¯_(ツ)_/¯`'],
    ['_this is italic_regular', '`_this` is `italic_regular`'],
    ['_this_should_be_', '`_this_should_be_`'],
    ["name='a_b' my_a's", "`name='a_b'` `my_a's`"],
    ['~~a_b~~', '~~`a_b`~~'],
    ['<code>a_b</code><br>下一行', '＜code＞`a_b`＜/code＞＜br＞下一行'],
    ['<a href="x_y">z_w</a>', '＜a `href="x_y"`＞`z_w`＜/a＞'],
    ['https://x.com/我的_文件_a.txt', 'https://x.com/我的_文件_a.txt'],
    ['https://x.com/a见my_var', 'https://x.com/a`见my_var`'],
    ['snake\\_case', '`snake_case`'],
    ['**bold_name**', '**`bold_name`**'],
    ['**my_fn()**函数', '**`my_fn()`**函数'],
    ['| a_b | _c | d_ |', '| `a_b` | `_c` | `d_` |'],
    ['a__b', '`a__b`'],
    ['a_b*中c_d*', '`a_b` `中c_d`'],
    ['https://x.com/a_b_c?d_e=1，见上', 'https://x.com/a_b_c?d_e=1，见上'],
    ['www.x.com/a_b.', 'www.x.com/a_b.'],
    ['**https://x.com/a_b**', '**https://x.com/a_b**'],
    ['*斜*https://x.com/a\\*', '斜https://x.com/a\\*'],
    ['*斜https://x.com/a\\*', '*斜https://x.com/a\\*'],
    ['[snake_case](http://x/a_b)', '[snake_case](http://x/a_b)'],
    ['``a_b ` c``', '``a_b ` c``'],
    ['it`s a_b', 'it`s ``a_b``'],
    ['- it`s\n- `a_b` c_d', '- it`s\n- `a_b` `c_d`'],
    ['`x`a_b', '`x`a_b'],
    ['a `code\nspan_x_y` b', 'a `code\nspan_x_y` b'],
  ])('names are whole: %j', (text, shaped) => {
    expect(shapeForWeChat(text)).toBe(shaped);
  });

  it.each([
    ['2*3*4=24', '`2*3*4=24`'],
    ['2**3**4 and (a+b)*(c+d)*(e+f)', '`2**3**4` and `(a+b)*(c+d)*(e+f)`'],
    ['a * b * c', 'a * b * c'],
    ['2*3 and 4*5', '`2*3` and `4*5`'],
    ['*args and **kwargs', '*args and **kwargs'],
    ['使用*args和*rest参数', '`使用*args和*rest参数`'],
    ['*.ts, *.js', '*.ts, *.js'],
    ['*.ts,*.js', '`*.ts,*.js`'],
    ['src/*.ts and src/**/*.ts', '`src/*.ts` and `src/**/*.ts`'],
    ['**/node_modules/**, a/*.py b/*_test.go', '`**/node_modules/**`, `a/*.py` `b/*_test.go`'],
    ['int *p, a*b', 'int `*p`, `a*b`'],
    ['test_*.py', '`test_*.py`'],
    ['**un**believable', '**un**believable'],
    ['[l](http://x)**粗**[l](http://x)', '[l](http://x)**粗**[l](http://x)'],
  ])('signs lose nothing: %j', (text, shaped) => {
    expect(shapeForWeChat(text)).toBe(shaped);
  });

  it.each([
    ['$x_1 + y_2$'],
    ['其中$a_1 < b_2$是*the*解，$$\\int_0^1 x_i$$'],
    ['\\(a_1 * b_2 * c_3\\) and \\[ x_1 \\]'],
    ['$$\n\\int_0^1 f_a\n\n- x_1 < y_2\n$$'],
    ['1. so\n   \\[\n   x_1\n   | y_2 | < *z_3*\n   \\]'],
    ['所以：$$\n\n- x_1 < y_2\n$$'],
    ['\\begin{align*}\na_1 &= b_2 \\\\\n\\end{align*}'],
  ])('leaves the formula %j as it is', (text) => {
    expect(shapeForWeChat(text)).toBe(text);
  });

  it.each([
    ['$5 and $6_000', '$5 and `$6_000`'],
    ['US$5_0, 6_0$ and $', '`US$5_0`, `6_0$` and $'],
    ['$$\nnever_closed', '$$\n`never_closed`'],
    ['从$5，涨到6$，a_b', '从$5，涨到6$，`a_b`'],
    ['$50M_x to $72M_x. R$ 10', '`$50M_x` to `$72M_x`. R$ 10'],
    ['cost $5 for a_b or $6', 'cost $5 for `a_b` or $6'],
    ['echo "$MY_A" "$MY_B"', 'echo "`$MY_A`" "`$MY_B`"'],
  ])('no formula: %j', (text, shaped) => {
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
    ['indented', 'x\n\n    a_b <\n\n    c_d\ne_f', 'x\n\n    a_b <\n\n    c_d\n`e_f`'],
    ['indented by a tab', '\ta_b', '\ta_b'],
    ['indented in a list', '- x\n\n      a_b\n\n  c_d', '- x\n\n      a_b\n\n  `c_d`'],
    ['indented in a quote', '> x\n>\n>     a_b', '> x\n>\n>     a_b'],
    ['no code but a list', '1. x\n    - a_b\n\n    c_d', '1. x\n    - `a_b`\n\n    `c_d`'],
    ['no code but a paragraph', 'x\n    a_b', 'x\n    `a_b`'],
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
      { numRuns: 200 },
    );
  });

  it('keeps every letter of it', () => {
    const letters = (value: string) => value.replace(/[^\p{L}\p{N}]/gu, '');
    fc.assert(
      fc.property(hostile, (input) => {
        expect(letters(shapeForWeChat(`${input}`))).toBe(letters(input));
      }),
      { numRuns: 200 },
    );
  });

  it('loses no mark where there is no CJK, and adds only backticks and blanks', () => {
    const bare = (value: string) => value.replaceAll('＜', '<').replaceAll('＞', '>').replace(/[`\s]/gu, '');
    const plain = hostile.map((value) => value.replace(/[[\]\\中#]/g, 'é'));
    const names = fc
      .array(
        fc.constantFrom('*', '_', '.', '/', ' ', 'a', '2', '"', '(', ')', '$', '<b>', ':', '\n', '`x_y`'),
      )
      .map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(plain, names), (input) => {
        expect(bare(shapeForWeChat(input))).toBe(bare(input));
      }),
      { numRuns: 300 },
    );
  });

  it('never touches a code block', () => {
    fc.assert(
      fc.property(hostile, hostile, (before, code) => {
        // What opens code or a formula before it would not be closed, but by what stands in the code.
        const safe = before.replace(/[~`$\\]/g, '');
        const block = `~~~~~~~~\n${code.replaceAll('~', '')}\n~~~~~~~~`;
        expect(shapeForWeChat(`${safe}\n\n${block}\n\na_b`).endsWith(`\n\n${block}\n\n\`a_b\``)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe('shapeForWeChat on 128 KiB', () => {
  const size = 1 << 17;
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
    '$',
    '$a',
    '\\(',
    '\\[\n',
    '\\begin{a}\n',
    '<b>',
    '(_',
    "'_",
    '"_',
    '🎉',
    '_🎉',
    '~~_',
    'https://a.b/_中',
  ])('%j repeated', (unit) => {
    const text = unit.repeat(size / unit.length);
    expect(shapeForWeChat(text).length).toBeGreaterThan(0);
    expect(shapeForWeChat(`x ${text} y${')'.repeat(1000)}`).length).toBeGreaterThan(0);
  });

  it('nested brackets and decorations around a name', () => {
    const depth = 30_000;
    for (const [open, close] of [
      ['(', ')'],
      ['~~', '~~'],
      ['🎉', '🎉'],
      ["'", "'"],
    ] as const) {
      const text = `${open.repeat(depth)}a_b${close.repeat(depth)}`;
      expect(shapeForWeChat(text).replaceAll('`', '')).toBe(text);
    }
  });

  it('nested images', () => {
    const depth = 50_000;
    expect(shapeForWeChat(`${'!['.repeat(depth)}a${'](b)'.repeat(depth)}`)).toBe('[a](b)');
  });
});
