import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openPage } from './browser.ts';
import type { TestWeb } from './web.ts';

/** The page of a server, in a browser that has come in by a code. `view` is its address, such as `outbox`. */
export async function openWebPage(
  browser: Browser,
  web: Pick<TestWeb, 'url' | 'code'>,
  options: BrowserContextOptions & { view?: string } = {},
): Promise<Page> {
  const { view, ...rest } = options;
  const page = await openPage(browser, `${web.url}/#code=${await web.code()}`, rest);
  await page.locator('main h1').waitFor();
  await page.locator('.nav').waitFor();
  if (view !== undefined) await page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`);
  return page;
}
