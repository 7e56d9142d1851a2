import fc from 'fast-check';
import { expect, test } from 'vitest';
import { numberedName, plainFileName } from '../../../src/core/file-name.ts';

test.each([
  ['report.pdf', 'report.pdf'],
  ['年度 报告.pdf', '年度 报告.pdf'],
  ['../../etc/passwd', 'passwd'],
  ['..\\..\\boot.ini', 'boot.ini'],
  ['/abs/olute', 'olute'],
  ['a\u0000b\nc\u001b[31m.txt', 'a_b_c_[31m.txt'],
  ['.bashrc', 'bashrc'],
  ['...', null],
  ['..', null],
  ['', null],
  ['/', null],
  ['  ', null],
  ['CON', '_CON'],
  ['nul.txt', '_nul.txt'],
  ['com1.tar.gz', '_com1.tar.gz'],
  ['LPT³.pdf', '_LPT³.pdf'],
  ['aux .log', '_aux .log'],
  ['conin$', '_conin$'],
  ['console.log', 'console.log'],
  ['what? "this": a|b<c>*', 'what_ _this__ a_b_c__'],
  ['end. . ', 'end'],
  ['gpj.\u202eexe', 'gpj._exe'],
  ['two\u2028lines\u2029.txt', 'two_lines_.txt'],
  ['half \ud800', 'half _'],
])('%j becomes %j', (given, expected) => {
  expect(plainFileName(given)).toBe(expected);
});

test('a long name is cut at a character and keeps its extension', () => {
  const cut = plainFileName(`${'文'.repeat(85)}件.docx`) as string;
  expect(cut).toBe(`${'文'.repeat(83)}.docx`);
  expect(plainFileName('文'.repeat(85))).toBe('文'.repeat(85)); // exactly 255 bytes
  expect(numberedName(cut, 12)).toBe(`${'文'.repeat(81)} (12).docx`);
});

test('numbers come before the extension', () => {
  expect([0, 1, 2].map((n) => numberedName('a.txt', n))).toEqual(['a.txt', 'a (1).txt', 'a (2).txt']);
  expect(numberedName('noext', 1)).toBe('noext (1)');
});

test('whatever comes in, what goes out is one safe name', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.nat(2000), (given, n) => {
      const name = plainFileName(given);
      if (name === null) return;
      expect(plainFileName(name)).toBe(name);
      for (const one of [name, numberedName(name, n)]) {
        expect(Buffer.byteLength(one)).toBeLessThanOrEqual(255);
        expect(one).not.toMatch(/[\p{Cc}/\\]/u);
        expect(one).not.toMatch(/^\.|^(con|nul)(\.|$)|[. ]$/i);
      }
    }),
    { numRuns: 500 },
  );
});
