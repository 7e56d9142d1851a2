import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { encryptedSize, encryptMedia } from '../../../../src/media/cipher.ts';
import { digestOfBytes, digestOfFile } from '../../../../src/media/upload/digest.ts';
import { encryptedChunks } from '../../../../src/media/upload/encrypting.ts';
import { fileChunks } from '../../../../src/media/upload/file-chunks.ts';

const folder = mkdtempSync(join(tmpdir(), 'wxagent-encrypting-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'plain');
const key = randomBytes(16);

/** What comes out of a file that is `sizeBytes` long, or said to be. */
async function encrypt(sizeBytes: number, onChunk: (n: number) => void = () => {}): Promise<Buffer> {
  const file = await open(path);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of encryptedChunks(fileChunks(file), sizeBytes, key)) onChunk(chunks.push(chunk));
  } finally {
    await file.close();
  }
  return Buffer.concat(chunks);
}

const CHUNK = 256 * 1024;
const SIZES = [0, 1, 15, 16, 17, 4_095, 4_096, 4_097, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7];

test.each(SIZES)(
  '%i bytes become what the cipher makes of them at once, of the size foretold',
  async (size) => {
    const plain = randomBytes(size);
    writeFileSync(path, plain);
    const encrypted = await encrypt(size);
    expect(encrypted.equals(encryptMedia(plain, key))).toBe(true);
    expect(encrypted).toHaveLength(encryptedSize(size));
    expect(await digestOfFile(path)).toEqual(digestOfBytes(plain));
  },
);

test('a file that is longer or shorter than it was, or becomes so while it is read, is noticed', async () => {
  writeFileSync(path, randomBytes(2 * CHUNK));
  await expect(encrypt(2 * CHUNK + 1)).rejects.toThrow('shorter than the 524289 bytes it had');
  await expect(encrypt(2 * CHUNK - 1)).rejects.toThrow('longer than the 524287 bytes it had');
  const cut = encrypt(2 * CHUNK, (n) => n === 1 && truncateSync(path, CHUNK + 5));
  await expect(cut).rejects.toThrow('shorter');
});
