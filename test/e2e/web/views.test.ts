import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CHROMIUM, launchBrowser, seriousFaults } from '../../helpers/browser.ts';
import { startCuttingProxy } from '../../helpers/cutting-proxy.ts';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { BORIS, makeOperatorWorld, type OperatorWorld } from '../../helpers/operator-world.ts';
import { SERVER, upstreamOf, withParts } from '../../helpers/postgres.ts';
import { loggedIn, simulate } from '../../helpers/simulated.ts';
import { STORES, startWeb } from '../../helpers/web.ts';
import { openWebPage } from '../../helpers/web-page.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

const SIZES = [
  { width: 360, height: 740 },
  { width: 1440, height: 900 },
];
const VIEWS = ['overview', 'outbox', 'workers', 'doctor'];
const BACKUP = 'The backup of the night is done: 12 GB in 41 minutes.';

let browser: Browser;
let world: OperatorWorld;

const drop = (page: Page, text: string) => page.getByRole('button', { name: `Drop: ${text}` });

describe.skipIf(CHROMIUM === null)('the views of the page', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('the overview begins with what needs a person, and shows what may be sent; the outbox empties when a user writes', async () => {
    world = await makeOperatorWorld();
    const page = await openWebPage(browser, world.web);
    const needs = page.getByRole('region', { name: 'Needs you' }).getByRole('listitem');
    await expect.poll(() => needs.count()).toBe(4);
    expect((await needs.allInnerTexts()).map((text) => text.replaceAll('\n', ' '))).toEqual([
      expect.stringMatching(/^shop The login has expired/),
      expect.stringMatching(/^lab No process receives its messages\. +wxagent run --account lab$/),
      expect.stringMatching(/^family 1 message failed\./),
      expect.stringMatching(/^family 3 parts are held\./),
    ]);
    const family = page.getByRole('region', { name: 'family' });
    const boris = family.getByRole('listitem').filter({ hasText: 'boris' });
    expect(await boris.innerText()).toMatch(
      /0 of 10 left\n+window closes in 23 h 5\d min\n+3 held: the 10 messages/,
    );
    expect(await family.innerText()).toMatch(/carla\n+3 of 10 left/);
    expect(await family.innerText()).toMatch(/served by process \d+ on .+ · last poll /);

    await needs.getByRole('link', { name: 'Outbox' }).click();
    const queue = page.getByRole('region', { name: 'boris' });
    await queue.getByText('Held: the 10 messages since the user last wrote are used up.').waitFor();
    await queue
      .getByText('When they write, the 2 texts go first, joined, then 1 file, and then the reply.')
      .waitFor();
    expect(await queue.getByRole('listitem').allInnerTexts()).toEqual([
      expect.stringMatching(/^The backup.*\n+held since .* \d\d:\d\d · given up about .* \d\d:\d\d/),
      expect.stringMatching(/^picture: disk\.png\n+held .*given up about /),
      expect.stringMatching(/^Disk 2.*\n+held .*given up on /),
    ]);
    world.simulator.control.message({ user: BORIS, bot: world.family, text: 'I am here' });
    await page.getByText('Nothing waits.').waitFor();
    await page.getByRole('link', { name: 'Overview' }).click();
    await expect.poll(() => boris.innerText()).toMatch(/\d of 10 left\n+window closes in 23 h 59 min$/);
  });

  test('a part is dropped after one question, and two pages that drop the same one agree', async () => {
    world = await makeOperatorWorld();
    const [page, other] = [
      await openWebPage(browser, world.web, { view: 'outbox' }),
      await openWebPage(browser, world.web, { view: 'outbox' }),
    ];
    const question = other.getByRole('dialog', { name: 'Drop this part?' });
    // Who goes back has said no.
    await drop(other, BACKUP).click();
    await question.waitFor();
    await other.goBack();
    await question.waitFor({ state: 'hidden' });
    await other.goForward();
    await drop(other, BACKUP).click();
    await question.waitFor();
    // By keyboard: what cancels is chosen first.
    await drop(page, BACKUP).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText('is never sent to boris').waitFor();
    const isChosen = (name: string) =>
      expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe(name);
    await isChosen('Cancel');
    // Whoever says no and asks again at once is asked: that the first question is closed, a browser tells late.
    for (let time = 0; time < 5; time++) {
      await Promise.all([page.keyboard.press('Escape'), page.keyboard.press('Enter')]);
      await page.evaluate(
        'new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)))',
      );
      await isChosen('Cancel');
    }
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.keyboard.press('Escape');
    await isChosen('Drop');
    await page.keyboard.press('Enter');
    await isChosen('Cancel');
    await page.keyboard.press('Tab');
    await isChosen('Drop');
    await page.keyboard.press('Enter');
    await page.getByRole('status').getByText('Dropped.').waitFor();
    await drop(page, BACKUP).waitFor({ state: 'detached' });

    await drop(other, BACKUP).waitFor({ state: 'detached' });
    await other.getByRole('dialog').getByRole('button', { name: 'Drop' }).click();
    await other.getByRole('status').getByText('Dropped.').waitFor();
    expect(await other.getByRole('button', { name: /^Drop: / }).count()).toBe(2);
    const token = await world.web.token('--scope', 'admin');
    const { json } = await world.web.ask('/audit?limit=5', { token });
    const acts = (json as { entries: { who: string; act: string }[] }).entries;
    expect(acts.filter(({ act }) => act === 'drop')).toMatchObject([
      { who: expect.stringMatching(/^browser /) },
    ]);
  });

  test('what a source pushes and has to wait is shown with why, and can be dropped', async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator, { name: 'mine' });
    const { stdout } = await runHere(['source', 'add', 'nas', '--digest', '1h', '--json'], { home });
    const [source] = jsonLines(stdout) as [{ token: string }];
    const web = await startWeb({ home, env: {} });
    const page = await openWebPage(browser, web, { view: 'outbox' });
    await page.getByText('Nothing waits.').waitFor();
    const body = 'disk 2 is full';
    expect((await web.ask(`//push/${source.token}`, { method: 'POST', body })).status).toBe(200);
    const row = page.getByRole('listitem').filter({ hasText: 'disk 2 is full' });
    await row.getByText(/delayed.*joined with what else its source pushes/).waitFor();
    await row.getByRole('button', { name: 'Drop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drop' }).click();
    await page.getByText('Nothing waits.').waitFor();
  });

  test('the doctor says what to begin with, in the language of the page, for the account that is chosen', async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator, { name: 'mine' });
    const { id } = loggedIn(simulator, { home, name: 'shop', user: 'sven@im.wechat' });
    const web = await startWeb({ home, env: {} });
    const page = await openWebPage(browser, web, { view: 'doctor', locale: 'zh-CN' });
    await page.getByRole('status').getByText('一切正常。').waitFor();
    await page.getByText('与服务器相差不到 1 秒').waitFor();
    const names = await page.locator('.checks strong').allInnerTexts();
    expect(names.filter((name) => /^[a-z]/.test(name))).toEqual([]);
    simulator.control.kill({ bot: id });
    await page.getByRole('combobox', { name: '账号' }).selectOption({ label: 'shop' });
    await page.getByRole('status').getByText('请先处理：登录').waitFor();
    await page.getByText(/^wxagent login /).waitFor();
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('status').getByText('Begin with: Login').waitFor();
  });

  test('light and dark, wide and narrow, in both languages: no serious fault of access, nothing cut off', async () => {
    world = await makeOperatorWorld();
    for (const [index, viewport] of SIZES.entries())
      for (const colorScheme of ['light', 'dark'] as const) {
        const locale = ['zh-CN', 'en-US'][index] ?? '';
        const page = await openWebPage(browser, world.web, { colorScheme, viewport, locale });
        for (const view of VIEWS) {
          await page.evaluate(`location.hash = '#/${view}'`);
          await page.locator('main .card').first().waitFor();
          expect(await seriousFaults(page), view).toEqual([]);
          expect(await page.evaluate('document.documentElement.scrollWidth'), view).toBe(viewport.width);
        }
      }
  });

  test('of a thousand accounts some are shown, those that need a person first, and any is found', async () => {
    const web = await startWeb({ home: loggedIn(await simulate()).home, env: {} });
    const page = await openWebPage(browser, web, { view: 'outbox' });
    const users: object[] = [];
    const [inbox, outbox] = [
      { received: 0, running: 0, failed: 0, ignored: 0, unknown: 0 },
      { queued: 0, sending: 0, held: 0, delayed: 0, scheduled: 0 },
    ];
    const accounts = Array.from({ length: 1_000 }, (_, n) => ({
      ...{
        id: `b${n}@im.bot`,
        name: `shop ${n}`,
        owner: `o${n}@im.wechat`,
        lastPollAt: new Date().toISOString(),
      },
      ...{ login: n % 100 === 99 ? 'expired' : 'ok', runner: { pid: 1, host: 'nas' }, inbox, outbox, users },
      ...{ deaf: n === 0 ? { sign: 'silent', user: 'o0@im.wechat' } : null, keepWindow: null },
    }));
    await page.route('**/api/v1/accounts', (asked) => asked.fulfill({ json: { accounts } }));
    await page.evaluate("location.hash = '#/overview'");
    const needs = page.getByRole('region', { name: 'Needs you' });
    await needs.getByText('shop 99').waitFor();
    expect(await needs.getByRole('listitem').count()).toBe(8);
    await needs.getByRole('button', { name: '3 more' }).click();
    expect(await needs.getByRole('listitem').count()).toBe(11);
    expect(await needs.getByRole('listitem').last().innerText()).toContain('Look at the phone of o0.');
    expect(await page.locator('.account').count()).toBe(48);
    await page.getByRole('button', { name: '952 more accounts' }).click();
    expect(await page.locator('.account').count()).toBe(96);
    await page.getByRole('searchbox', { name: 'Search 1000 accounts' }).fill('O777');
    await page.getByRole('region', { name: 'shop 777' }).waitFor();
    expect(await page.locator('.account').count()).toBe(1);
    await page.getByRole('searchbox').fill('nobody');
    await page.getByText('No account is called so.').waitFor();
  });

  test('all is reached by keyboard, and whoever chooses a view goes on in it', async () => {
    const web = await startWeb({ home: loggedIn(await simulate()).home, env: {} });
    const page = await openWebPage(browser, web, { viewport: SIZES[0] ?? null });
    const focused = () => page.evaluate('document.activeElement.innerText || document.activeElement.id');
    await page.keyboard.press('Tab');
    await expect.poll(focused).toBe('To the content');
    await page.keyboard.press('Enter');
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('content');
    const more = page.getByRole('button', { name: 'More' });
    await more.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Doctor' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: 'Doctor' }).waitFor({ state: 'hidden' });
    await expect.poll(focused).toBe('More');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Workers' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Workers' }).waitFor();
    await page.getByRole('link', { name: 'Doctor' }).waitFor({ state: 'hidden' });
    await expect.poll(() => page.evaluate('document.activeElement.id')).toBe('content');
    await page.goBack();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await more.click();
    await page.getByRole('link', { name: 'Doctor' }).waitFor();
    await page.getByRole('heading', { name: 'Overview' }).click();
    await page.getByRole('link', { name: 'Doctor' }).waitFor({ state: 'hidden' });
  });

  test('a server that goes is told, and one that comes back is found; what was shown stays', async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator, { name: 'mine' });
    const web = await startWeb({ home, env: {} });
    const page = await openWebPage(browser, web);
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    await web.stop();
    await page.getByRole('alert').getByText('The server does not answer.').waitFor();
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    loggedIn(simulator, { home, name: 'second', user: 'sven@im.wechat' });
    startHere(['web', '--listen', new URL(web.url).host], { home });
    await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
    await page.getByRole('heading', { name: 'second' }).waitFor();
  });

  test('a database that is deleted under the page is told; the new one knows no browser', async () => {
    const { home } = loggedIn(await simulate(), { name: 'mine' });
    const web = await startWeb({ home, env: {} });
    const page = await openWebPage(browser, web);
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    const state = join(home, 'wx', 'state');
    for (const name of readdirSync(state).filter((one) => one.startsWith('wxagent.db')))
      rmSync(join(state, name));
    const box = page.getByRole('textbox', { name: 'One-time code' });
    await box.waitFor();
    await box.fill(await web.code());
    await box.press('Enter');
    await page.getByRole('heading', { name: 'mine' }).waitFor();
  });
});

describe.skipIf(CHROMIUM === null || SERVER === null)('the page of a database server', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  async function start() {
    const proxy = await startCuttingProxy(upstreamOf(SERVER as string));
    onTestFinished(() => proxy.close());
    const env = STORES.at(-1)?.environment() as Record<string, string>;
    const simulator = await simulate();
    await runHere(['login', '--base-url', simulator.baseUrl, '--name', 'mine', '--json'], {
      home: makeFolder(),
      env,
    });
    const far = withParts(env.WXAGENT_STORE as string, { host: '127.0.0.1', port: proxy.port });
    const web = await startWeb({ home: makeFolder(), env: { ...env, WXAGENT_STORE: far } });
    return { web, env, proxy };
  }

  test('a store that is away is told, and comes back by itself', async () => {
    const { web, proxy } = await start();
    const page = await openWebPage(browser, web);
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    await proxy.refuse();
    await page.getByRole('alert').getByText('The server cannot use its store.').waitFor();
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    await proxy.accept();
    await page.getByText('The server cannot use its store.').waitFor({ state: 'detached' });
    await page.getByRole('heading', { name: 'mine' }).waitFor();
  });

  test('workers are shown as they come and go', async () => {
    const { web, env } = await start();
    const page = await openWebPage(browser, web, { view: 'workers' });
    await page.getByText('nobody: wxagent run --all-accounts').waitFor();
    const run = startHere(['run', '--all-accounts', '--echo'], { home: makeFolder(), env });
    await page.getByText(/^1 (of at most [\d,]+ )?accounts?$/).waitFor();
    await page.getByText(/shares all accounts · process \d+ on .* · wxagent /).waitFor();
    await page.getByText(/^process \d+ on /).waitFor();
    await run.stop();
    await page.getByText('nobody: wxagent run --all-accounts').waitFor();
  });
});
