import { readFileSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ReplyPiece } from '../../../../src/core/message/message.ts';
import { createOutgoing, type Outgoing } from '../../../../src/runner/delivery/outgoing-files.ts';
import { createReplyFiles } from '../../../../src/runner/delivery/reply-files.ts';
import {
  mergeForRelease,
  type ReplyShape,
  replyParts,
  textParts,
} from '../../../../src/runner/delivery/reply-parts.ts';
import type { HeldPart, NewPart, PartFile } from '../../../../src/store/port/port.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';

let folder: string;
let outgoing: Outgoing;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-reply-'));
  outgoing = createOutgoing(join(folder, 'out'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const SHAPE: ReplyShape = { maxChars: 4_000, format: 'raw', maxParts: 5, longAs: 'txt' };
const HEAD = { origin: 'answer', runId: 'run' } as const;
async function reply(
  pieces: ReplyPiece[],
  shape: Partial<ReplyShape> = {},
  budgetLeft = 10,
): Promise<NewPart[]> {
  const files = createReplyFiles(outgoing);
  const items = await Promise.all(pieces.map(files.copy));
  return replyParts(
    items.filter((item) => item !== null),
    { ...SHAPE, ...shape },
    HEAD,
    { budgetLeft: async () => budgetLeft, outgoing, nowMs: Date.now() },
  );
}
const kinds = (parts: { file: unknown }[]): string[] => parts.map((part) => (part.file ? 'file' : 'text'));

describe('a text as parts', () => {
  test('each has a client id of its own and what the reply says of all', () => {
    const parts = textParts('a'.repeat(9_000), SHAPE, HEAD);
    expect(parts.map((part) => part.text.length)).toEqual([4_000, 4_000, 1_000]);
    expect(new Set(parts.map((part) => part.clientId)).size).toBe(3);
    expect(parts).toMatchObject(Array(3).fill({ ...HEAD, file: null }));
  });

  test('has no control characters but newline and tab, whoever wrote it', async () => {
    const text = 'a\u0000b\u0007\u001b[31mc\r\n\td\u0085';
    expect(textParts(text, SHAPE, HEAD).map((one) => one.text)).toEqual(['abc\n\td\n']);
    expect((await reply([{ text }])).map((one) => one.text)).toEqual(['abc\n\td\n']);
    const long = await reply([{ text: `${'x'.repeat(30_000)}\u0000` }]);
    expect(readFileSync(long[1]?.file?.path as string, 'utf8')).not.toContain('\u0000');
  });

  test('is shaped for the phone or left alone', () => {
    const [shaped] = textParts('###### x', { ...SHAPE, format: 'wechat' }, HEAD);
    const [raw] = textParts('###### x', SHAPE, HEAD);
    expect(raw?.text).toBe('###### x');
    expect(shaped?.text).not.toBe('###### x');
  });

  test('is cut after it is shaped, so that no part is too long', () => {
    const parts = textParts('<'.repeat(8_000), { ...SHAPE, format: 'wechat' }, HEAD);
    for (const part of parts) expect(Buffer.byteLength(part.text)).toBeLessThanOrEqual(12_000);
    expect(parts.map((part) => part.text).join('')).toBe('＜'.repeat(8_000));
  });

  test.each(['', ' \n\t'])('nothing visible (%j) is no part', (text) => {
    expect(textParts(text, SHAPE, HEAD)).toEqual([]);
  });
});

describe('a reply as parts', () => {
  test('texts first, then files, each our own copy', async () => {
    await writeFile(join(folder, 'a.txt'), 'content');
    const parts = await reply([{ file: join(folder, 'a.txt'), name: null }, { text: 'hello' }]);
    expect(kinds(parts)).toEqual(['text', 'file']);
    expect(parts[1]?.file?.name).toBe('a.txt');
    expect(parts[1]?.file?.path).not.toBe(join(folder, 'a.txt'));
    expect(readFileSync(parts[1]?.file?.path ?? '', 'utf8')).toBe('content');
  });

  test('the copy is ours alone, and stays when the original goes', async () => {
    await writeFile(join(folder, 'a.txt'), 'content', { mode: 0o644 });
    const [part] = await reply([{ file: join(folder, 'a.txt'), name: 'shown.txt' }]);
    await rm(join(folder, 'a.txt'));
    expect(part?.file?.name).toBe('shown.txt');
    const copy = await stat(part?.file?.path ?? '');
    expect(copy.size).toBe(7);
    if (process.platform !== 'win32') expect(copy.mode & 0o777).toBe(0o600);
  });

  test('as many parts as allowed are parts; one more becomes a beginning and a file', async () => {
    const text = (parts: number): string => 'x'.repeat(4_000 * parts);
    expect(kinds(await reply([{ text: text(5) }]))).toEqual(Array(5).fill('text'));
    const parts = await reply([{ text: text(5) }, { text: 'y' }], { longAs: 'md' });
    expect(kinds(parts)).toEqual(['text', 'file']);
    expect(parts[0]?.text).toMatch(/^x{800}\n\n.*20003/s);
    expect(parts[1]?.file?.name).toMatch(/^answer-\d{8}-\d{6}\.md$/);
    expect(readFileSync(parts[1]?.file?.path ?? '', 'utf8')).toBe(`${text(5)}\n\ny`);
  });

  test('so does what is more than the budget has left', async () => {
    expect(kinds(await reply([{ text: 'x'.repeat(12_000) }], {}, 3))).toEqual(Array(3).fill('text'));
    expect(kinds(await reply([{ text: 'x'.repeat(12_001) }], {}, 3))).toEqual(['text', 'file']);
  });

  test('what a file cannot make shorter stays text', async () => {
    expect(kinds(await reply([{ text: 'x'.repeat(8_000) }], { maxParts: 1 }))).toEqual(['text', 'text']);
    expect(kinds(await reply([{ text: 'short' }], {}, 0))).toEqual(['text']);
  });

  test('files count as parts', async () => {
    await writeFile(join(folder, 'a'), '1');
    const file = { file: join(folder, 'a'), name: null };
    const parts = await reply([{ text: 'x'.repeat(16_000) }, file, file]);
    expect(kinds(parts)).toEqual(['text', 'file', 'file', 'file']);
  });
});

const KEPT: PartFile = { path: '/x', name: 'x', kind: 'file', sizeBytes: 1, md5: 'm' };

describe('held parts as they are released', () => {
  const clock = createJumpClock();
  const held = (text: string, over: Partial<HeldPart> = {}): HeldPart => ({
    text,
    file: null,
    createdAtMs: clock.now(),
    origin: 'answer',
    ...over,
  });
  const merge = (parts: HeldPart[], expired = 0) =>
    mergeForRelease({ ...SHAPE, language: 'en' }, outgoing, clock)(parts, expired, null);

  test('texts become one, files follow', () => {
    const file = KEPT;
    expect(merge([held('1'), held('', { file }), held('2')])).toEqual([
      { text: '1\n\n2', file: null },
      { text: '', file },
    ]);
  });

  test('only files are only files, nothing is nothing', () => {
    const file = KEPT;
    expect(merge([held('', { file })])).toEqual([{ text: '', file }]);
    expect(merge([])).toEqual([]);
    expect(merge([], 2)).toEqual([{ text: expect.stringContaining('2'), file: null }]);
  });

  test('the new answer keeps four messages: the rest of the texts is one file, and nothing of it is lost', () => {
    const texts = Array.from({ length: 12 }, (_, n) => String(n % 10).repeat(3_990));
    const merged = merge(texts.map((text) => held(text)));
    expect(kinds(merged)).toEqual([...Array(5).fill('text'), 'file']);
    const inFile = readFileSync(merged[5]?.file?.path ?? '', 'utf8');
    const all = [...merged.map((part) => part.text), inFile].join('\n');
    for (const text of texts) expect(all).toContain(text);
  });

  test('of thousands as many go as there is room for, in no more time than a few take', {
    timeout: 20_000,
  }, () => {
    const texts = Array.from({ length: 20_000 }, (_, n) => `alert ${n}: ${'x'.repeat(100)}`);
    const merged = merge(texts.map((text) => held(text)));
    expect(kinds(merged)).toEqual([...Array(5).fill('text'), 'file']);
    const shown = merged.slice(0, 5).flatMap(({ text }) => text.split('\n\n'));
    const inFile = readFileSync(merged[5]?.file?.path ?? '', 'utf8').split('\n\n');
    expect([...shown, ...inFile]).toEqual(texts);
    expect(shown.length).toBeGreaterThan(150);
  });

  test('exactly six are still texts', () => {
    const merged = merge(Array.from({ length: 6 }, () => held('x'.repeat(3_990))));
    expect(kinds(merged)).toEqual(Array(6).fill('text'));
  });

  test('held files leave less room for texts, but never none', () => {
    const files = Array.from({ length: 9 }, () => held('', { file: KEPT }));
    const merged = merge([...files, held('a'.repeat(9_000))]);
    expect(kinds(merged)).toEqual(['file', ...Array(9).fill('file')]);
  });
});
