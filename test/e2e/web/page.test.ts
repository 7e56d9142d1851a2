import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, launchBrowser, openPage, seriousFaults } from '../../helpers/browser.ts';
import { runHere } from '../../helpers/in-this-process.ts';
import { loggedIn, simulate } from '../../helpers/simulated.ts';
import { startWeb, type TestWeb } from '../../helpers/web.ts';
import { openWebPage } from '../../helpers/web-page.ts';

const PHONE = { width: 360, height: 740 };

let browser: Browser;

/** A server with an account that has logged in. */
async function start(): Promise<TestWeb> {
  const { home } = loggedIn(await simulate(), { name: 'mine' });
  return startWeb({ home, env: {} });
}

describe.skipIf(CHROMIUM === null)('the page', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('a code of the address opens it once, and does not stay there; a reload changes nothing', async () => {
    const web = await start();
    const code = await web.code();
    const page = await openPage(browser, `${web.url}/#code=${code}`);
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    expect(page.url()).toBe(`${web.url}/`);
    expect(await page.evaluate('history.length')).toBeLessThanOrEqual(2);
    await page.reload();
    await page.getByRole('heading', { name: 'mine' }).waitFor();

    const other = await openPage(browser, `${web.url}/#code=${code}`);
    await other.getByText('the code is wrong, used or too old').waitFor();
    expect(other.url()).toBe(`${web.url}/`);
    // In the tab that is open.
    await other.evaluate(`location.hash = '#code=${await web.code()}'`);
    await other.getByRole('heading', { name: 'mine' }).waitFor();
  });

  test('a code that is typed opens it, by keyboard, in any case; who signs out is out', async () => {
    const web = await start();
    const page = await openPage(browser, web.url, { locale: 'zh-CN', viewport: PHONE });
    const box = page.getByRole('textbox', { name: '一次性登录码' });
    await box.fill('AAAAA-AAAAA');
    await box.press('Enter');
    await page.getByRole('alert').getByText('登录码错误、已用过或已过期').waitFor();
    await box.fill((await web.code()).toLowerCase().replace('-', ' '));
    await box.press('Enter');
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    await page.getByRole('button', { name: '更多' }).click();
    await page.getByRole('button', { name: '退出' }).click();
    await box.waitFor();
    await page.reload();
    await box.waitFor();
  });

  test('speaks two languages, light and dark, and remembers which', async () => {
    const page = await openWebPage(browser, await start());
    expect(await page.title()).toBe('Overview · wxagent');
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByRole('heading', { name: '概览' }).waitFor();
    await page.getByRole('button', { name: '深色' }).click();
    await page.reload();
    await page.getByRole('heading', { name: '概览' }).waitFor();
    expect(await page.title()).toBe('概览 · wxagent');
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    expect(await page.evaluate('document.documentElement.lang')).toBe('zh-CN');
    // A browser that translates a page moves its texts, and then they are never renewed.
    expect(await page.evaluate('document.documentElement.translate')).toBe(false);
  });

  test.each(['light', 'dark'] as const)(
    '%s, wide and narrow: no serious fault of access',
    async (colorScheme) => {
      const web = await start();
      for (const viewport of [PHONE, { width: 1440, height: 900 }]) {
        const out = await openPage(browser, web.url, { colorScheme, viewport });
        await out.getByRole('textbox').waitFor();
        expect(await seriousFaults(out)).toEqual([]);
        const page = await openWebPage(browser, web, { colorScheme, viewport });
        await page.getByRole('heading', { name: 'mine' }).waitFor();
        expect(await seriousFaults(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width);
        // Names of one line each: what is above leaves so much room.
        if (viewport === PHONE)
          expect(await page.evaluate("document.querySelector('.nav').offsetHeight")).toBeLessThan(70);
      }
    },
  );

  test('a session that is ended elsewhere is over here; a new code goes on in the same place', async () => {
    const web = await start();
    const page = await openWebPage(browser, web);
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    const token = await web.token('--scope', 'admin');
    expect((await web.ask('/sessions', { method: 'DELETE', token })).status).toBe(200);
    const box = page.getByRole('textbox', { name: 'One-time code' });
    await box.fill(await web.code());
    await box.press('Enter');
    await page.getByRole('heading', { name: 'mine' }).waitFor();
  });

  test('whoever comes in or signs out does so in all pages of the browser', async () => {
    const web = await start();
    const page = await openWebPage(browser, web);
    const other = await page.context().newPage();
    await other.goto(web.url);
    await other.getByRole('heading', { name: 'mine' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await other.getByRole('textbox', { name: 'One-time code' }).waitFor();
    await page.getByRole('textbox', { name: 'One-time code' }).fill(await web.code());
    await page.keyboard.press('Enter');
    for (const one of [page, other]) await one.getByRole('heading', { name: 'mine' }).waitFor();
  });

  test('a browser that keeps nothing stays signed in, and one whose clock is wrong counts by that of the server', async () => {
    const simulator = await simulate();
    const { home, id } = loggedIn(simulator, { name: 'mine' });
    simulator.control.message({ bot: id, text: 'hello' });
    await runHere(['run', '--once', '--echo'], { home });
    const web = await startWeb({ home, env: {} });
    const page = await openPage(browser, 'about:blank');
    await page.addInitScript(`Object.defineProperty(window, 'localStorage', {
      get() { throw new DOMException('denied', 'SecurityError'); },
    })`);
    await page.clock.install({ time: Date.now() + 3 * 3_600_000 });
    await page.goto(`${web.url}/#code=${await web.code()}`);
    await page.getByText(/^window closes in 23 h 5\d min$/).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('textbox', { name: 'One-time code' }).waitFor();
  });

  test('where the clock of the machine is wrong, the page counts as its server does', async () => {
    const simulator = await simulate();
    const { home, id } = loggedIn(simulator, { name: 'mine' });
    simulator.control.advance(25 * 3_600_000);
    simulator.control.message({ bot: id, text: 'hello' });
    await runHere(['run', '--once', '--echo'], { home });
    const web = await startWeb({ home, env: {} });
    const page = await openPage(browser, `${web.url}/#code=${await web.code()}`);
    await page.getByText(/^window closes in 23 h 5\d min$/).waitFor();
  });

  test('a machine that has slept follows again, and a proxy without its server is no end', async () => {
    const simulator = await simulate();
    const { home, id } = loggedIn(simulator, { name: 'mine' });
    const web = await startWeb({ home, env: {} });
    const page = await openPage(browser, 'about:blank');
    await page.clock.install();
    const streams: string[] = [];
    page.on('request', (asked) => {
      if (asked.url().includes('/api/v1/events')) streams.push(asked.url());
    });
    await page.goto(`${web.url}/#code=${await web.code()}`);
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    await expect.poll(() => streams.length).toBe(1);
    await page.clock.fastForward(10 * 60_000);
    await expect.poll(() => streams.length).toBe(2);

    const refusal = { status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' };
    await page.route('**/api/v1/**', (asked) => asked.fulfill(refusal));
    await page.clock.fastForward(10 * 60_000);
    await page.getByRole('alert').getByText('The server does not answer.').waitFor();
    await page.unroute('**/api/v1/**');
    await page.clock.runFor(5_000);
    await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
    simulator.control.message({ bot: id, text: 'hello' });
    await runHere(['run', '--once', '--echo'], { home });
    await expect.poll(() => page.locator('.budget-left').innerText()).toBe('9 of 10 left');
  });

  test('a browser that keeps no cookie is told so, and not asked for one code after the other', async () => {
    const web = await start();
    const page = await openPage(browser, web.url);
    await page.route('**/api/v1/session', async (asked) => {
      const response = await asked.fetch();
      await page.context().clearCookies();
      const { 'set-cookie': _, ...headers } = response.headers();
      await asked.fulfill({ response, headers });
    });
    await page.getByRole('textbox', { name: 'One-time code' }).fill(await web.code());
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('this browser has kept no cookie').waitFor();
  });

  test('an old browser and one without JavaScript get a sentence', async () => {
    const web = await start();
    const without = await openPage(browser, web.url, { javaScriptEnabled: false });
    await without.getByText('This page needs a browser of 2022 or later, with JavaScript.').waitFor();
    await without.getByText('此页面需要 2022 年以后的浏览器').waitFor();
    const old = await openPage(browser, 'about:blank');
    // What it does not understand does not run.
    await old.route('**/page/*.js', (asked) => asked.abort('connectionrefused'));
    await old.goto(web.url);
    await old.getByText('This page needs a browser of 2022 or later, with JavaScript.').waitFor();
  });
});
