import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import terminal from 'qrcode-terminal';
import QRCode from 'qrcode-terminal/vendor/QRCode/index.js';
import { reasonOf, WxError } from '../../core/errors.ts';

/** A text as a QR code, for a terminal or as a picture. Texts over about 2,300 bytes fit into none: WxError `data`. */

/** Light modules around the code that readers need (ISO 18004), and pixels a module in a PNG. */
const QUIET_ZONE = 4;
const MODULE_PIXELS = 8;

/** White on black whatever the terminal's own colours are: a reader needs the light parts light. */
const WHITE_ON_BLACK = '\u001b[97;40m';
const RESET = '\u001b[0m';

/** The lines to print, without a final newline: `small` is half as wide and high, `large` fits fonts without half blocks. */
export function renderQr(text: string, size: 'small' | 'large'): string {
  let drawn = '';
  withinCapacity(() => {
    terminal.generate(bytesOf(text), { small: size === 'small' }, (output) => {
      drawn = output.trimEnd();
    });
  });
  if (size === 'large') return drawn; // it colours every cell itself
  return drawn
    .split('\n')
    .map((line) => WHITE_ON_BLACK + line + RESET)
    .join('\n');
}

/** Writes the code as `.png` or `.svg`. Throws WxError `usage` for another ending, `cannot-create`. */
export async function writeQrFile(path: string, text: string): Promise<void> {
  const picture = await drawPicture(path, text);
  try {
    await writeFile(path, picture);
  } catch (error) {
    throw new WxError('cannot-create', `cannot write the QR code to ${path}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/** The code as a picture in SVG. */
export function qrSvg(text: string): string {
  return drawSvg(modulesOf(text));
}

/** Throws WxError `usage` for another ending than `.png` and `.svg`. */
export function checkQrFile(path: string): void {
  if (!['.png', '.svg'].includes(extname(path).toLowerCase()))
    throw new WxError('usage', `a QR code is written as .png or .svg, not as ${path}`, {
      hint: '--qr-file login.png',
    });
}

async function drawPicture(path: string, text: string): Promise<string | Buffer> {
  checkQrFile(path);
  return extname(path).toLowerCase() === '.png' ? drawPng(modulesOf(text)) : qrSvg(text);
}

/** The generator takes one byte a character; readers take the bytes for UTF-8. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function withinCapacity(make: () => void): void {
  try {
    make();
  } catch (error) {
    throw new WxError('data', 'the text is too long for a QR code', { cause: error });
  }
}

/** Rows of modules with the quiet zone around them; true is dark. */
function modulesOf(text: string): boolean[][] {
  const code = new QRCode(-1, 0);
  code.addData(bytesOf(text));
  withinCapacity(() => code.make());
  const side = Array<boolean>(QUIET_ZONE).fill(false);
  const rows = code.modules.map((row) => [...side, ...row, ...side]);
  const blank = Array<boolean>(rows.length + 2 * QUIET_ZONE).fill(false);
  const edge = Array<boolean[]>(QUIET_ZONE).fill(blank);
  return [...edge, ...rows, ...edge];
}

async function drawPng(rows: boolean[][]): Promise<Buffer> {
  const { PNG } = await import('pngjs');
  const side = rows.length * MODULE_PIXELS;
  const grey = { width: side, height: side, colorType: 0, inputColorType: 0, inputHasAlpha: false } as const;
  const image = new PNG(grey);
  const lines = rows.flatMap((row) => {
    const line = Buffer.alloc(side);
    row.forEach((dark, x) => {
      line.fill(dark ? 0 : 255, x * MODULE_PIXELS, (x + 1) * MODULE_PIXELS);
    });
    return Array<Buffer>(MODULE_PIXELS).fill(line);
  });
  image.data = Buffer.concat(lines);
  return PNG.sync.write(image, grey);
}

function drawSvg(rows: boolean[][]): string {
  const dark = rows.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : [])));
  const side = rows.length;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" width="${side * MODULE_PIXELS}" height="${side * MODULE_PIXELS}" shape-rendering="crispEdges"><rect width="${side}" height="${side}" fill="#fff"/><path d="${dark.join('')}" fill="#000"/></svg>\n`;
}
