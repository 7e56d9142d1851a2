import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CHROMIUM, launchBrowser, openPage } from '../../helpers/browser.ts';
import { startCuttingProxy } from '../../helpers/cutting-proxy.ts';
import { runHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { loggedIn, simulate } from '../../helpers/simulated.ts';
import { startWeb, type TestWeb } from '../../helpers/web.ts';
import { openWebPage } from '../../helpers/web-page.ts';

let browser: Browser;

/** An account whose owner can write, and a server. */
async function start() {
  const simulator = await simulate();
  const { home, id, user } = loggedIn(simulator, { name: 'mine' });
  const web = await startWeb({ home, env: {} });
  return {
    web,
    view: `conversations/${id}/${user}`,
    /** The runner has ended when it is there. */
    async receive(text: string) {
      simulator.control.message({ bot: id, text });
      await runHere(['run', '--once', '--echo'], { home });
    },
  };
}

/** How many streams of events the server has. */
async function streamsOf(web: TestWeb, token: string): Promise<number> {
  const { text } = await web.ask('//metrics', { token });
  return Number(/^wxagent_event_streams (\d+)$/m.exec(text)?.[1]);
}

/** Another page of the same browser, which nobody looks at until they do. */
async function openUnseen(first: Page): Promise<{ page: Page; look(isSeen: boolean): Promise<void> }> {
  const page = await first.context().newPage();
  await page.addInitScript(`
    globalThis.isSeen = false;
    Object.defineProperty(document, 'visibilityState', { get: () => globalThis.isSeen ? 'visible' : 'hidden' });
  `);
  await page.goto(first.url());
  await page.getByRole('heading', { name: 'mine' }).waitFor();
  return {
    page,
    async look(isSeen) {
      await page.evaluate(
        `globalThis.isSeen = ${isSeen}; document.dispatchEvent(new Event('visibilitychange'))`,
      );
    },
  };
}

describe.skipIf(CHROMIUM === null)('the connection of a page', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('pages that nobody looks at have no stream: one opened unseen, and one that was left for another page', async () => {
    const { web, view, receive } = await start();
    const token = await web.token('--scope', 'read');
    const first = await openWebPage(browser, web);
    const has = (count: number) =>
      pollUntil(`${count} streams`, async () => (await streamsOf(web, token)) === count);
    await has(1);
    const others: Awaited<ReturnType<typeof openUnseen>>[] = [];
    for (let n = 0; n < 8; n++) others.push(await openUnseen(first));
    expect(await streamsOf(web, token)).toBe(1);
    for (const { look } of others) {
      await look(true);
      await has(2);
      await look(false);
    }
    // The last one keeps it for a while: nobody has come to another page.
    expect(await streamsOf(web, token)).toBe(2);
    const { page, look } = others[0] as (typeof others)[0];
    await receive('while nobody looked');
    await look(true);
    await page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`);
    await page.getByRole('log').getByText('while nobody looked').first().waitFor();
    await receive('while somebody looks');
    await page.getByRole('log').getByText('while somebody looks').first().waitFor();
  });

  test('a stream that says nothing any more is opened anew; where none comes through, the page asks now and then', async () => {
    const { web, view, receive } = await start();
    const proxy = await startCuttingProxy({ host: '127.0.0.1', port: Number(new URL(web.url).port) });
    onTestFinished(() => proxy.close());
    const streams = new Set<number>();
    let isKept = false;
    proxy.rule = (from, bytes, connection) => {
      if (from === 'client' && bytes.includes('/api/v1/events')) streams.add(connection);
      return isKept && from === 'server' && streams.has(connection) && !bytes.includes('HTTP/1.1 200')
        ? 'stall'
        : 'pass';
    };
    const page = await openPage(browser, 'about:blank');
    await page.clock.install();
    let asked = 0;
    page.on('request', (request) => {
      if (request.url().includes('/api/v1/events')) asked++;
    });
    await page.goto(`http://127.0.0.1:${proxy.port}/#code=${await web.code()}`);
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    await page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`);
    const log = page.getByRole('log');
    await receive('one');
    const answers = log.getByText('agent · confirmed');
    await expect.poll(() => answers.count()).toBe(1);

    isKept = true;
    await receive('two');
    isKept = false;
    await page.clock.fastForward(45_000);
    await expect.poll(() => answers.count()).toBe(2);
    expect(asked).toBe(2);

    isKept = true;
    await page.clock.fastForward(45_000);
    await receive('three');
    for (let n = 0; n < 20 && (await answers.count()) < 3; n++) await page.clock.runFor(1_000);
    await expect.poll(() => answers.count()).toBe(3);
  });

  test('what a proxy answers is not taken for the server: it ends no session, and a file that is too large for it is named', async () => {
    const { web, view, receive } = await start();
    await receive('hello');
    const page = await openWebPage(browser, web, { view });
    await page.getByRole('log').getByText('hello').first().waitFor();
    const told = page.getByRole('alert').getByText('Something in front of the server answers in its place.');
    // Of a stream the console of a browser says it by itself.
    const asked = /\/api\/v1\/(?!events)/;
    for (const answer of [
      { status: 401, body: '<h1>Who are you?</h1>' },
      { status: 302, headers: { location: 'https://sign-in.example.org/' } },
      { status: 200, body: '<form>Sign in</form>' },
    ]) {
      await page.route(asked, (one) => one.fulfill({ contentType: 'text/html', ...answer }));
      // Whoever comes back to a page sees it soon.
      await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
      await told.waitFor();
      await page.unroute(asked);
      await told.waitFor({ state: 'detached' });
    }
    await page.route('**/send', (asked) =>
      asked.fulfill({ status: 413, contentType: 'text/html', body: '<h1>413</h1>' }),
    );
    const file = { name: 'film.mp4', mimeType: 'video/mp4', buffer: Buffer.from('x') };
    await page.locator('input[data-for=file]').setInputFiles(file);
    await page
      .getByText('Not sent: Something in front of the server does not take so much at once. In nginx')
      .waitFor();
    expect(await told.count()).toBe(0);
  });

  test('a browser that signs in at a proxy in front by a password comes in all the same', async () => {
    const { web } = await start();
    const page = await openWebPage(browser, web, {
      extraHTTPHeaders: { authorization: `Basic ${Buffer.from('me:secret').toString('base64')}` },
    });
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'mine' }).waitFor();
  });

  test('a page that was open when its server was updated asks to be reloaded', async () => {
    const { web } = await start();
    const page = await openWebPage(browser, web);
    const told = page.getByRole('alert').getByText('The server was updated. Reload the page.');
    const look = () => page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
    const looked = page.waitForResponse('**/api/v1/session');
    await look();
    await looked;
    expect(await told.count()).toBe(0);
    await page.route('**/api/v1/session', async (asked) => {
      const response = await asked.fetch();
      await asked.fulfill({ response, json: { ...(await response.json()), version: '99.0.0' } });
    });
    await look();
    await told.waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    expect(await told.count()).toBe(0);
  });

  test('a guest whose server is away, or stands behind a proxy that answers for it, is told so and goes on when it is back', async () => {
    const { web } = await start();
    const token = await web.token('--scope', 'admin');
    const { json } = await web.post('/invitations', { name: 'mum' }, { token });
    const page = await openPage(browser, 'about:blank');
    const refuse = () => page.route('**/api/v1/**', (asked) => asked.abort('connectionrefused'));
    await refuse();
    await page.goto(json?.link as string);
    const told = page.getByRole('alert').getByText('The server does not answer. What you see');
    await told.waitFor();
    await page.unroute('**/api/v1/**');
    await page.route('**/api/v1/**', (asked) => asked.fulfill({ status: 401, body: 'Who are you?' }));
    await page.getByRole('alert').getByText('Something in front of the server answers').waitFor();
    await page.unroute('**/api/v1/**');
    await page.getByText('You are invited').waitFor();
    await refuse();
    await page.getByRole('button', { name: 'Show the QR code' }).click();
    await told.waitFor();
    await page.unroute('**/api/v1/**');
    await page.getByText('You are invited').waitFor();
    expect(await told.count()).toBe(0);
  });
});
