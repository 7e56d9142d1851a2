import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase, transaction } from '../../../src/sqlite/database.ts';
import { CHROMIUM, launchBrowser, seriousFaults } from '../../helpers/browser.ts';
import { type ChatWorld, makeChatWorld, picture, voice } from '../../helpers/chat-world.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { startWeb } from '../../helpers/web.ts';
import { FILES } from '../../helpers/web-world.ts';

const PHONE = { width: 360, height: 740 };
const SCRIPT = '<script>document.title="mine"</script><img src=x onerror="document.title=\'mine\'">';
const FLAGS = '👩‍👩‍👧‍👦🏳️‍🌈🇨🇳';

let browser: Browser;

type Box = Record<'scrollTop' | 'scrollHeight' | 'clientHeight', number>;

/** Stores messages and answers of a user, one each a minute, the last of them now; `isNews`: pages are told of them. */
function fill({ home, account }: ChatWorld, user: string, count: number, isNews = false): void {
  const database = openDatabase(join(home, 'wx/state/wxagent.db'));
  const startMs = Date.now() - count * 60_000;
  transaction(database, () => {
    for (let n = 1; n <= count; n++) {
      const text = n === 7 ? 'the needle of all' : `question ${n}`;
      const raw = Buffer.from(
        JSON.stringify({ from_user_id: user, item_list: [{ type: 1, text_item: { text } }] }),
      );
      database.run(
        `INSERT INTO inbox (account, id, "user", state, kind, fingerprint, received_at, raw, finished_at, attempt)
           VALUES (?, ?, ?, 'done', 'text', ?, ?, ?, ?, ?)`,
        account,
        `m${n} ${isNews}`,
        user,
        `f${n}`,
        startMs + n * 60_000,
        raw,
        startMs + n * 60_000,
        isNews ? 0 : 1,
      );
      database.run(
        `INSERT INTO parts (account, "user", client_id, message, origin, text, state, created_at, finished_at)
           VALUES (?, ?, ?, ?, 'answer', ?, 'confirmed', ?, ?)`,
        account,
        user,
        `c${n}`,
        `m${n}`,
        Buffer.from(`answer ${n}`),
        startMs + n * 60_000 + 900,
        startMs + n * 60_000 + 950,
      );
    }
  });
  database.close();
}

describe.skipIf(CHROMIUM === null)('long and hostile conversations on the page', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('of ten thousand entries some hundred are there; others come when somebody scrolls or searches', {
    timeout: 120_000,
  }, async () => {
    const world = await makeChatWorld();
    fill(world, world.user, 5_000);
    const page = await world.open(browser, world.user);
    const bubbles = page.locator('.messages .message');
    const log = page.getByRole('log');
    await log.getByText('answer 5000').waitFor();
    expect(await bubbles.count()).toBe(60);
    for (let pages = 2; pages <= 8; pages++) {
      const first = await bubbles.first().innerText();
      const top = () => log.evaluate((one: { scrollTop: number }) => one.scrollTop);
      await log.evaluate((one: { scrollTop: number }) => {
        one.scrollTop = 0;
      });
      await pollUntil('earlier messages', async () => (await bubbles.first().innerText()) !== first);
      // Whoever reads goes on where they were.
      await pollUntil('the place', async () => (await top()) > 100);
    }
    expect(await bubbles.count()).toBe(300);
    expect(await log.getByText('answer 5000').count()).toBe(0);
    world.simulator.control.message({ text: 'quiet news' });
    await page.getByRole('link', { name: /quiet news/ }).waitFor();
    await page.getByRole('button', { name: 'To the newest messages' }).click();
    await page.locator('.message', { hasText: 'quiet news' }).waitFor();
    expect(await bubbles.count()).toBe(60);

    await page.getByRole('searchbox').fill('NEEDLE of');
    await page.getByRole('link', { name: /the needle of all/ }).click();
    await page.locator('.message', { hasText: 'the needle of all' }).waitFor();
    await page.getByText('question 1', { exact: true }).waitFor({ state: 'attached' });
    for (let more = 0; more < 3; more++) {
      const last = await bubbles.last().innerText();
      await log.evaluate((one: { scrollTop: number; scrollHeight: number }) => {
        one.scrollTop = one.scrollHeight;
      });
      await pollUntil('later messages', async () => (await bubbles.last().innerText()) !== last);
    }
    expect(await bubbles.count()).toBeLessThanOrEqual(300);
  });

  test('however many come at once, whoever follows sees the last; a server that goes and comes back is caught up with', async () => {
    const world = await makeChatWorld();
    fill(world, world.user, 10);
    const page = await world.open(browser, world.user);
    const log = page.getByRole('log');
    await log.getByText('answer 10').waitFor();
    fill(world, world.user, 200, true);
    await log.getByText('answer 200').waitFor();
    expect(await page.locator('.messages .message').count()).toBe(300);

    await world.web.stop();
    await page.getByText('The server does not answer. What you see').waitFor();
    await page.getByRole('textbox', { name: 'Message' }).fill('into the void');
    await page.keyboard.press('Enter');
    await log.getByText('Not sent:').waitFor();
    world.simulator.control.message({ text: 'while it was away' });
    const { port } = new URL(world.web.url);
    await startWeb(world, '--listen', `127.0.0.1:${port}`, '--base-url', world.simulator.baseUrl);
    await log.getByText('You said: while it was away').waitFor();
    // Nobody is thrown back to the last page.
    expect(await page.locator('.messages .message').count()).toBeGreaterThan(290);
    await page.getByRole('button', { name: 'Send again' }).click();
    await log.getByText('sent · confirmed').waitFor();
  });

  test('what comes while somebody reads further up does not move them', async () => {
    const world = await makeChatWorld();
    fill(world, world.user, 60);
    const page = await world.open(browser, world.user);
    const log = page.getByRole('log');
    await log.getByText('answer 60').waitFor();
    await log.evaluate((one: { scrollTop: number }) => {
      one.scrollTop = 700;
    });
    const top = () =>
      page
        .getByText('question 40', { exact: true })
        .evaluate((one: { getBoundingClientRect(): { top: number } }) => one.getBoundingClientRect().top);
    const before = await top();
    world.simulator.control.message({ text: 'news' });
    await page.getByText('You said: news').last().waitFor({ state: 'attached' });
    expect(Math.abs((await top()) - before)).toBeLessThan(3);
    // Who writes sees it.
    await page.getByRole('textbox', { name: 'Message' }).fill('my own');
    await page.keyboard.press('Enter');
    await log.getByText('my own').waitFor();
    await pollUntil('the end', () =>
      log.evaluate((one: Box) => one.scrollHeight - one.scrollTop - one.clientHeight < 5),
    );
  });

  test('nothing that a user sends becomes a script, breaks the page or hides what it is', async () => {
    const world = await makeChatWorld();
    const { simulator, user } = world;
    const long = `quiet ${'好'.repeat(20_000 - 6)}`;
    simulator.control.messages([
      { text: `quiet ${SCRIPT}` },
      { text: `quiet ${'x'.repeat(2_000)} ${FLAGS}` },
      { text: 'مرحبا بك في هذا المكان quiet' },
      { text: `quiet Z${'\u0301'.repeat(500)}` },
      { text: long },
      { text: `quiet \u0000\u0007\u001b[31mred\u202eabc` },
      ...[FILES.html, FILES.svg, FILES.lie, FILES.evil].map((file) => ({ file })),
      { image: FILES.lie },
      { image: FILES.svg },
      { file: { name: 'bill\u202efdp.exe\u0007', bytes: Buffer.from('x') } },
    ]);
    simulator.control.changeSettings({ strangers: true });
    simulator.control.message({ user: 'o9\u202eevil<b>\u0007', text: SCRIPT });
    const page = await world.open(browser, user, { viewport: PHONE });
    await page.locator('a.file', { hasText: 'bill\ufffdfdp.exe\ufffd' }).waitFor();
    const log = page.getByRole('log');
    await log.getByText(SCRIPT).first().waitFor();
    await page.getByText('this file cannot be opened').nth(1).waitFor();
    await page.getByRole('button', { name: 'Show all 20,000 characters' }).click();
    await log.getByText(long).first().waitFor();
    const arabic = log.getByText('مرحبا');
    expect(
      await arabic
        .first()
        .evaluate((one: { matches(selector: string): boolean }) => one.matches(':dir(rtl)')),
    ).toBe(true);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.width);
    expect(
      await page
        .getByRole('log')
        .evaluate((one: { scrollWidth: number; clientWidth: number }) => one.scrollWidth - one.clientWidth),
    ).toBe(0);
    // Marks that are piled up on a letter stay in their bubble.
    expect(await page.evaluate(`getComputedStyle(document.querySelector('.bubble')).overflowY`)).toBe('clip');
    // A phone on its side, or a desk at 200 %.
    await page.setViewportSize({ width: 640, height: 320 });
    const bottom = async (place: string) => {
      const { y = 0, height = 0 } = (await page.locator(place).boundingBox()) ?? {};
      return y + height;
    };
    expect(await bottom('.composer')).toBeLessThanOrEqual(320 - 64);
    await page.setViewportSize(PHONE);
    for (const file of await page.locator('a.file').all()) {
      expect(await file.getAttribute('download')).not.toMatch(/[\p{Cc}\u202e]/u);
    }
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.locator('a.file', { hasText: 'drawing.svg' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('drawing.svg');
    await page.getByRole('link', { name: 'Back to the list' }).click();
    // Who uses a keyboard goes on where they came from.
    await page.locator('.contact:focus').waitFor();
    await page.getByRole('link', { name: /evil<b>/ }).click();
    await page.getByRole('button', { name: 'Allow this user' }).click();
    await page.getByText('The user is allowed').waitFor();
    expect(await page.title()).toBe('Conversations · wxagent');
  });

  test.each(['light', 'dark'] as const)(
    '%s, wide and narrow, in either language: no serious fault of access',
    async (colorScheme) => {
      const world = await makeChatWorld();
      const { simulator, user } = world;
      simulator.control.messages([
        { text: 'fail' },
        { image: { bytes: picture() } },
        { voice: { bytes: await voice() } },
        { file: FILES.long },
        { text: 'hello' },
      ]);
      const isLight = colorScheme === 'light';
      for (const { viewport, locale } of [
        { viewport: PHONE, locale: isLight ? 'zh-CN' : 'en-US' },
        { viewport: { width: 1440, height: 900 }, locale: isLight ? 'en-US' : 'zh-CN' },
      ]) {
        const page = await world.open(browser, user, { colorScheme, viewport, locale });
        await page.getByText('You said: hello').last().waitFor();
        await page.locator('summary').click();
        simulator.control.setBudget(0);
        await page.locator('textarea').fill('waits');
        await page.locator('.composer button[type=submit]').click();
        await page.locator('.foot.held').first().waitFor();
        expect(await seriousFaults(page)).toEqual([]);
        await page.evaluate("location.hash = '#/conversations'");
        await page.getByRole('searchbox').fill('hello');
        await page.locator('mark').first().waitFor();
        expect(await seriousFaults(page)).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(viewport.width);
      }
    },
  );
});
