import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CHROMIUM, launchBrowser, openPage } from '../../helpers/browser.ts';
import { makeChatWorld } from '../../helpers/chat-world.ts';
import { startCuttingProxy } from '../../helpers/cutting-proxy.ts';
import { makeOperatorWorld } from '../../helpers/operator-world.ts';
import { answers } from '../../helpers/simulated.ts';
import { openWebPage } from '../../helpers/web-page.ts';

let browser: Browser;

const said = (page: Page, text: string) => page.locator('.message', { hasText: text }).last();

/** What a style of each field of a page is, in words. */
const fields = (page: Page) =>
  page.evaluate(`Array.from(document.querySelectorAll('input:not([type=file]), textarea, select'), (one) => {
    const { fontSize, appearance } = getComputedStyle(one);
    return { name: one.getAttribute('aria-label') ?? one.type, type: one.type, pixels: parseFloat(fontSize), appearance };
  })`) as Promise<{ name: string; type: string; pixels: number; appearance: string }[]>;

describe.skipIf(CHROMIUM === null)('what other browsers need of a page', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('an iPhone does not zoom into a field or enlarge texts, and Safari leaves room for the sign of a search', async () => {
    const { web, alice, simulator } = await makeOperatorWorld();
    const page = await openWebPage(browser, web, { viewport: { width: 360, height: 740 } });
    const phone = await openPage(browser, simulator.baseUrl);
    const found: Awaited<ReturnType<typeof fields>> = [];
    for (const view of ['overview', 'conversations', alice, 'login', 'tokens', 'doctor']) {
      await page.evaluate(`location.hash = ${JSON.stringify(`#/${view}`)}`);
      await page.locator('main').locator('.card, .chats').first().waitFor();
      found.push(...(await fields(page)));
    }
    found.push(...(await fields(phone)));
    expect(found.map(({ type }) => type)).toEqual(expect.arrayContaining(['text', 'search', 'textarea']));
    expect(found.filter(({ pixels }) => pixels < 16)).toEqual([]);
    expect(found.filter(({ type, appearance }) => type === 'search' && appearance !== 'none')).toEqual([]);
    for (const one of [page, phone])
      expect(await one.evaluate('getComputedStyle(document.documentElement).textSizeAdjust')).toBe('100%');
  });

  test('what is written is seen, also where no style makes a field as high as its text', async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ text: 'quiet' });
    const pages = [
      await world.open(browser, world.user, { viewport: { width: 360, height: 740 } }),
      await openPage(browser, world.simulator.baseUrl),
    ];
    for (const page of pages) {
      const field = page.getByRole('textbox', { name: 'Message' });
      await field.waitFor();
      await page.evaluate("document.querySelector('textarea').style.setProperty('field-sizing', 'fixed')");
      const height = async () => (await field.boundingBox())?.height ?? 0;
      const low = await height();
      await field.fill('没有换行'.repeat(20));
      await expect.poll(height).toBeGreaterThan(low + 20);
      await field.fill('x\n'.repeat(50));
      await expect.poll(height).toBe(160);
      await field.fill('');
      await expect.poll(height).toBe(low);
      // Of how wide a field wants to be, browsers think differently.
      await page.evaluate("document.querySelector('textarea').cols = 60");
      await page.setViewportSize({ width: 320, height: 640 });
      const { x = 0, width = 0 } = (await page.locator('.write').boundingBox()) ?? {};
      expect(x + width).toBeLessThanOrEqual(320);
    }
  });

  test('a phone that was put away gets what has come meanwhile at once, though nobody has told it that its stream is dead', async () => {
    const world = await makeChatWorld();
    const proxy = await startCuttingProxy({ host: '127.0.0.1', port: Number(new URL(world.web.url).port) });
    onTestFinished(() => proxy.close());
    const streams = new Set<number>();
    let isAway = false;
    proxy.rule = (from, bytes, connection) => {
      if (from === 'client' && bytes.includes('/api/v1/events')) streams.add(connection);
      return isAway && streams.has(connection) ? 'stall' : 'pass';
    };
    world.simulator.control.message({ text: 'before' });
    const page = await openPage(browser, 'about:blank');
    await page.addInitScript(`
      globalThis.isSeen = true;
      Object.defineProperty(document, 'visibilityState', { get: () => globalThis.isSeen ? 'visible' : 'hidden' });
    `);
    const look = (isSeen: boolean) =>
      page.evaluate(`globalThis.isSeen = ${isSeen}; document.dispatchEvent(new Event('visibilitychange'))`);
    await page.goto(`http://127.0.0.1:${proxy.port}/#code=${await world.web.code()}`);
    await page.locator('.nav').waitFor();
    await page.evaluate(
      `location.hash = ${JSON.stringify(`#/conversations/${world.account}/${world.user}`)}`,
    );
    await said(page, 'You said: before').waitFor();
    await look(false);
    isAway = true;
    world.simulator.control.message({ text: 'while it was away' });
    await expect.poll(() => answers(world.simulator).length).toBe(2);
    isAway = false;
    await look(true);
    await said(page, 'You said: while it was away').waitFor({ timeout: 5_000 });
  });
});
