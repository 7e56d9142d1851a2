import { expect, test } from 'vitest';
import { fileNameIn, wordsDecoded } from '../../../../src/core/http/content-disposition.ts';

test.each([
  ['attachment; filename="plan.txt"', 'plan.txt'],
  ['attachment; filename=plan.txt; size=3', 'plan.txt'],
  ['inline; filename="a \\"b\\".txt"', 'a "b".txt'],
  [`attachment; filename="x.pdf"; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf`, '报告.pdf'],
  [`attachment;filename*=utf-8'zh'%E6%8A%A5.pdf;filename=x.pdf`, '报.pdf'],
  // Against the rules, as many servers write it.
  [`attachment; filename="${Buffer.from('报告.pdf').toString('latin1')}"`, '报告.pdf'],
  ['attachment; filename="报告.pdf"', '报告.pdf'],
  ['attachment; filename=%E6%8A%A5%E5%91%8A.pdf', '报告.pdf'],
  ['attachment; filename="caf\u00e9 100%.txt"', 'café 100%.txt'],
  ['attachment; filename=""', ''],
  ['attachment', null],
  ['', null],
])('%s names %j', (header, name) => {
  expect(fileNameIn(header)).toBe(name);
});

test.each([
  ['=?utf-8?B?5oql5ZGKLnBkZg==?=', '报告.pdf'],
  ['=?UTF-8?Q?=E6=8A=A5=E5=91=8A_a.pdf?=', '报告 a.pdf'],
  ['=?UTF-8?Q?=E6=8A=A5?= =?utf-8?b?5ZGK?=', '报告'],
  ['=?iso-8859-1?q?caf=E9.txt?=', 'café.txt'],
  ['=?gb18030?B?sai45i5wZGY=?=', '报告.pdf'],
  // A name that only begins so, or says what nobody knows, stays as it is.
  ['=?utf-8?B?5oql?=.pdf', null],
  ['=?nothing?B?5oql?=', null],
  ['=?utf-8?B?/w==?=', null],
  ['plan.txt', null],
  ['', null],
])('the words of %j are %j', (text, plain) => {
  expect(wordsDecoded(text)).toBe(plain);
});
