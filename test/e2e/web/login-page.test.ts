import { mkdirSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/time/clock.ts';
import { CHROMIUM, launchBrowser, openPage, seriousFaults } from '../../helpers/browser.ts';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { simulate } from '../../helpers/simulated.ts';
import { startWeb } from '../../helpers/web.ts';
import { openWebPage } from '../../helpers/web-page.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

const PHONE = { width: 360, height: 740 };
const DESK = { width: 1440, height: 900 };

let browser: Browser;

/** A server without accounts, whose codes wait until a test scans them. */
async function start() {
  const home = makeFolder();
  const simulator = await simulate({ scan: 'manual' });
  const web = await startWeb({ home, env: {} }, '--base-url', simulator.baseUrl);
  const admin = await web.token('--scope', 'admin');
  const wx = (...args: string[]) => runHere(args, { home });
  const { control } = simulator;
  /** The account that a command logs in. */
  async function logIn(name: string): Promise<void> {
    control.changeSettings({ scan: 'auto' });
    await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', name);
    control.changeSettings({ scan: 'manual' });
  }
  return { home, simulator, control, web, admin, wx, logIn };
}

const click = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const says = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();
const code = (page: Page) => page.getByRole('img', { name: 'QR code to log in with WeChat' });

async function link(web: Awaited<ReturnType<typeof startWeb>>, admin: string, name: string): Promise<string> {
  return (await web.post('/invitations', { name }, { token: admin })).json?.link as string;
}

describe.skipIf(CHROMIUM === null)('the page', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('logs in by a QR code and the digits of the phone, over reloads', async () => {
    const { control, web, home } = await start();
    const page = await openWebPage(browser, web, { view: 'login' });
    await page.getByRole('textbox', { name: 'Name, if you like' }).fill('second');
    await click(page, 'Show the QR code');
    await code(page).waitFor();
    const drawn = () => code(page).innerHTML();
    const first = await drawn();
    await page.reload();
    await code(page).waitFor();
    expect(await drawn()).toBe(first);

    // It dies: another one comes.
    control.expire();
    await pollUntil('another code', async () => (await code(page).count()) > 0 && (await drawn()) !== first);

    // The phone is led to another data centre, and asks for digits.
    control.scan({ user: 'o9second@im.wechat', verifyCode: '4711', redirectHost: 'a.weixin.qq.com' });
    const digits = page.getByRole('textbox', { name: 'Verification code' });
    await digits.fill('1');
    await digits.press('Enter');
    await says(page, 'The digits were wrong.');
    await page.reload();
    // As an input method writes them in full width.
    await digits.fill('４７１１');
    await digits.press('Enter');
    await says(page, 'Logged in.');
    await says(page, 'Now write to the bot in WeChat');
    await says(page, 'wxagent run --account second --echo');
    await page.reload();
    await says(page, 'Logged in.');
    // As soon as somebody serves it, the page says so.
    const run = startHere(['run', '--echo', '--account', 'second', '--pace', '0'], { home });
    await run.says('stderr', 'ready');
    await says(page, 'A runner receives its messages.');
    await click(page, 'Finish');
    await page.getByRole('button', { name: 'Log in again: second' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Show the QR code' }).waitFor();
  });

  test('says that a bot is logged in already, and gets a new login if that is wanted', async () => {
    const { control, web, logIn } = await start();
    await logIn('mine');
    const page = await openWebPage(browser, web, { view: 'login' });
    await click(page, 'Show the QR code');
    await code(page).waitFor();
    control.scan();
    await says(page, 'This bot is logged in here already. Nothing has changed.');
    await click(page, 'Get a new login all the same');
    // The first code brings the bot that is there, only the second one another login.
    await code(page).waitFor();
    const first = await code(page).innerHTML();
    control.scan();
    await pollUntil(
      'another code',
      async () => (await code(page).count()) > 0 && (await code(page).innerHTML()) !== first,
    );
    control.scan();
    await says(page, 'Logged in.');
  });

  test('notices a login that has died, and mends it', async () => {
    const { control, web, home, logIn } = await start();
    await logIn('mine');
    const run = startHere(['run', '--echo', '--all-accounts', '--wait-login', '--pace', '0'], { home });
    await run.says('stderr', 'ready');
    const page = await openWebPage(browser, web, { view: 'login' });
    await says(page, 'logged in');
    control.kill();
    await says(page, 'login expired');
    await click(page, 'Log in again: mine');
    await code(page).waitFor();
    control.scan();
    await says(page, 'Logged in.');
    await says(page, 'A runner receives its messages.');
    await page.getByText('login expired').waitFor({ state: 'detached' });
    expect((await page.getByText('logged in', { exact: true }).count()) > 0).toBe(true);
    // Also when nobody has put away that it went well.
    control.kill();
    await says(page, 'login expired');
    expect(await page.getByText('No runner receives its messages yet.').count()).toBe(0);
    await click(page, 'Log in again: mine');
    await code(page).waitFor();
  });

  test('can cancel a login; one that the server has forgotten is over', async () => {
    const { web, admin } = await start();
    const page = await openWebPage(browser, web, { view: 'login' });
    await click(page, 'Show the QR code');
    await code(page).waitFor();
    await click(page, 'Cancel the login');
    const again = page.getByRole('button', { name: 'Show the QR code' });
    await again.waitFor();
    await again.click();
    await code(page).waitFor();
    await page.evaluate("sessionStorage.setItem('wxagent-login', 'of-a-server-before')");
    await page.reload();
    await again.waitFor();
    expect((await web.ask('/accounts', { token: admin })).json?.accounts).toEqual([]);
  });

  test('shows no code of a server that is gone, and says that it knows nothing of the login afterwards', async () => {
    const { home, simulator, web, admin } = await start();
    const url = await link(web, admin, 'mum');
    const [page, guest] = [
      await openWebPage(browser, web, { view: 'login' }),
      await openPage(browser, url, { locale: 'zh-CN', viewport: PHONE }),
    ];
    await click(page, 'Show the QR code');
    await click(guest, '显示二维码');
    await code(page).waitFor();
    await guest.getByRole('img', { name: '微信登录二维码' }).waitFor();
    await web.stop();
    await code(page).waitFor({ state: 'detached' });
    await guest.getByRole('img', { name: '微信登录二维码' }).waitFor({ state: 'detached' });
    const place = ['--base-url', simulator.baseUrl, '--listen', new URL(web.url).host];
    await startWeb({ home, env: {} }, ...place);
    await says(page, 'The server knows nothing of this login any more. Begin again.');
    await page.getByRole('button', { name: 'Show the QR code' }).waitFor();
    // Whoever is invited begins again with the same link.
    await click(guest, '显示二维码');
    await guest.getByRole('img', { name: '微信登录二维码' }).waitFor();
  });

  test('an invitation is used once, in any browser, and refused twice', async () => {
    const { control, web, admin, logIn } = await start();
    await logIn('mine');
    const owner = await openWebPage(browser, web, { view: 'login' });
    await owner.getByRole('textbox', { name: 'Name of their account' }).fill('mum');
    await click(owner, 'Make a link');
    const shown = owner.getByText(`${web.url}/invite#wxi_`);
    await shown.waitFor();
    const url = await shown.innerText();
    await click(owner, 'Copy');
    await click(owner, 'Done');
    await owner.getByRole('button', { name: 'Remove the invitation: mum' }).waitFor();
    expect(await owner.content()).not.toContain('wxi_');

    const asked: string[] = [];
    const guest = await openPage(browser, url, { viewport: PHONE });
    guest.on('request', (request) => asked.push(request.url()));
    await says(guest, 'You are invited to chat with a program in WeChat.');
    expect(guest.url()).toBe(`${web.url}/invite`);
    await guest.reload();
    await click(guest, 'Show the QR code');
    await code(guest).waitFor();
    // Another one opens it at the same time, and sees the same login.
    const other = await openPage(browser, url);
    await click(other, 'Show the QR code');
    await code(other).waitFor();
    expect(await code(other).innerHTML()).toBe(await code(guest).innerHTML());
    await guest.reload();
    await code(guest).waitFor();
    control.scan({ user: 'o9mum@im.wechat', verifyCode: '99' });
    await guest.getByRole('textbox', { name: 'Verification code' }).fill('99');
    await click(guest, 'Go on');
    await says(guest, 'Logged in.');
    await says(guest, 'This page can be closed.');
    await guest.reload();
    await says(guest, 'Logged in.');
    for (const page of [await openPage(browser, url), await openPage(browser, url)])
      await says(page, 'this invitation was used already');
    // A guest asks for nothing but their login.
    const paths = asked.map((one) => new URL(one).pathname).filter((path) => path.startsWith('/api/'));
    expect(paths.filter((path) => !path.startsWith('/api/v1/invitation'))).toEqual([]);
    expect(asked.filter((one) => one.includes('wxi_'))).toEqual([]);
    expect((await web.ask('/accounts/mum', { token: admin })).json).toMatchObject({
      owner: 'o9mum@im.wechat',
    });
    await says(owner, 'used');
  });

  test('an invitation that is wrong, removed or cut short says so, in Chinese as well', async () => {
    const { web, admin } = await start();
    const url = await link(web, admin, 'gone');
    const page = await openPage(browser, url, { locale: 'zh-CN', viewport: PHONE });
    await click(page, '显示二维码');
    await page.getByRole('img', { name: '微信登录二维码' }).waitFor();
    await web.ask('/invitations/gone', { method: 'DELETE', token: admin });
    await says(page, '这个邀请无效');
    const short = await openPage(browser, `${web.url}/invite`);
    await says(short, 'The link is not complete.');
    const wrong = await openPage(browser, `${url.slice(0, -3)}abc`);
    await says(wrong, 'This invitation is not valid');
    // The console of a browser names every refusal.
    const second = await link(web, admin, 'second');
    await wrong.evaluate(`location.hash = ${JSON.stringify(new URL(second).hash)}`);
    await says(wrong, 'You are invited');
  });

  test('makes a token, shows it once, and removes it with one question', async () => {
    const { web, logIn } = await start();
    await logIn('mine');
    const page = await openWebPage(browser, web, { view: 'tokens' });
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('my cron');
    await click(page, 'Make the token');
    await says(page, 'name is up to 64 letters, digits, "_", "." or "-"');
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('cron');
    await page.getByRole('combobox', { name: 'Scope' }).selectOption('send');
    await page.getByRole('combobox', { name: 'Account', exact: true }).selectOption({ label: 'mine' });
    await page.getByRole('textbox', { name: 'Only for this user' }).fill('friend@im.wechat');
    await page.getByRole('combobox', { name: 'Good for' }).selectOption('30');
    await click(page, 'Make the token');
    const shown = page.getByText(/^wxa_s/);
    await shown.waitFor();
    const token = await shown.innerText();
    const to = { token };
    expect((await web.ask('/session', to)).json).toMatchObject({ scope: 'send', user: 'friend@im.wechat' });
    expect((await web.ask('/tokens', to)).status).toBe(403);
    await page.reload();
    await page.getByRole('button', { name: 'Remove the token: cron' }).waitFor();
    expect(await page.content()).not.toContain(token);
    await click(page, 'Remove the token: cron');
    await click(page, 'Cancel');
    expect((await web.ask('/session', to)).status).toBe(200);
    await click(page, 'Remove the token: cron');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await says(page, 'The token cron is removed.');
    expect((await web.ask('/session', to)).status).toBe(401);

    // A tool that pushes has a token as well.
    await page.getByRole('textbox', { name: 'Name of the source' }).fill('nas');
    await page.getByRole('textbox', { name: 'Title before each text' }).fill('NAS');
    await page.getByRole('combobox', { name: 'Join pushes' }).selectOption({ label: 'within 5 min' });
    await click(page, 'Add the source');
    const address = page.getByText(`${web.url}/push/A`);
    await address.waitFor();
    const pushed = await fetch(await address.innerText(), { method: 'POST', body: 'backup done' });
    expect(pushed.status).toBeLessThan(300);
    await click(page, 'Done');
    await says(page, /to the owner of mine · NAS · joined within 5 min/);
    await click(page, 'Remove the source: nas');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await says(page, 'The source nas is removed.');

    await page.evaluate("location.hash = '#/audit'");
    await says(page, 'Token removed');
    await says(page, 'Source removed');
    await says(page, 'Browser signed in');
    expect(await page.getByText('One-time code made').count()).toBe(1);
  });

  test('asks for a code before it lets somebody in a while later, and goes on', async () => {
    const clock = { aheadMs: 0 };
    const home = makeFolder();
    const ahead = {
      ...systemClock,
      now: () => Date.now() + clock.aheadMs,
      monotonic: () => systemClock.monotonic() + clock.aheadMs,
    };
    const running = startHere(['web', '--listen', '127.0.0.1:0', '--json'], { home, clock: ahead });
    await running.says('stdout', '}\n');
    const url = jsonLines(running.stdout)[0]?.url as string;
    const newCode = async () => {
      const { stdout } = await runHere(['token', 'code', '--json'], { home, clock: ahead });
      return jsonLines(stdout)[0]?.code as string;
    };
    const page = await openWebPage(browser, { url, code: newCode }, { view: 'tokens' });
    await page.getByRole('textbox', { name: 'Name', exact: true }).fill('late');
    clock.aheadMs = 11 * 60_000;
    await click(page, 'Make the token');
    const dialog = page.getByRole('dialog', { name: 'Confirm that it is you' });
    await dialog.waitFor();
    await shot(page, 'confirm');
    expect(await seriousFaults(page)).toEqual([]);
    // Who gives none has done nothing.
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect((await runHere(['token'], { home })).stdout).toBe('');
    await click(page, 'Make the token');
    const box = dialog.getByRole('textbox', { name: 'One-time code' });
    await box.fill('AAAAA-AAAAA');
    await box.press('Enter');
    await dialog.getByText('the code is wrong, used or too old').waitFor();
    await box.fill(await newCode());
    await box.press('Enter');
    await page.getByText(/^wxa_r/).waitFor();
    // It is still in, and asks no second time.
    await click(page, 'Remove the token: late');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await says(page, 'The token late is removed.');
  });

  test.each([
    ['light', 'en-US'],
    ['dark', 'zh-CN'],
  ] as const)('%s, wide and narrow: no serious fault of access', async (colorScheme, locale) => {
    const { control, web, admin, wx, logIn } = await start();
    await logIn('mine');
    await wx('token', 'add', 'backup', '--scope', 'read');
    const url = await link(web, admin, 'mum');
    const look = async (page: Page, name: string) => {
      for (const viewport of [PHONE, DESK]) {
        await page.setViewportSize(viewport);
        await shot(page, `${name}-${colorScheme}-${viewport.width}`);
        expect(await seriousFaults(page), name).toEqual([]);
        expect(await page.evaluate('document.documentElement.scrollWidth'), name).toBe(viewport.width);
      }
    };
    const guest = await openPage(browser, url, { colorScheme, locale });
    await guest.getByRole('button', { name: /QR|二维码/ }).waitFor();
    await look(guest, 'invited');
    const page = await openWebPage(browser, web, { colorScheme, locale, view: 'login' });
    await page.getByText('mum').waitFor();
    await look(page, 'login');
    await page.getByRole('button', { name: /Show the QR|显示二维码/ }).click();
    await page.getByRole('img', { name: /QR|二维码/ }).waitFor();
    await look(page, 'qr');
    control.scan({ user: 'o9new@im.wechat', verifyCode: '1' });
    // Who reads by ear or types is where the digits go.
    const digits = page.getByRole('textbox', { name: /Verification|验证码/ });
    await digits.waitFor();
    await page.locator('.digits:focus').waitFor();
    await look(page, 'verify');
    await page.keyboard.type('1');
    await page.keyboard.press('Enter');
    await page.getByText(/^(Logged in\.|登录成功。)$/).waitFor();
    await look(page, 'done');
    await page.evaluate("location.hash = '#/tokens'");
    await page.getByText('backup').waitFor();
    await page.getByRole('textbox', { name: /^(Name|名称)$/ }).fill('cron');
    await page.getByRole('button', { name: /^(Make the token|生成令牌)$/ }).click();
    await page.getByText(/^wxa_r/).waitFor();
    await look(page, 'tokens');
    await page.getByRole('button', { name: /backup/ }).click();
    await look(page, 'question');
    await page.getByRole('button', { name: /^(Cancel|取消)$/ }).click();
    await page.evaluate("location.hash = '#/audit'");
    await page
      .getByText(/terminal|终端/)
      .first()
      .waitFor();
    await look(page, 'audit');
    const refused = await openPage(browser, `${url}x`, { colorScheme, locale });
    await refused
      .getByRole('alert')
      .getByText(/not valid|无效/)
      .waitFor();
    await look(refused, 'refused');
  });
});

/** A picture for whoever works on the page: `SHOTS=/tmp/shots npx vitest run ...`. */
async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env.SHOTS;
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}
