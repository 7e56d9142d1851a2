import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, dropPath, launchBrowser, openPage } from '../../helpers/browser.ts';
import { makeChatWorld, picture, voice } from '../../helpers/chat-world.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { answers } from '../../helpers/simulated.ts';
import { makeFolder } from '../../helpers/wxagent.ts';

let browser: Browser;

/** The bubble with this text, with what stands below it. */
const said = (page: Page, text: string) => page.locator('.message', { hasText: text }).last();

async function write(page: Page, text: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Message' }).fill(text);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

describe.skipIf(CHROMIUM === null)('conversations on the page', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('both sides chat: text, a picture, a voice that plays, a file; what is sent says what became of it', async () => {
    const world = await makeChatWorld();
    const { simulator } = world;
    const page = await world.open(browser, null);
    await page.getByText('Nobody has written yet.').waitFor();
    simulator.control.message({ text: 'hello from the phone' });
    await page.getByRole('link', { name: /You said: hello/ }).click();
    await said(page, 'You said: hello from the phone').getByText('agent · confirmed').waitFor();

    simulator.control.messages([{ image: { bytes: picture() } }, { voice: { bytes: await voice(1) } }]);
    const image = page.locator('.message.theirs img');
    await image.waitFor();
    await pollUntil(
      'the picture',
      async () => (await image.evaluate((one: { naturalWidth: number }) => one.naturalWidth)) === 320,
    );
    await page.getByRole('button', { name: 'Play the voice message' }).click();
    await page.getByRole('button', { name: 'Stop the voice message' }).waitFor();
    await page.getByRole('button', { name: 'Play the voice message' }).waitFor();

    await write(page, 'an answer by hand **as it is**');
    await said(page, 'an answer by hand').getByText('sent · confirmed').waitFor();
    expect(answers(simulator)).toContain('an answer by hand **as it is**');
    await page
      .locator('input[data-for=picture]')
      .setInputFiles({ name: 'mine.png', mimeType: 'image/png', buffer: picture(64, 48) });
    const mine = page.locator('.message.mine img');
    await mine.waitFor();
    await pollUntil(
      'the picture',
      async () => (await mine.evaluate((one: { naturalWidth: number }) => one.naturalWidth)) === 64,
    );

    const drop = await page.evaluateHandle(
      "(() => { const t = new DataTransfer(); t.items.add(new File(['a,b'], 'table.csv')); return t; })()",
    );
    await page.locator('section.chat').dispatchEvent('drop', { dataTransfer: drop });
    const saved = page.locator('.message.mine a.file', { hasText: 'table.csv' });
    await saved.waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), saved.click()]);
    expect(download.suggestedFilename()).toBe('table.csv');
  });

  test('what is held says why and goes when the phone writes; one of two who drop it is told', async () => {
    const world = await makeChatWorld();
    const { simulator, user } = world;
    simulator.control.message({ text: 'quiet' });
    simulator.control.setBudget(0);
    const page = await world.open(browser, user);
    await said(page, 'quiet').waitFor();
    await write(page, 'first that waits');
    await write(page, 'second that waits');
    await said(page, 'second that waits')
      .getByText(/held: .*It goes when the user writes/)
      .waitFor();

    const other = await world.open(browser, user);
    for (const one of [page, other])
      await said(one, 'second that waits').getByRole('button', { name: 'Drop' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drop' }).click();
    await said(page, 'second that waits').getByText('expired: somebody dropped it').waitFor();
    await other.getByRole('dialog').getByRole('button', { name: 'Drop' }).click();
    await said(other, 'second that waits').getByText('expired: somebody dropped it').waitFor();
    await other
      .locator('.toasts')
      .getByText(/dropped/)
      .waitFor();

    simulator.control.setBudget(10);
    simulator.control.message({ text: 'quiet again' });
    await said(page, 'first that waits').getByText('sent · confirmed').waitFor();
    expect(answers(simulator)).toEqual([expect.stringMatching(/first that waits$/)]);
  });

  test('a failed message shows why and its stderr, and runs again', async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ text: 'fail' });
    const page = await world.open(browser, world.user);
    const message = said(page, 'fail');
    await message.getByText('failed: exit code 3: KeyError: city').waitFor();
    await message.getByText('What the agent wrote on stderr').click();
    await message.getByText('File "agent.py", line 3').waitFor();
    await page.getByRole('button', { name: 'Held', exact: true }).click();
    await page.getByText('There are none.').waitFor();
    await page.getByRole('button', { name: 'Failed', exact: true }).click();
    await page.getByRole('link', { name: /1 failed/ }).waitFor();
    writeFileSync(join(world.folder, 'mended'), '');
    await message.getByRole('button', { name: 'Run again' }).click();
    await said(page, 'mended').getByText('agent · confirmed').waitFor();
    await pollUntil('no failure', async () => (await page.getByText('1 failed').count()) === 0);
    expect(await message.getByRole('button').count()).toBe(0);
  });

  test('a reload in the middle of sending sends once, and keeps what is being written', async () => {
    const world = await makeChatWorld();
    const { simulator, user } = world;
    simulator.control.message({ text: 'quiet' });
    const page = await world.open(browser, user);
    await said(page, 'quiet').waitFor();
    let sent = 0;
    // The server gets it, and the page never hears of it.
    await page.route('**/send', async (route) => {
      sent++;
      if (sent > 1) return route.continue();
      await route.fetch();
    });
    const box = page.getByRole('textbox', { name: 'Message' });
    await box.fill('only once');
    await page.getByRole('button', { name: 'Send', exact: true }).dblclick();
    await pollUntil('the message', () => answers(simulator).includes('only once'));
    await box.fill('still being written');
    await page.reload();
    await said(page, 'only once').getByText('sent · confirmed').waitFor();
    await pollUntil('the second request', () => sent === 2);
    expect(await box.inputValue()).toBe('still being written');
    await pollUntil('nothing on its way', async () => (await page.getByText('on its way').count()) === 0);
    expect(answers(simulator)).toEqual(['only once']);
    expect(await page.locator('.message', { hasText: 'only once' }).count()).toBe(1);
  });

  test('what the server does not take is said, and can be sent again', async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ text: 'quiet' });
    const page = await world.open(browser, world.user);
    await said(page, 'quiet').waitFor();
    await page.route('**/send', (route) => route.abort('connectionrefused'));
    await write(page, 'not yet');
    await said(page, 'not yet').getByText('Not sent: The server does not answer.').waitFor();
    await page.unroute('**/send');
    await said(page, 'not yet').getByRole('button', { name: 'Send again' }).click();
    await said(page, 'not yet').getByText('sent · confirmed').waitFor();
  });

  test('a text outlives a session that ends while it is sent, and a reload after that', async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ text: 'quiet' });
    const page = await world.open(browser, world.user);
    await said(page, 'quiet').waitFor();
    await page.route('**/send', async (route) => {
      await page.context().clearCookies();
      await route.continue({ headers: { ...route.request().headers(), cookie: '' } });
    });
    await write(page, 'not lost');
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await page.unroute('**/send');
    await page.reload();
    await page.getByRole('textbox').fill(await world.web.code());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await said(page, 'not lost').getByRole('button', { name: 'Send again' }).click();
    await said(page, 'not lost').getByText('sent · confirmed').waitFor();
    expect(answers(world.simulator)).toEqual(['not lost']);
  });

  test('what is looked at is new no more, here and in another page of the browser', async () => {
    const world = await makeChatWorld();
    const { simulator, user, account } = world;
    simulator.control.messages([{ text: 'quiet one' }, { text: 'quiet two' }]);
    const page = await world.open(browser, null);
    await page.getByRole('link', { name: /2 new/ }).waitFor();
    const other = await page.context().newPage();
    await other.goto(`${world.web.url}/#/conversations/${account}/${encodeURIComponent(user)}`);
    await said(other, 'quiet two').waitFor();
    await pollUntil('nothing new', async () => (await page.getByText(/\d new/).count()) === 0);
    expect(await other.getByText(/\d new/).count()).toBe(0);
  });

  test('a text that is dragged is no file, and one that is pasted with a picture is a text', async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ text: 'quiet' });
    const page = await world.open(browser, world.user);
    await said(page, 'quiet').waitFor();
    const transfer = () =>
      page.evaluateHandle(
        "(() => { const t = new DataTransfer(); t.setData('text/plain', 'a text'); return t; })()",
      );
    const chat = page.locator('section.chat');
    await chat.dispatchEvent('dragover', { dataTransfer: await transfer() });
    expect(await chat.getAttribute('class')).not.toContain('drop');
    await chat.dispatchEvent('drop', { dataTransfer: await transfer() });
    const paste = (text: string, name: string) =>
      page.evaluate(`(() => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', ${JSON.stringify(text)});
        clipboardData.items.add(new File(['x'], ${JSON.stringify(name)}));
        const at = { clipboardData, bubbles: true };
        document.querySelector('textarea').dispatchEvent(new ClipboardEvent('paste', at));
      })()`);
    await paste('a text', 'cells.png');
    await write(page, 'sent after that');
    await said(page, 'sent after that').getByText('sent · confirmed').waitFor();
    expect(answers(world.simulator)).toEqual(['sent after that']);
    // A file that is copied in a file manager comes with its name, not always spelt in the same way.
    await paste('バナナ.txt', 'バナナ.txt'.normalize('NFD'));
    await page.locator('.mine a.file').waitFor();
    expect(answers(world.simulator)).toHaveLength(2);
  });

  test('a picture of the chat cannot be dragged, for Safari makes a file of it: let go over the chat, it would be sent', async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ image: { bytes: picture() } });
    const page = await world.open(browser, world.user);
    await page.locator('.theirs img').waitFor();
    await page.evaluate("addEventListener('dragstart', () => { globalThis.isDragged = true; })");
    await page.locator('.theirs img').dragTo(page.locator('.composer'));
    expect(await page.evaluate('globalThis.isDragged')).toBeUndefined();
  });

  test('however long a chat is, what is found in it is shown without moving what stands around it', async () => {
    const world = await makeChatWorld();
    world.simulator.control.messages([
      { text: 'quiet needle' },
      ...Array.from({ length: 40 }, (_, n) => ({ text: `quiet ${n}` })),
    ]);
    const page = await world.open(browser, world.user);
    await said(page, 'quiet 39').waitFor();
    await page.getByRole('searchbox').fill('needle');
    await page.locator('mark').click();
    await said(page, 'needle').waitFor();
    const phone = await openPage(browser, world.simulator.baseUrl);
    await phone.locator('.message').nth(40).waitFor();
    const tops = `Array.from(document.querySelectorAll('html, .chats, .phone, .chat'), (one) =>
      [one.scrollTop, one.scrollHeight - one.clientHeight])`;
    for (const one of [page, phone])
      expect(((await one.evaluate(tops)) as number[][]).flat().filter((pixels) => pixels !== 0)).toEqual([]);
  });

  test('a folder, and a file that is gone, are called that, and not a server that is away', async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ text: 'quiet' });
    const page = await world.open(browser, world.user);
    await said(page, 'quiet').waitFor();
    const folder = join(makeFolder(), 'holiday');
    mkdirSync(folder);
    await dropPath(page, 'section.chat', folder);
    await page.getByText('Not sent: holiday cannot be read: choose it again.').waitFor();
    const path = join(folder, 'gone.txt');
    writeFileSync(path, 'x');
    await page.route('**/send', (route) => route.abort('connectionrefused'));
    await page.locator('input[data-for=file]').setInputFiles(path);
    await page.getByText('Not sent: The server does not answer.').waitFor();
    await page.unroute('**/send');
    rmSync(path);
    await page.getByRole('button', { name: 'Send again' }).last().click();
    await page.getByText('Not sent: gone.txt cannot be read: choose it again.').waitFor();
    expect(answers(world.simulator)).toEqual([]);
  });

  test('a reload ends an upload and leaves nothing of it; the browser asks first', async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ text: 'quiet' });
    const page = await world.open(browser, world.user);
    await said(page, 'quiet').waitFor();
    const network = await page.context().newCDPSession(page);
    await network.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1_000_000 },
    });
    const path = join(makeFolder(), 'large.bin');
    writeFileSync(path, Buffer.alloc(20_000_000));
    await page.locator('input[data-for=file]').setInputFiles(path);
    const out = join(world.home, 'wx/media/out', world.account);
    const copies = () => (existsSync(out) ? readdirSync(out) : []);
    await pollUntil('the upload', async () => copies().length > 0);
    const asked: string[] = [];
    page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    // Browsers ask only whoever has done something with the page.
    await page.getByRole('textbox', { name: 'Message' }).click();
    await page.reload();
    await said(page, 'quiet').waitFor();
    expect(asked).toEqual(['beforeunload']);
    await pollUntil('nothing left', () => copies().length === 0);
    expect(await page.locator('.message').count()).toBe(1);
  });

  test('files that are sent one after the other are uploaded so, and one that waits can be taken back', async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ text: 'quiet' });
    const page = await world.open(browser, world.user);
    await said(page, 'quiet').waitFor();
    const asked: (() => Promise<void>)[] = [];
    await page.route('**/send', (request) => void asked.push(() => request.continue()));
    const choose = (name: string) =>
      page
        .locator('input[data-for=file]')
        .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(name) });
    for (const name of ['first.txt', 'second.txt', 'third.txt']) await choose(name);
    await said(page, 'third.txt').getByText('0 % uploaded').waitFor();
    await said(page, 'second.txt').getByRole('button', { name: 'Cancel' }).click();
    await pollUntil('one is on its way', () => asked.length > 0);
    expect(asked).toHaveLength(1);
    await asked[0]?.();
    await said(page, 'first.txt').getByText('sent · confirmed').waitFor();
    await pollUntil('the next one is on its way', () => asked.length > 1);
    await asked[1]?.();
    await said(page, 'third.txt').getByText('sent · confirmed').waitFor();
    expect(await said(page, 'second.txt').count()).toBe(0);
  });

  test('a file of 50 MB goes as a stream, and the page tells how far it is', {
    timeout: 120_000,
  }, async () => {
    const world = await makeChatWorld();
    world.simulator.control.message({ text: 'quiet' });
    const page = await world.open(browser, world.user);
    await said(page, 'quiet').waitFor();
    const path = join(makeFolder(), 'large.bin');
    writeFileSync(path, Buffer.alloc(50_000_000, 'wxagent '));
    await page.evaluate(
      "globalThis.seen = new Set(); setInterval(() => { const p = document.querySelector('progress'); if (p) seen.add(p.value); }, 5)",
    );
    await page.locator('input[data-for=file]').setInputFiles(path);
    await said(page, 'large.bin').getByText('sent · confirmed').waitFor({ timeout: 90_000 });
    const seen = (await page.evaluate('[...seen]')) as number[];
    expect(seen.length).toBeGreaterThan(2);
    const { shown } = world.simulator.control.phone();
    expect(shown.find(({ fileName }) => fileName === 'large.bin')?.sizeBytes).toBe(50_000_000);
  });
});
