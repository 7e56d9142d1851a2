import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createPrinter, sanitized } from '../../../../src/cli/terminal/printer.ts';
import { ROOT } from '../../../helpers/pages.ts';

describe('what is shown to people', () => {
  test.each([
    ['colours', 'a\u001b[31mred', 'a [31mred'],
    ['C1', 'a\u009b31m\u0085b\u0090', 'a 31m b '],
    ['DEL, backspace, bell', 'a\u007f\b\u0007b', 'a b'],
    ['a window title', '\u001b]0;owned\u0007x', ' ]0;owned x'],
    ['line breaks', 'a\r\nb\nc\u2028d\u2029e\u000bf', 'a b c d e f'],
    ['NUL', 'a\0b', 'a b'],
    ['overrides', 'x\u202egpj.exe\u202c', 'xgpj.exe'],
    ['isolates and marks', '\u2066a\u2069\u200e\u200f\u061cb', 'ab'],
    ['zero width', 'a\u200bb\u2060\ufeff\u00adc', 'abc'],
    ['joiners in Latin', 'pay\u200dpal\u200c', 'paypal'],
    ['a mark before a joiner', 'e\u0301\u200dx', 'e\u0301x'],
    ['fillers', '\u3164x\u115f\u1160\uffa0\u034f', 'x'],
    ['invisible operators', 'a\u2061\u2064b', 'ab'],
    ['tags', 'a\u{e0041}\u{e007f}b', 'ab'],
    ['notes between lines', 'a\ufff9b\ufffa\ufffb', 'ab'],
    ['a variation of a Mongolian letter', 'a\u180eb', 'ab'],
  ])('%s do not reach them', (_, text, shown) => {
    expect(sanitized(text)).toBe(shown);
  });

  test.each([
    'plain ASCII, ~!',
    '你好，微信',
    'é \u{1d11e} \u00a0 Größe',
    '👨‍👩‍👧 👍🏽 🏳️‍🌈 ❤️‍🔥 1️⃣',
    'می‌خواهم',
    'क्‍ष',
    '葛\u{e0100}',
    'שלום مرحبا',
  ])('%s stays', (text) => {
    expect(sanitized(text)).toBe(text);
  });

  test('a line stays one line', () => {
    let out = '';
    const write = (text: string | Uint8Array): void => {
      out += String(text);
    };
    const people = createPrinter({ err: write, out: write }, (line) => line);
    people.say('no account "a\nhint: rm -rf"', 'two');
    people.show('x\u001b[2Jy');
    expect(out).toBe('no account "a hint: rm -rf"\ntwo\nx [2Jy\n');
  });
});

/** What writes to the streams itself: data, pictures, and lines that are drawn over. */
const WRITES: Record<string, RegExp> = {
  'printer.ts': /.*/,
  'context.ts': /printJson|print:|write: io\.errSoon|createPrinter/,
  'print-events.ts': /JSON\.stringify/,
  'listen.ts': /JSON\.stringify|lineOf/,
  'parse-arguments.ts': /writeOut|VERSION/,
  'report-error.ts': /JSON\.stringify|stack/,
  'obtain-login.ts': /renderQr/,
  'progress-line.ts': /\\r|\\u001b/,
};

test('nothing else of the commands writes to the streams', () => {
  const folder = join(ROOT, 'src/cli');
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) =>
      readFileSync(join(folder, path), 'utf8')
        .split('\n')
        .filter(
          (line) => /\bio\.(out|err|outSoon|errSoon)\b/.test(line) && !WRITES[basename(path)]?.test(line),
        )
        .filter((line) => !/rescue: /.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
  expect(found).toEqual([]);
});
