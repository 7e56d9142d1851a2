import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { LIMIT_MS } from './poll-until.ts';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];

/** The Chromium of this system; null: there is none, and tests of pages are skipped. */
export const CHROMIUM: string | null =
  (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => PROGRAMS.map((program) => join(folder, program)))
    .find(canRun) ?? null;
if (CHROMIUM === null) console.warn('there is no Chromium: tests of pages are skipped');

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A browser without a window. Its microphone is a beep, and pages may use it. */
export function launchBrowser(): Promise<Browser> {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: [
      ...sandbox,
      '--disable-dev-shm-usage',
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
    ],
    timeout: LIMIT_MS,
  });
}

/** A page in a browser profile of its own. A word in its console that is an error fails the test at its end. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'en-US',
    ...options,
  });
  context.setDefaultTimeout(LIMIT_MS);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  onTestFinished(async () => {
    // What a test answers in place of the server may be asked for just now.
    for (const one of context.pages()) await one.unrouteAll({ behavior: 'ignoreErrors' });
    await context.close();
    // A server that a test ends, and a refusal that the page tells, are no faults of the page.
    const isTold =
      /net::ERR_(CONNECTION|INCOMPLETE|ACCESS_DENIED|FILE_NOT_FOUND)|responded with a status of (401|403|404|409|410|413|422|429|502|503)/;
    expect(errors.filter((error) => !isTold.test(error))).toEqual([]);
  });
  await page.goto(url);
  return page;
}

/** Drops what lies at a path onto a place of a page, as from a file manager. */
export async function dropPath(page: Page, place: string, path: string): Promise<void> {
  const { x = 0, y = 0 } = (await page.locator(place).boundingBox()) ?? {};
  const input = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await input.send('Input.dispatchDragEvent', { type, x: x + 20, y: y + 20, data });
}

/** What axe finds in a page and calls serious or worse, in words. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run(document)')) as axe.AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
}
