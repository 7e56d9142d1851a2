import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filesLeftIn } from '../../../../src/agents/command/reply-folder.ts';
import { createLineFeed, type LineForm } from '../../../../src/agents/reply/line-feed.ts';
import { createLineReader } from '../../../../src/agents/reply/line-reader.ts';
import { decodeText, replyTextOf } from '../../../../src/agents/reply/output.ts';
import { cutUtf8, lastLineOf } from '../../../../src/core/text-bytes.ts';
import { temporaryFolder } from '../support.ts';

describe('the text of a reply', () => {
  it.each([
    ['colours', '\x1b[1;31mred\x1b[0m \x1b[38;2;1;2;3mtrue\x1b[m', 'red true'],
    ['8-bit CSI', 'a\x9b31mb', 'ab'],
    ['titles', '\x1b]0;my title\x07text', 'text'],
    ['links, not their text', '\x1b]8;;https://x.y\x1b\\here\x1b]8;;\x1b\\', 'here'],
    ['device strings', '\x1bPq#0;2\x1b\\text', 'text'],
    ['character sets and keypad modes', '\x1b(B\x1b=text\x1b7', 'text'],
    ['control characters', 'a\0b\x07c\x7fd', 'abcd'],
    ['what a terminal does not show in the end', 'one\r\n10%\r100%', 'one\n100%'],
  ])('loses %s', (_, raw, clean) => {
    expect(replyTextOf(raw)).toBe(clean);
  });

  it('keeps what only looks like a terminal sequence', () => {
    expect(replyTextOf('[31m is red, ]0; is a title')).toBe('[31m is red, ]0; is a title');
    expect(replyTextOf('\x1b]0;never ended, but this is the reply')).toBe(
      '0;never ended, but this is the reply',
    );
    expect(replyTextOf('cut off\x1b')).toBe('cut off');
  });

  it('keeps layout, emoji and right-to-left marks', () => {
    const text = '  - item\n\tcode\n\n👨‍👩‍👧 \u200fשלום\u200e';
    expect(replyTextOf(text)).toBe(text);
  });

  it('loses one final newline, not two', () => {
    expect(replyTextOf('a\n')).toBe('a');
    expect(replyTextOf('a\n\n')).toBe('a\n');
    expect(replyTextOf('a\r\n')).toBe('a');
  });

  it.each(['', '\n', ' \t\n\u00a0\u3000', '\x1b[0m\n'])('is none when only blank: %j', (raw) => {
    expect(replyTextOf(raw)).toBeNull();
  });

  it('is decoded with invalid bytes replaced', () => {
    expect(decodeText(Buffer.from([0x68, 0xff, 0xe5, 0xa5]))).toBe('h\uFFFD\uFFFD');
    expect(decodeText(Buffer.from([0xba, 0xc3]), 'gbk')).toBe('好');
    expect(decodeText(Buffer.from('好'), 'no-such-encoding')).toBe('好');
  });
});

describe('a line reader', () => {
  it('finds the same lines however the bytes are cut', () => {
    const text = fc.string({ unit: fc.constantFrom('\n', 'a', '好', '😀') });
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 7 }), (text, step) => {
        const lines: string[] = [];
        const reader = createLineReader((line) => lines.push(line), 1000);
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += step) reader.write(bytes.subarray(at, at + step));
        reader.end();
        expect(lines).toEqual(text.split('\n').slice(0, text.endsWith('\n') || text === '' ? -1 : undefined));
      }),
    );
  });

  it('cuts a long line and goes on with the next', () => {
    const lines: [string, boolean][] = [];
    const reader = createLineReader((line, cut) => lines.push([line, cut]), 3);
    for (const piece of ['ab', 'cd', 'ef\nabc\n', 'x']) reader.write(Buffer.from(piece));
    reader.end();
    expect(lines).toEqual([
      ['abc', true],
      ['abc', false],
      ['x', false],
    ]);
  });
});

it('a line that is too long is known before it ends', () => {
  const lines: [string, boolean][] = [];
  const reader = createLineReader((line, cut) => lines.push([line, cut]), 3);
  reader.write(Buffer.from('abcd'));
  expect(lines).toEqual([['abc', true]]);
  reader.end();
  expect(lines).toHaveLength(1);
});

describe('a line feed', () => {
  it('waits for every line, says which one is cut or half, and stops when no more are wanted', async () => {
    const taken: [string, LineForm][] = [];
    let busy = false;
    const feed = createLineFeed(async (line, form) => {
      expect(busy).toBe(false);
      busy = true;
      await new Promise((resolve) => setImmediate(resolve));
      busy = false;
      taken.push([line, form]);
      return line !== 'no';
    }, 5);
    expect(await feed.write(Buffer.from('one\ntoo long\nha'))).toBe(true);
    expect(await feed.write(Buffer.from('lf'))).toBe(true);
    expect(await feed.end()).toBe(true);
    expect(await feed.write(Buffer.from('no\nmore\n'))).toBe(false);
    expect(await feed.end()).toBe(false);
    expect(taken).toEqual([
      ['one', { cut: false, half: false }],
      ['too l', { cut: true, half: false }],
      ['half', { cut: false, half: true }],
      ['no', { cut: false, half: false }],
    ]);
  });
});

describe('text in bytes', () => {
  it('is cut between characters, as late as possible', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, maxBytes) => {
        const { value, cut } = cutUtf8(text, maxBytes);
        const next = [...text.slice(value.length)][0];
        expect(text.startsWith(value)).toBe(true);
        expect(cut).toBe(next !== undefined);
        expect(Buffer.byteLength(value)).toBeLessThanOrEqual(maxBytes);
        if (next !== undefined) expect(Buffer.byteLength(value + next)).toBeGreaterThan(maxBytes);
      }),
    );
  });

  it('has a last line', () => {
    expect(lastLineOf('one\n two \n\n \n')).toBe('two');
    expect(lastLineOf('\n')).toBe('');
  });
});

describe('files left in the reply folder', () => {
  it('are the regular ones, in the order of their names', async () => {
    const folder = temporaryFolder();
    for (const name of ['b.txt', 'a.txt', '10.txt', '9.txt', 'B.txt', '图.png'])
      writeFileSync(join(folder, name), name);
    expect((await filesLeftIn(folder)).pieces).toEqual(
      ['10.txt', '9.txt', 'B.txt', 'a.txt', 'b.txt', '图.png'].map((name) => ({
        file: join(folder, name),
        name,
      })),
    );
  });

  it('are not links, folders or hidden, and that is told', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'sub'));
    writeFileSync(join(folder, '.DS_Store'), '');
    symlinkSync('/etc/passwd', join(folder, 'passwords.txt'));
    expect(await filesLeftIn(folder)).toEqual({
      pieces: [],
      skipped: ['.DS_Store (hidden)', 'passwords.txt (link)', 'sub (folder)'],
    });
  });

  it('are one that is missing where the folder cannot be read', async () => {
    const folder = join(temporaryFolder(), 'reply');
    symlinkSync(folder, folder);
    const missing = { name: 'reply', reason: 'unreadable', detail: expect.stringContaining('ELOOP') };
    expect(await filesLeftIn(folder)).toEqual({ pieces: [{ missing }], skipped: [] });
  });

  it('are none when the agent has removed the folder', async () => {
    const folder = temporaryFolder();
    rmSync(folder, { recursive: true });
    expect(await filesLeftIn(folder)).toEqual({ pieces: [], skipped: [] });
  });
});
