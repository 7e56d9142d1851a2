import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { CHROMIUM, launchBrowser } from '../../helpers/browser.ts';
import { makeOperatorWorld } from '../../helpers/operator-world.ts';
import { expectPicture } from '../../helpers/picture.ts';
import type { TestWeb } from '../../helpers/web.ts';
import { openWebPage } from '../../helpers/web-page.ts';

const DESK = { viewport: { width: 1120, height: 700 } };
const PHONE = { viewport: { width: 360, height: 740 }, colorScheme: 'dark', locale: 'zh-CN' } as const;

let browser: Browser;

/** A view as everybody sees it: the runner is the same process on the same machine, and has polled just now. */
async function open(web: TestWeb, view: string, options: BrowserContextOptions): Promise<Page> {
  const page = await openWebPage(browser, web, options);
  await page.route('**/api/v1/accounts', async (asked) => {
    const response = await asked.fetch();
    const now = new Date().toISOString();
    const body = (await response.text()).replaceAll(
      /"runner":\{"pid":\d+,"host":"[^"]+","since":"[^"]+"\},"lastPollAt":"[^"]+"/g,
      `"runner":{"pid":4711,"host":"nas","since":"${now}"},"lastPollAt":"${now}"`,
    );
    await asked.fulfill({ response, body });
  });
  await page.evaluate(`location.hash = '#/${view}'`);
  return page;
}

describe.skipIf(CHROMIUM === null)('the pictures in the documents', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('are the page', async () => {
    const { web, alice } = await makeOperatorWorld();
    const outbox = await open(web, 'outbox', DESK);
    await outbox.getByText('Disk 2 is 91 % full.').waitFor();
    await expectPicture(outbox, 'outbox.png');
    const overview = await open(web, 'workers', DESK);
    await overview.evaluate("location.hash = '#/overview'");
    await overview.getByText('process 4711 on nas').waitFor();
    await expectPicture(overview, 'overview.png');
    const phone = await open(web, 'workers', PHONE);
    await phone.evaluate("location.hash = '#/overview'");
    await phone.getByText('nas 上的进程 4711').waitFor();
    await expectPicture(phone, 'overview-phone.png');
    const chat = await open(web, alice, DESK);
    await chat.getByText('You wrote: Which bus').first().waitFor();
    await expectPicture(chat, 'conversations.png');
  });
});
