import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { expect } from 'vitest';
import { ROOT } from './pages.ts';

const SIDE = 40;
/** Other fonts and another time of day make small differences, another page large ones. */
const MOST_DIFFERENCE = 6;

/** The page as it is seen is a picture of docs/pictures, which `WXAGENT_PICTURES=1` takes again. */
export async function expectPicture(page: Page, name: string): Promise<void> {
  const taken = await page.screenshot({ animations: 'disabled' });
  const path = join(ROOT, 'docs/pictures', name);
  if (process.env.WXAGENT_PICTURES) writeFileSync(path, taken);
  const [now, documented] = [taken, readFileSync(path)].map(blurred) as [number[], number[]];
  const difference = now.reduce((sum, value, at) => sum + Math.abs(value - (documented[at] ?? 255)), 0);
  expect(difference / now.length, `${name}: docs/testing.md says how it is taken again`).toBeLessThan(
    MOST_DIFFERENCE,
  );
}

/** The brightness of a picture in squares of {@link SIDE} pixels. */
function blurred(png: Buffer): number[] {
  const image = PNG.sync.read(png);
  const columns = Math.ceil(image.width / SIDE);
  const sums = new Float64Array(columns * Math.ceil(image.height / SIDE));
  for (let at = 0; at < image.width * image.height; at++) {
    const x = at % image.width;
    const square = Math.floor((at - x) / image.width / SIDE) * columns + Math.floor(x / SIDE);
    sums[square] = (sums[square] ?? 0) + (image.data[at * 4 + 1] ?? 0) / SIDE ** 2;
  }
  return [...sums];
}
