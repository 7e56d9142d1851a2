import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CHROMIUM, dropPath, launchBrowser, openPage, seriousFaults } from '../helpers/browser.ts';
import { expectPicture } from '../helpers/picture.ts';
import { loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, makeFolder, startOnTerminal, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0'];

let browser: Browser;

/** The built simulator as a process of its own; where it is. */
async function simulator(
  home: string,
  ...more: string[]
): Promise<{ url: string; end: () => Promise<unknown> }> {
  const running = startWxagent(['simulate', '--seed', '1', '--json', ...more], { home });
  await running.says('stdout', '"simulate"');
  const [said] = jsonLines(running.stdout);
  return { url: said?.baseUrl as string, end: () => running.stop() };
}

const control = async (url: string, name: string, body?: object) =>
  (await (
    await fetch(`${url}/_sim/${name}`, body && { method: 'POST', body: JSON.stringify(body) })
  ).json()) as never;

/** A page of a simulator with a bot, whose agent is the one that is named. */
async function chatting(agent: readonly string[]): Promise<{ page: Page; url: string; home: string }> {
  const home = makeFolder();
  const { url } = await simulator(home);
  // More than two messages a second are what a test writes, not a person.
  await control(url, 'settings', { burstLimit: 0 });
  const page = await openPage(browser, url);
  startWxagent(['login', '--base-url', url], { home });
  await page.getByText('Bot logged in, not connected').waitFor();
  startWxagent(['run', ...agent, ...QUICK], { home });
  await page.getByText('Bot connected').waitFor();
  return { page, url, home };
}

async function write(page: Page, text: string): Promise<void> {
  const box = page.getByRole('textbox', { name: 'Message' });
  await box.fill(text);
  await box.press('Enter');
  await page.locator('.mine').getByText(text, { exact: true }).last().waitFor();
}

const answer = (page: Page, text: string) => page.locator('.theirs').getByText(text, { exact: true });

/** Two hills under a sky. */
function picture(width = 120, height = 80): Buffer {
  const image = new PNG({ width, height });
  const hill = (x: number, top: number, steep: number) => height * top + Math.abs(x - width * top) * steep;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const colour =
        y > hill(x, 0.6, 0.5) ? [46, 125, 80] : y > hill(x, 0.4, 0.7) ? [98, 168, 108] : [150, 205, 240];
      image.data.set([...colour, 255], (y * width + x) * 4);
    }
  return PNG.sync.write(image);
}

/** A bot without a client sends an item. */
async function botSends(url: string, bot: { token: string; user: string }, item: object): Promise<void> {
  const msg = { to_user_id: bot.user, message_type: 2, message_state: 2, item_list: [item] };
  const headers = { authorization: `Bearer ${bot.token}` };
  await fetch(`${url}/ilink/bot/sendmessage`, { method: 'POST', headers, body: JSON.stringify({ msg }) });
}

describe.skipIf(CHROMIUM === null)('the phone', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('chats both ways: text, pictures, files, voice, quotes; a reload in the middle changes nothing', async () => {
    const { page } = await chatting(['--echo']);
    await write(page, 'hello <b>you</b> & "me"');
    await page.locator('.theirs').first().waitFor();

    await page
      .locator('input[data-for=picture]')
      .setInputFiles({ name: 'p.png', mimeType: 'image/png', buffer: picture() });
    await page.locator('.theirs img').waitFor();
    const sizes = 'Array.from(document.images, (one) => [one.naturalWidth, one.naturalHeight])';
    await expect
      .poll(() => page.evaluate(sizes))
      .toEqual([
        [120, 80],
        [120, 80],
      ]);

    await page
      .locator('input[data-for=file]')
      .setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('remember') });
    const saving = page.waitForEvent('download');
    await page.locator('.theirs').getByRole('link', { name: 'Save notes.txt' }).click();
    const saved = await saving;
    expect(saved.suggestedFilename()).toBe('notes.txt');
    expect(
      await (await saved.createReadStream()).toArray().then((all) => Buffer.concat(all).toString()),
    ).toBe('remember');

    await page.getByRole('button', { name: 'Send a sample voice message' }).click();
    await answer(page, 'Remind me tomorrow at nine').waitFor();
    await page.getByRole('button', { name: 'Record a voice message' }).click();
    await page.getByRole('button', { name: /^Send the recording \([1-9]/ }).click();
    await page.getByRole('button', { name: 'Play the voice message' }).nth(1).click();
    await page.getByRole('button', { name: 'Stop the voice message' }).waitFor();

    await page.reload();
    await answer(page, 'Remind me tomorrow at nine').waitFor();
    await expect
      .poll(() => page.evaluate(sizes))
      .toEqual([
        [120, 80],
        [120, 80],
      ]);
    await answer(page, 'Remind me tomorrow at nine').hover();
    await page.getByRole('button', { name: 'Quote: Remind me tomorrow at nine' }).last().click();
    await write(page, 'not so early');
    expect(await page.locator('.mine').last().locator('.quoted').innerText()).toContain(
      'Remind me tomorrow at nine',
    );
    await answer(page, 'not so early').waitFor();
  });

  test('typing is shown; a refused part comes when the phone writes; quota, 25 hours and lost messages are told', async () => {
    const home = makeFolder();
    const go = join(home, 'go');
    const { page, url } = await chatting(['--exec', `while [ ! -e '${go}' ]; do sleep 0.05; done; cat`]);
    await write(page, 'slowly');
    await page.getByText('Bot is typing…').waitFor();
    await page.locator('.typing').waitFor();
    writeFileSync(go, '');
    await answer(page, 'slowly').waitFor();
    await page.locator('.typing').waitFor({ state: 'detached' });

    await page.getByRole('switch', { name: 'Refuse' }).click();
    await page.getByRole('switch', { name: 'Refuse', checked: true }).waitFor();
    await write(page, 'one');
    const refused = async () => {
      const { counts } = (await control(url, 'stats')) as { counts: Record<string, number> };
      return counts.faults ?? 0;
    };
    await expect.poll(refused).toBeGreaterThan(0);
    await page.getByRole('switch', { name: 'Refuse' }).click();
    await page.getByRole('switch', { name: 'Refuse', checked: false }).waitFor();
    expect(await answer(page, 'one').count()).toBe(0);
    await write(page, 'two');
    await answer(page, 'two').waitFor();
    expect((await page.locator('.theirs .text').allInnerTexts()).at(-2)).toContain('one');

    await page.getByText(/of 10 left · 24 h window/).waitFor();
    await page.getByRole('button', { name: 'Use up the quota' }).click();
    await page.getByText('0 of 10 left').waitFor();
    await page.getByRole('button', { name: '25 hours later' }).click();
    await page.getByText('window closed').waitFor();
    await page.getByRole('switch', { name: 'Drop' }).click();
    await page.getByRole('switch', { name: 'Drop', checked: true }).waitFor();
    await write(page, 'three');
    await page.getByText('A message of the bot was lost here').waitFor();
    await page.getByText(/of 10 left · 24 h window/).waitFor();
    expect(await answer(page, 'three').count()).toBe(0);
  });

  test('a grey placeholder says its reason, and faults of commands can be cleared', async () => {
    const { url } = await simulator(makeFolder());
    const page = await openPage(browser, url);
    const bot = (await control(url, 'bots', {})) as { token: string; user: string };
    await write(page, 'show me');
    await control(url, 'faults', { endpoint: 'upload', kind: 'hang' });
    await page.getByText('1 more set by commands').waitFor();
    await page.getByRole('button', { name: 'Clear all faults' }).click();
    await page.getByText('1 more set by commands').waitFor({ state: 'detached' });
    const item = { type: 2, image_item: { media: { encrypt_query_param: 'x', aes_key: 'eA==' } } };
    await botSends(url, bot, item);
    await page.getByText('nothing was uploaded under this encrypt_query_param').waitFor();
  });

  test('logs a bot in: a code, digits, a refusal; a dead token is seen and mended', async () => {
    const home = makeFolder();
    const { url } = await simulator(home, '--scan', 'manual');
    const page = await openPage(browser, url);
    await page.getByText(`wxagent login --home ./simulated --base-url ${url}`).waitFor();
    await page.getByRole('switch', { name: 'Ask for digits' }).click();
    await page.getByRole('switch', { name: 'Ask for digits', checked: true }).waitFor();
    const login = startOnTerminal(['login', '--base-url', url], { home, stdout: join(home, 'stdout') });
    await page.getByRole('img', { name: 'QR code of the login' }).waitFor();
    await page.getByRole('button', { name: 'Only scan' }).click();
    await login.says('stdout', 'Enter the verification code');
    login.child.stdin?.write(`${await page.locator('.digits').innerText()}\n`);
    await page.getByRole('button', { name: 'Confirm on the phone' }).click();
    await login.says('stdout', 'send the bot a message');
    await write(page, 'first words');
    expect(await login.exited).toMatchObject({ code: 0 });
    await page.getByText('Bot logged in, not connected').waitFor();

    const run = startWxagent(['run', '--echo', ...QUICK], { home });
    await page.getByText('Bot connected').waitFor();
    await page.getByRole('button', { name: 'Kill the token' }).click();
    await page.getByText('no bot yet').waitFor();
    expect((await run.exited).code).not.toBe(0);
    await page.getByRole('switch', { name: 'Ask for digits' }).click();
    await page.getByRole('switch', { name: 'Ask for digits', checked: false }).waitFor();
    await write(page, 'are you there?');
    const again = startWxagent(['login', '--base-url', url], { home });
    await page.getByRole('button', { name: 'Scan and confirm' }).click();
    expect(await again.exited).toMatchObject({ code: 0 });
    startWxagent(['run', '--echo', ...QUICK], { home });
    await answer(page, 'are you there?').waitFor();
    const refused = startWxagent(['login', '--base-url', url], { home });
    await page.getByRole('button', { name: 'Refuse', exact: true }).click();
    await refused.says('stderr', /expired|refused/i);
  });

  test('other users have phones of their own, and news of a phone that is not looked at are counted', async () => {
    const { page, url } = await chatting(['--echo', '--allow-all']);
    await write(page, 'I am the owner');
    await answer(page, 'I am the owner').waitFor();
    for (const name of ['Alice', 'x" onload=alert(1)', '<script>x</script>']) {
      await page.getByRole('textbox', { name: 'Name of the new user' }).fill(name);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name, exact: true }).waitFor();
      await write(page, `I am ${name}`);
      await page.locator('.theirs').waitFor();
    }
    await page.locator('.contact').getByText('You', { exact: true }).click();
    await page.getByRole('heading', { name: 'You' }).waitFor();
    await control(url, 'message', { user: 'Alice@im.wechat', text: 'news' });
    await page.getByRole('img', { name: '1 new' }).waitFor();
    expect(await page.title()).toBe('(1) wxagent phone');
    await page.reload();
    await page.getByRole('img', { name: '1 new' }).waitFor();
    await page.locator('.contact').getByText('Alice').click();
    await answer(page, 'news').waitFor();
    await page.getByRole('img', { name: '1 new' }).waitFor({ state: 'detached' });
    expect(await page.locator('.message').getByText('I am the owner').count()).toBe(0);
  });

  test.each(['light', 'dark'] as const)(
    '%s, in both languages, wide and narrow: no serious fault of access',
    async (colorScheme) => {
      const sim = await simulate({ scan: 'manual', strangers: true });
      const bot = loggedIn(sim);
      const { control: phone } = sim;
      phone.message({ text: 'hello' });
      phone.message({ image: { bytes: picture() } });
      phone.message({ voice: { sizeBytes: 100, transcript: 'words' } });
      phone.message({ file: { sizeBytes: 5_000, name: 'a.bin' } });
      phone.message({ user: 'Alice@im.wechat', text: 'hi', quote: { id: '1' } });
      phone.addFault({ endpoint: 'sendmessage', kind: 'drop', count: 1 });
      for (const text of ['lost', 'an answer'])
        await botSends(sim.baseUrl, bot, { type: 1, text_item: { text } });
      await fetch(`${sim.baseUrl}/ilink/bot/get_bot_qrcode?bot_type=3`, { method: 'POST' });
      phone.setBudget(0);
      const page = await openPage(browser, sim.baseUrl, { colorScheme });
      const isDark = async () =>
        (await page.evaluate('getComputedStyle(document.body).colorScheme')) === 'dark';
      await answer(page, 'an answer').waitFor();
      await page.getByRole('img', { name: 'QR code of the login' }).waitFor();
      expect(await isDark()).toBe(colorScheme === 'dark');
      expect(await seriousFaults(page)).toEqual([]);

      await page.getByRole('button', { name: '中文' }).click();
      await page.getByRole('heading', { name: 'wxagent 手机' }).waitFor();
      expect(await page.evaluate('document.documentElement.lang')).toBe('zh-CN');
      await page.setViewportSize({ width: 360, height: 740 });
      await page.getByRole('button', { name: '显示手机列表' }).press('Enter');
      await page.getByRole('button', { name: /Alice/ }).waitFor();
      expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe('返回聊天');
      expect(await seriousFaults(page)).toEqual([]);
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: '显示可制造的情况' }).press('Enter');
      await page.getByRole('switch', { name: '拒绝' }).waitFor();
      expect(await seriousFaults(page)).toEqual([]);
      await page.keyboard.press('Enter');
      expect(await seriousFaults(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);

      await page.getByRole('button', { name: colorScheme === 'dark' ? '浅色' : '深色' }).click();
      await expect.poll(isDark).toBe(colorScheme !== 'dark');
      await page.reload();
      await page.getByRole('heading', { name: 'wxagent 手机' }).waitFor();
      expect(await isDark()).toBe(colorScheme !== 'dark');
    },
  );

  test('the language is the browser’s', async () => {
    const sim = await simulate();
    const page = await openPage(browser, sim.baseUrl, { locale: 'zh-CN' });
    await page.getByRole('heading', { name: 'wxagent 手机' }).waitFor();
  });

  test('nothing in a message runs: not as text, name or media', async () => {
    const sim = await simulate({ strangers: true });
    const script = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>';
    const svg = Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" onload="window.ran=1"><script>window.ran=1</script></svg>`,
    );
    for (const user of [undefined, `${script}"'\n@im.wechat`]) {
      const who = user === undefined ? {} : { user };
      const { control: phone } = sim;
      phone.message({ ...who, text: script });
      phone.message({ ...who, image: { bytes: svg } });
      phone.message({
        ...who,
        file: { bytes: Buffer.from(script), name: `"><script>window.ran=1</script>\r\n.html` },
      });
      phone.message({ ...who, text: 'end' });
    }
    const page = await openPage(browser, sim.baseUrl);
    await page.locator('.mine').getByText('end').waitFor();
    await page.locator('.mine').getByText('this file cannot be opened').waitFor();
    await page.locator('.contact').getByText('<img src=x').first().click();
    await page.locator('.mine').getByText('end').waitFor();
    const link = (await page.locator('a.file').getAttribute('href')) ?? '';
    const saving = page.waitForEvent('download');
    await page.evaluate(`location.href = ${JSON.stringify(link)}`);
    await (await saving).cancel();
    expect(await page.evaluate('typeof window.ran')).toBe('undefined');
    expect(await page.locator('.phone script, .phone iframe').count()).toBe(0);
  });

  test('a page of another site gets nothing and changes nothing, and cannot show this one', async () => {
    const sim = await simulate();
    const evil = createServer((_req, res) => res.end('<!doctype html><title>evil</title>')).listen(
      0,
      '127.0.0.1',
    );
    onTestFinished(() => void evil.close());
    await new Promise((resolve) => evil.once('listening', resolve));
    const context = await browser.newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}/`);
    for (const type of [
      'application/json',
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/octet-stream',
      '',
    ]) {
      for (const mode of ['cors', 'no-cors']) {
        await page.evaluate(
          ({ url, type, mode }) =>
            fetch(url, {
              method: 'POST',
              mode: mode as 'cors',
              body: '{"text":"evil"}',
              headers: type ? { 'content-type': type } : {},
            }).catch(() => {}),
          { url: `${sim.controlUrl}/message`, type, mode },
        );
      }
    }
    expect(sim.control.phone().shown).toEqual([]);
    const read = `fetch(${JSON.stringify(`${sim.controlUrl}/state`)}).then(() => 'read', () => 'nothing')`;
    expect(await page.evaluate(read)).toBe('nothing');
    const listened = `new Promise((done) => {
      const source = new EventSource(${JSON.stringify(`${sim.controlUrl}/live`)});
      source.onmessage = source.onopen = () => done('heard');
      source.onerror = () => { source.close(); done('nothing'); };
    })`;
    expect(await page.evaluate(listened)).toBe('nothing');
    await page.setContent(`<iframe src="${sim.baseUrl}/"></iframe>`);
    await expect.poll(() => page.frames().length).toBe(2);
    await expect.poll(() => page.frames()[1]?.evaluate('document.body?.innerText ?? ""')).not.toBe('');
    expect(await page.frames()[1]?.evaluate('document.querySelector(".phone") === null')).toBe(true);
  });

  test('writes by keyboard: Enter chooses words of an input method, Shift+Enter begins a line; what is pasted or dropped is sent', async () => {
    const sim = await simulate();
    const page = await openPage(browser, sim.baseUrl);
    const box = page.getByRole('textbox', { name: 'Message' });
    await box.fill('ni');
    for (const composing of ['isComposing: true', 'keyCode: 229'])
      await page.evaluate(`document.querySelector('textarea').dispatchEvent(
        new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ${composing} }))`);
    await box.press('Shift+Enter');
    await box.pressSequentially('hao');
    await box.press('Enter');
    await page.locator('.mine').getByText('ni').waitFor();
    expect(sim.control.phone().shown.map(({ text }) => text)).toEqual(['ni\nhao']);

    const bytes = JSON.stringify([...picture()]);
    const carry = (place: string, event: string) =>
      page.evaluate(`{
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(${bytes})], 'p.png', { type: 'image/png' }));
        document.querySelector('${place}').dispatchEvent(${event});
      }`);
    await carry('textarea', "new ClipboardEvent('paste', { clipboardData: data, bubbles: true })");
    await expect.poll(() => page.locator('.mine img').count()).toBe(1);
    await carry('.chat', "new DragEvent('drop', { dataTransfer: data, bubbles: true })");
    await expect.poll(() => page.locator('.mine img').count()).toBe(2);
    expect(sim.control.phone().shown.map(({ kind }) => kind)).toEqual(['text', 'image', 'image']);

    const folder = join(makeFolder(), 'holiday');
    mkdirSync(folder);
    await dropPath(page, '.chat', folder);
    await page.getByText('holiday cannot be read: choose it again.').waitFor();
  });

  test('a page that nobody has seen for a while lets go of its connection, and is up to date when it is seen', async () => {
    const sim = await simulate();
    const page = await openPage(browser, 'about:blank');
    await page.clock.install();
    await page.goto(sim.baseUrl);
    await write(page, 'before');
    const become = (visibility: string) =>
      page.evaluate(`Object.defineProperty(document, 'visibilityState', { value: '${visibility}', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'))`);
    const streams: string[] = [];
    page.on('request', (asked) => {
      if (asked.url().includes('/_sim/live')) streams.push(asked.url());
    });
    await become('hidden');
    await page.clock.runFor(61_000);
    sim.control.message({ text: 'meanwhile' });
    await become('visible');
    await page.clock.runFor(1_000);
    await page.locator('.mine').getByText('meanwhile').waitFor();
    expect(streams).toEqual([expect.stringMatching(/live\?after=[\w-]+\.1$/)]);
    expect(await page.locator('.mine').count()).toBe(2);
  });

  test('a simulator that goes is told, and one that comes back is found', async () => {
    const home = makeFolder();
    const first = await simulator(home);
    const page = await openPage(browser, first.url);
    await write(page, 'before');
    await first.end();
    await page.getByText('The simulator does not answer').waitFor();
    await page.getByRole('textbox', { name: 'Message' }).fill('lost?');
    await page.keyboard.press('Enter');
    await simulator(home, '--port', new URL(first.url).port);
    await page.locator('.mine').waitFor({ state: 'detached' });
    expect(await page.getByRole('textbox', { name: 'Message' }).inputValue()).toBe('lost?');
    await write(page, 'after');
  });

  test('the picture in the documents is the page', async () => {
    const sim = await simulate({ strangers: true });
    const bot = loggedIn(sim);
    const { control: phone } = sim;
    const say = (text: string) => botSends(sim.baseUrl, bot, { type: 1, text_item: { text } });
    phone.message({ user: 'Alice@im.wechat', text: 'See you tomorrow' });
    phone.message({ text: 'Which bus takes me to the museum?' });
    await say('Line 12 from the station, every ten minutes. The museum opens at 9.');
    const { messageId } = phone.message({ text: 'Here is my ticket', user: bot.user });
    phone.message({ image: { bytes: picture(240, 120) } });
    await say('That ticket is good for the whole day.');
    phone.message({ voice: { sizeBytes: 4_000, transcript: 'Remind me at half past eight' } });
    phone.addFault({ endpoint: 'sendmessage', kind: 'drop', count: 1 });
    await say('lost');
    phone.message({ text: 'and this one too', quote: { id: String(messageId) } });
    await say('Done: I will remind you at 8:30.');
    const headers = { authorization: `Bearer ${bot.token}` };
    await fetch(`${sim.baseUrl}/ilink/bot/msg/notifystart`, { method: 'POST', headers, body: '{}' });
    const page = await openPage(browser, sim.baseUrl, { viewport: { width: 1120, height: 700 } });
    await answer(page, 'Done: I will remind you at 8:30.').waitFor();
    await page.getByText('Bot connected').waitFor();
    await expect.poll(() => page.evaluate('document.images[0].naturalWidth')).toBe(240);
    await expectPicture(page, 'phone.png');
  });
});
