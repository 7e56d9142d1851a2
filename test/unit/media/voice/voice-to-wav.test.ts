import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode } from 'silk-wasm';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { turnIntoWav } from '../../../../src/media/voice/voice-to-wav.ts';

let folder = '';
const never = new AbortController().signal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wxagent-voice-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

/** Two seconds of a tone as WeChat sends it: SILK with Tencent's leading byte. */
async function silk(seconds = 2): Promise<Buffer> {
  const samples = Int16Array.from({ length: 24_000 * seconds }, (_, n) => Math.sin(n / 20) * 8_000);
  return Buffer.from((await encode(samples, 24_000)).data);
}

function written(bytes: Uint8Array): string {
  const path = join(folder, 'sound.silk');
  writeFileSync(path, bytes);
  return path;
}

describe('a voice message', () => {
  it.each([
    ['with the leading byte', (bytes: Buffer) => bytes],
    ['without it', (bytes: Buffer) => bytes.subarray(1)],
  ])('in SILK %s becomes WAV', async (_, form) => {
    const path = join(folder, 'sound.wav');
    expect(await turnIntoWav(written(form(await silk())), never)).toEqual({
      path,
      name: 'sound.wav',
      sizeBytes: 96_044,
      durationMs: 2_000,
    });
    const wav = readFileSync(path);
    expect(wav.length).toBe(44 + 96_000);
    expect(wav.subarray(0, 4).toString()).toBe('RIFF');
    expect(wav.readUInt32LE(4)).toBe(wav.length - 8);
    expect(wav.subarray(8, 16).toString()).toBe('WAVEfmt ');
    // PCM, mono, 24 kHz, 48,000 bytes a second, 2 a sample, 16 bit.
    expect([20, 22].map((at) => wav.readUInt16LE(at))).toEqual([1, 1]);
    expect([24, 28].map((at) => wav.readUInt32LE(at))).toEqual([24_000, 48_000]);
    expect([32, 34].map((at) => wav.readUInt16LE(at))).toEqual([2, 16]);
    expect(wav.readUInt32LE(40)).toBe(96_000);
    const loudest = Math.max(...new Int16Array(wav.buffer, wav.byteOffset + 44, 48_000));
    expect(loudest).toBeGreaterThan(4_000);
    expect(readdirSync(folder)).toEqual(['sound.wav']);
  });

  it.each([
    ['AMR', '#!AMR\n\x0c'],
    ['MP3', 'ID3\x04'],
    ['nothing at all', ''],
    ["only Tencent's byte", '\x02'],
    ['the mark somewhere else', ' #!SILK_V3'],
  ])('that is %s is kept as it is', async (_, bytes) => {
    expect(await turnIntoWav(written(Buffer.from(bytes, 'latin1')), never)).toBeNull();
    expect(readdirSync(folder)).toEqual(['sound.silk']);
  });

  it.each([
    ['without a sound', Buffer.from('\x02#!SILK_V3', 'latin1'), /empty/],
    ['that is cut in its only packet', Buffer.from('\x02#!SILK_V3\x40\x00abc', 'latin1'), /empty/],
    [
      'of noise',
      Buffer.concat([Buffer.from('\x02#!SILK_V3\x10\x27', 'latin1'), Buffer.alloc(10_000, 0x99)]),
      /cannot be decoded/,
    ],
    // A mebibyte that would become 330 MB of sound.
    [
      'that would fill the disk',
      Buffer.concat([
        Buffer.from('\x02#!SILK_V3', 'latin1'),
        Buffer.alloc(2 ** 20, Buffer.from([1, 0, 0x55])),
      ]),
      /too long/,
    ],
  ])('%s is refused in words', async (_, bytes, why) => {
    await expect(turnIntoWav(written(bytes), never)).rejects.toThrow(why);
    expect(readdirSync(folder)).toEqual(['sound.silk']);
  });

  it('is left alone at a stop, and its thread ends', async () => {
    const stop = new AbortController();
    const ended = turnIntoWav(written(await silk(20)), stop.signal);
    stop.abort();
    await expect(ended).rejects.toThrow('stopped');
    expect(readdirSync(folder)).toEqual(['sound.silk']);
  });

  it('overwrites nothing, and follows no link', async () => {
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'sound.wav'));
    expect(await turnIntoWav(written(await silk()), never)).toMatchObject({ name: 'sound (1).wav' });
    expect(readdirSync(folder).sort()).toEqual(['sound (1).wav', 'sound.wav']);
  });
});
