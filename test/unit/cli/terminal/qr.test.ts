import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderQr, writeQrFile } from '../../../../src/cli/terminal/qr.ts';
import { WxError } from '../../../../src/core/errors.ts';

const URL_TEXT = 'https://liteapp.weixin.qq.com/q/7GiQu1?qrcode=q_5f1d3c9a7e&bot_type=3';
const PIXELS = 4;

const ESC = String.fromCharCode(27);
const SMALL_LINE = new RegExp(`^${ESC}\\[97;40m([█▀▄ ]+)${ESC}\\[0m$`);
const LARGE_CELL = new RegExp(`${ESC}\\[(4[07])m {2}${ESC}\\[0m`, 'g');

// jsqr is CommonJS: its function is `default` once more under ESM.
const readQr = jsQR as unknown as typeof jsQR.default;

/** Reads a picture of light and dark cells with a QR reader. */
function decode(cells: boolean[][]): string | undefined {
  const width = Math.max(...cells.map((row) => row.length)) * PIXELS;
  const height = cells.length * PIXELS;
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const light = cells[Math.floor(y / PIXELS)]?.[Math.floor(x / PIXELS)] ?? false;
      rgba.set([...Array(3).fill(light ? 255 : 0), 255], (y * width + x) * 4);
    }
  }
  return readQr(rgba, width, height, { inversionAttempts: 'dontInvert' })?.data;
}

/** What a terminal shows of half-block lines: each character is two cells, light where the block is. */
function cellsOfSmall(drawn: string): boolean[][] {
  return drawn.split('\n').flatMap((line) => {
    const match = SMALL_LINE.exec(line);
    if (!match?.[1]) throw new Error(`a line without its own colours: ${JSON.stringify(line)}`);
    const blocks = [...match[1]];
    return [blocks.map((block) => '█▀'.includes(block)), blocks.map((block) => '█▄'.includes(block))];
  });
}

/** The same for coloured pairs of spaces: 47 is light, 40 dark. */
function cellsOfLarge(drawn: string): boolean[][] {
  return drawn.split('\n').map((line) => {
    const cells = [...line.matchAll(LARGE_CELL)];
    expect(cells.map(([cell]) => cell).join('')).toBe(line);
    return cells.map(([, colour]) => colour === '47');
  });
}

describe('on the terminal', () => {
  test.each([URL_TEXT, 'a', '扫码登录', `https://example.com/${'x'.repeat(300)}`])(
    'small can be read: %s',
    (text) => {
      expect(decode(cellsOfSmall(renderQr(text, 'small')))).toBe(text);
    },
  );

  test('large can be read', () => {
    expect(decode(cellsOfLarge(renderQr(URL_TEXT, 'large')))).toBe(URL_TEXT);
  });

  test.each(['small', 'large'] as const)('a text that fits into no QR code is refused: %s', (size) => {
    expect(() => renderQr('x'.repeat(3000), size)).toThrow(expect.objectContaining({ kind: 'data' }));
  });

  test('small is half as high as large', () => {
    const lines = (size: 'small' | 'large') => renderQr(URL_TEXT, size).split('\n').length;
    expect(lines('small')).toBe(Math.ceil(lines('large') / 2));
  });
});

describe('as a file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wxagent-qr-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('a PNG decodes back to the text', async () => {
    const path = join(folder, 'login.PNG');
    await writeQrFile(path, URL_TEXT);
    const image = PNG.sync.read(await readFile(path));
    const read = readQr(new Uint8ClampedArray(image.data), image.width, image.height, {
      inversionAttempts: 'dontInvert',
    });
    expect(read?.data).toBe(URL_TEXT);
  });

  test('an SVG decodes back to the text', async () => {
    const path = join(folder, 'login.svg');
    await writeQrFile(path, URL_TEXT);
    const svg = await readFile(path, 'utf8');
    const side = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]);
    const cells = Array.from({ length: side }, () => Array<boolean>(side).fill(true));
    for (const [, x, y] of svg.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
      const row = cells[Number(y)];
      if (row) row[Number(x)] = false;
    }
    expect(decode(cells)).toBe(URL_TEXT);
  });

  test('a later code replaces the earlier one', async () => {
    const path = join(folder, 'login.svg');
    await writeQrFile(path, `${URL_TEXT}&first=1`);
    await writeQrFile(path, URL_TEXT);
    const other = join(folder, 'other.svg');
    await writeQrFile(other, URL_TEXT);
    expect(await readFile(path, 'utf8')).toBe(await readFile(other, 'utf8'));
  });

  test('another ending is a mistake of usage', async () => {
    const failure = await writeQrFile(join(folder, 'login.gif'), URL_TEXT).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WxError);
    expect(failure).toMatchObject({ kind: 'usage', exit: 64 });
  });

  test('a folder that does not exist is named', async () => {
    const path = join(folder, 'missing', 'login.png');
    await expect(writeQrFile(path, URL_TEXT)).rejects.toMatchObject({
      kind: 'cannot-create',
      exit: 73,
      message: expect.stringContaining(path),
    });
  });
});
