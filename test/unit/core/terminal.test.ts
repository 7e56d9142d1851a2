import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { terminalText } from '../../../src/core/terminal.ts';

describe('what a terminal shows in the end', () => {
  it.each([
    ['a progress line', '10%\r50%\r100%\nok\n', '100%\nok\n'],
    ['a progress line that is wiped', 'Fetching...\r\x1b[KDone', 'Done'],
    ['one wiped as a whole', 'Fetching...\x1b[2K\x1b[1GDone\x1b[?25h', 'Done'],
    ['one wiped with blanks', 'Fetching...\r           \rDone', 'Done'],
    ['a shorter text over a longer one', 'Loading 10%\rDone', 'Doneing 10%'],
    ['a wheel', '\\\b|\b/\b-\bok', 'ok'],
    ['bold of a printer', 'N\bNA\bAM\bM\bME\bE', 'NAME'],
    ['an underline of a printer', '_\bx_\by', 'xy'],
    ['a letter that is typed over', 'a\bа', 'а'],
    ['the cursor to the left', 'abc\x1b[2Dx\x1b[2Gy', 'ayc'],
    ['erased to the left', 'abcd\x1b[2D\x1b[1Kx', '  xd'],
    ['characters taken out or wiped', 'abcdef\r\x1b[2P\x1b[1X', ' def'],
    ['a list drawn again', '1/3\n2/3\n\x1b[2A\x1b[J3/3\n', '3/3\n'],
    ['one line of a list', 'a 10%\nb 10%\n\x1b[2A\ra 100%\x1b[2B\rend', 'a 100%\nb 10%\nend'],
    ['a cleared screen', 'old\n\x1b[H\x1b[2J\x1b[3Jnew', 'new'],
    ['what a pager leaves', 'before \x1b[?1049h\x1b[Hpage\x1b[?1049lafter', 'before after'],
    ['a place that was kept', 'a\x1b7bcd\x1b8x', 'axcd'],
    ['wide characters', '下载中\rok', 'ok载中'],
    ['half a wide character', '下载\ra', 'a 载'],
    ['joined characters', '👨‍👩‍👧 e\u0301\r\x1b[2Cx', '👨‍👩‍👧xe\u0301'],
    ['tabs', 'a\tb\rX', 'X\tb'],
    ['lines of Windows', 'one\r\ntwo  \r\r\n', 'one\ntwo  \n'],
    ['other ends of lines', 'a\fb\vc\x85d\x1bEe', 'a\nb\nc\nd\ne'],
    ['colours and titles only', '\x1b[1;31mred\x1b[m  \x1b]0;t\x07\n', 'red  \n'],
    ['a cursor far away', '\x1b[999999999Bx\x1b[999999999A\x1b[999999999Dy', 'y'],
    ['unfinished sequences', 'cut off\x1b', 'cut off'],
  ])('is %s', (_, raw, shown) => {
    expect(terminalText(raw)).toBe(shown);
  });

  it('never holds a control character but newline and tab, and loses nothing else of a clean text', () => {
    const pieces = fc.constantFrom(
      '\x1b',
      '[',
      ']',
      '0',
      ';',
      'm',
      '\x07',
      '\x9c',
      '\x9b',
      '\r',
      '\b',
      'K',
      'A',
      'J',
      '\\',
      '\n',
      '\t',
      'é',
      '好',
      '😀',
    );
    fc.assert(
      fc.property(fc.string({ unit: pieces }), (raw) => {
        expect(terminalText(raw)).not.toMatch(/(?![\n\t])\p{Cc}/u);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (raw) => {
        const clean = raw.replace(/(?![\n\t])\p{Cc}/gu, '');
        expect(terminalText(clean)).toBe(clean);
      }),
    );
  });

  it('costs no more than its size allows', () => {
    const text = `${'x'.repeat(200_000)}${'\x1b[1K'.repeat(50_000)}`;
    expect(terminalText(text)).toBe('x'.repeat(200_000));
    expect(terminalText('\x1b[999Cx\n'.repeat(1_000))).toBe('x\n'.repeat(1_000));
  });

  it.each([
    ['returns', '\r'.repeat(400_000), ''],
    ['strings that begin and never end', '\x9d'.repeat(400_000), ''],
    ['strings within strings', '\x90a'.repeat(200_000), 'a'.repeat(200_000)],
    ['people hand in hand', `\x07${'👩\u200d'.repeat(100_000)}`, '👩\u200d'.repeat(100_000)],
    ['marks on one letter', `\x07a${'\u0301'.repeat(300_000)}`, `a${'\u0301'.repeat(300_000)}`],
  ])('comes to an end of %s', (_name, raw, shown) => {
    expect(terminalText(raw)).toBe(shown);
  });
});
