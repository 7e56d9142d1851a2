import { Readable } from 'node:stream';
import * as zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { plainBody, plainChunks } from '../../../../src/core/http/content-encoding.ts';

const TEXT = Buffer.from('{"text":"你好"}');
const LIMIT = 1024;
const { zstdCompressSync } = zlib as typeof zlib & { zstdCompressSync?: (data: Buffer) => Buffer };

describe('a body that is compressed although nobody asked for it', () => {
  it.each([
    ['not at all', TEXT, undefined],
    ['not at all, and says so', TEXT, 'identity'],
    ['gzip', zlib.gzipSync(TEXT), 'gzip'],
    ['gzip by its old name', zlib.gzipSync(TEXT), 'X-GZIP'],
    ['gzip in two members', Buffer.concat([zlib.gzipSync('{"text"'), zlib.gzipSync(':"你好"}')]), 'gzip'],
    ['gzip that names nothing', zlib.gzipSync(TEXT), undefined],
    ['gzip that somebody has undone and left named', TEXT, 'gzip'],
    ['deflate', zlib.deflateSync(TEXT), 'deflate'],
    ['deflate without its frame', zlib.deflateRawSync(TEXT), 'deflate'],
    ['br', zlib.brotliCompressSync(TEXT), 'BR'],
    ['br in gzip', zlib.gzipSync(zlib.brotliCompressSync(TEXT)), 'br, gzip'],
    ['gzip in gzip', zlib.gzipSync(zlib.gzipSync(TEXT)), 'gzip,gzip'],
    ...(zstdCompressSync ? ([['zstd', zstdCompressSync(TEXT), 'zstd']] as const) : []),
  ] as [string, Buffer, string | undefined][])('is read: %s', async (_, body, encoding) => {
    expect((await plainBody(body, encoding, LIMIT)).toString()).toBe(TEXT.toString());
    const bytes = Readable.from([...body].map((byte) => Buffer.from([byte])));
    const chunks: Buffer[] = [];
    for await (const chunk of plainChunks(bytes, encoding, { guess: true })) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(TEXT.toString());
  });

  it.each([
    ['cut', zlib.gzipSync(TEXT).subarray(0, -5), 'gzip', 'broken'],
    ['damaged', zlib.gzipSync(TEXT).fill(0, 12, 16), 'gzip', 'broken'],
    ['no br', TEXT, 'br', 'broken'],
    ['of a name nobody knows', TEXT, 'compress', 'unknown'],
    ['in five layers', TEXT, 'gzip,gzip,gzip,gzip,gzip', 'unknown'],
    ['a bomb', zlib.gzipSync(Buffer.alloc(50_000_000)), 'gzip', 'too-large'],
    ['a bomb in a bomb', zlib.gzipSync(zlib.gzipSync(Buffer.alloc(50_000_000))), 'gzip, gzip', 'too-large'],
  ] as [string, Buffer, string, string][])('is an error where it is %s', async (_, body, encoding, fault) => {
    await expect(plainBody(body, encoding, LIMIT)).rejects.toMatchObject({ name: 'EncodingError', fault });
  });

  it('hands what has come on at once, without waiting for more', async () => {
    async function* slow() {
      yield Buffer.from('a');
      await new Promise(() => {});
    }
    const reading = plainChunks(slow(), undefined, { guess: true });
    expect((await reading.next()).value?.toString()).toBe('a');
  });
});
