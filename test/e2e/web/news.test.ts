import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHROMIUM, launchBrowser, openPage } from '../../helpers/browser.ts';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { loggedIn, simulate } from '../../helpers/simulated.ts';
import { HOUR_MS, wallClock } from '../../helpers/wall-clock.ts';
import { startWeb } from '../../helpers/web.ts';
import { openWebPage } from '../../helpers/web-page.ts';

const PHONE = { width: 360, height: 740 };

let browser: Browser;

/** What a click on the middle of each button would meet, where that is not the button. */
const COVERED = `(() => {
  scrollTo(0, document.documentElement.scrollHeight);
  const buttons = [...document.querySelectorAll('main button')];
  return buttons.filter((button) => {
    const { x, y, width, height } = button.getBoundingClientRect();
    const isSeen = width > 0 && y >= 0 && y + height <= innerHeight;
    return isSeen && !button.contains(document.elementFromPoint(x + width / 2, y + height / 2));
  }).map(({ textContent }) => textContent);
})()`;
const coveredButtons = (page: Page) => page.evaluate(COVERED);

describe.skipIf(CHROMIUM === null)('the page tells what others do', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());

  test('invitations, tokens and the audit change by themselves, whoever changes them', async () => {
    const { home } = loggedIn(await simulate(), { name: 'mine' });
    const web = await startWeb({ home, env: {} });
    const wx = (...args: string[]) => runHere(args, { home });
    const page = await openWebPage(browser, web, { view: 'login' });
    const mum = page.getByRole('listitem').filter({ hasText: 'mum' });
    await page.getByRole('heading', { name: 'Invite somebody' }).waitFor();
    await wx('invite', 'add', 'mum');
    await mum.getByText('open').waitFor();
    await wx('invite', 'remove', 'mum');
    await mum.waitFor({ state: 'detached' });
    await page.evaluate(`location.hash = '#/tokens'`);
    await page.getByText('Add a token').waitFor();
    await wx('token', 'add', 'cron', '--scope', 'read');
    await page.getByRole('listitem').filter({ hasText: 'cron' }).waitFor();
    await wx('source', 'add', 'nas');
    await page.getByRole('listitem').filter({ hasText: 'nas' }).waitFor();
    await page.evaluate(`location.hash = '#/audit'`);
    await page.getByText('Source added').waitFor();
    await wx('source', 'remove', 'nas');
    await page.getByText('Source removed').waitFor();
  });

  test('a token that only reads gets no event of the audit', async () => {
    const { home } = loggedIn(await simulate(), { name: 'mine' });
    const web = await startWeb({ home, env: {} });
    const streams = await Promise.all(
      ['read', 'admin'].map(async (scope) => {
        const token = await web.token('--scope', scope);
        const headers = { authorization: `Bearer ${token}` };
        const stop = new AbortController();
        const { body } = await fetch(`${web.url}/api/v1/events`, { headers, signal: stop.signal });
        let text = '';
        const reading = (async () => {
          for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) text += Buffer.from(chunk);
        })().catch(() => {});
        return { said: () => text, end: () => [stop.abort(), reading] };
      }),
    );
    const [read, admin] = streams.map(({ said }) => said) as [() => string, () => string];
    await pollUntil('both follow', () => [read, admin].every((said) => said().includes('event: reset')));
    await runHere(['invite', 'add', 'mum'], { home });
    await runHere(['send', '--at', '+1d', 'later'], { home });
    await pollUntil('both are told', () =>
      [read, admin].every((said) => said().includes('event: scheduled')),
    );
    expect(admin()).toContain('"state":"invitation-add"');
    expect(read()).not.toContain('audit');
    await Promise.all(streams.flatMap(({ end }) => end()));
  });

  test('texts for later are shown with their time, and dropped after one question', async () => {
    const { home } = loggedIn(await simulate(), { name: 'mine' });
    const web = await startWeb({ home, env: {} });
    const page = await openWebPage(browser, web, { view: 'outbox' });
    await page.getByText('Nothing waits.').waitFor();
    for (const text of ['good morning', 'good night']) await runHere(['send', '--at', '+9h', text], { home });
    const later = page.getByRole('region', { name: 'To be sent later' });
    const row = (text: string) => later.getByRole('listitem').filter({ hasText: text });
    await row('good morning')
      .getByText(/at .* \d\d:\d\d · /)
      .waitFor();
    await runHere(['outbox', 'drop', 'at-1'], { home });
    await row('good morning').waitFor({ state: 'detached' });
    await row('good night').getByRole('button', { name: 'Drop: good night' }).click();
    await page.getByRole('dialog', { name: 'Drop this text?' }).getByRole('button', { name: 'Drop' }).click();
    await page.getByRole('status').getByText('Dropped.').waitFor();
    await page.getByText('Nothing waits.').waitFor();
    const token = await web.token('--scope', 'admin');
    const { entries } = (await web.ask('/audit?limit=9', { token })).json as { entries: { about: string }[] };
    expect(entries.filter(({ about }) => about.startsWith('at-'))).toMatchObject([
      { who: expect.stringMatching(/^browser /), act: 'drop', about: 'at-2' },
      { who: 'terminal', act: 'drop', about: 'at-1' },
    ]);
  });

  test('a text is written now and sent later, once, and what cannot be is said in the place', async () => {
    const simulator = await simulate();
    const { home, id, user } = loggedIn(simulator, { name: 'mine' });
    simulator.control.message({ bot: id, text: 'hello' });
    await runHere(['run', '--once', '--echo'], { home });
    const web = await startWeb({ home, env: {} });
    const page = await openWebPage(browser, web, { view: `conversations/${id}/${user}`, viewport: PHONE });
    const message = page.getByRole('textbox', { name: 'Message' });
    await message.fill('good night');
    await page.getByRole('button', { name: 'Send later' }).click();
    const dialog = page.getByRole('dialog', { name: 'When is it to be sent?' });
    await dialog.getByLabel('Time').fill('2020-01-01T09:00');
    await dialog.getByRole('button', { name: 'Send then' }).click();
    await dialog.getByRole('alert').getByText('is past already').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    expect(await message.inputValue()).toBe('good night');
    await page.getByRole('button', { name: 'Send later' }).click();
    await dialog.getByRole('button', { name: 'Send then' }).dblclick();
    await page.getByRole('status').getByText('It will be sent at').waitFor();
    expect(await message.inputValue()).toBe('');
    const { scheduled } = (
      await web.ask('/accounts/mine/scheduled', { token: await web.token('--scope', 'read') })
    ).json as { scheduled: object[] };
    expect(scheduled).toEqual([expect.objectContaining({ text: 'good night', user })]);
    await page.evaluate(`location.hash = '#/outbox'`);
    await page.getByRole('region', { name: 'To be sent later' }).getByText('good night').waitFor();
  });

  test('a runner that has just begun is not late, however long nobody polled before it', async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator, { name: 'mine' });
    const clock = wallClock();
    clock.set(-HOUR_MS);
    await runHere(['run', '--once', '--echo'], { home, clock });
    simulator.control.changeSettings({ holdMs: 600_000 });
    startHere(['run', '--echo'], { home });
    const web = await startWeb({ home, env: {} });
    const page = await openWebPage(browser, web);
    const mine = page.getByRole('region', { name: 'mine' });
    await mine.getByText(/served by process .* · its first poll began (now|\d+ secs? ago)/).waitFor();
    await page.getByText('Nothing needs you.').waitFor();
    // Until its own poll should have ended.
    await page.clock.install({ time: Date.now() });
    await page.reload();
    await page.getByText('Nothing needs you.').waitFor();
  });

  test('what went wrong covers no button, also on a phone, until somebody closes it', async () => {
    const simulator = await simulate();
    const { home, id, user } = loggedIn(simulator, { name: 'mine' });
    simulator.control.message({ bot: id, text: 'hello' });
    await runHere(['run', '--once', '--echo'], { home });
    const web = await startWeb({ home, env: {} });
    await runHere(['invite', 'add', 'mum'], { home });
    const page = await openWebPage(browser, web, { view: 'login', viewport: PHONE });
    await page.getByRole('textbox', { name: 'Name of their account' }).fill('mum');
    await page.getByRole('button', { name: 'Make a link' }).click();
    const told = page.getByRole('alert').getByText('there is an invitation "mum" already');
    await told.waitFor();
    expect(await coveredButtons(page)).toEqual([]);
    await page.evaluate(`location.hash = '#/conversations/${id}/${user}'`);
    await page.getByRole('textbox', { name: 'Message' }).fill('hello');
    expect(await coveredButtons(page)).toEqual([]);
    await page.getByRole('button', { name: 'Close' }).click();
    await told.waitFor({ state: 'detached' });
    expect(await page.evaluate(`document.documentElement.style.getPropertyValue('--toasts')`)).toBe('0px');
  });

  test('a double click does a thing once, and whoever removes what they were on goes on in the view', async () => {
    const { home } = loggedIn(await simulate(), { name: 'mine' });
    const web = await startWeb({ home, env: {} });
    const page = await openWebPage(browser, web, { view: 'tokens' });
    const form = page.getByRole('form', { name: 'Add a token' });
    await form.getByRole('textbox', { name: 'Name' }).fill('cron');
    await form.getByRole('button', { name: 'Make the token' }).dblclick();
    const secret = page.getByRole('region', { name: 'The new token' });
    await secret.getByText('wxa_r').waitFor();
    const chosen = () => page.evaluate('document.activeElement.ariaLabel ?? document.activeElement.id');
    expect(await chosen()).toBe('The new token');
    await secret.getByRole('button', { name: 'Done' }).press('Enter');
    await expect.poll(chosen).toBe('content');
    await page.evaluate(`location.hash = '#/login'`);
    await page.getByRole('textbox', { name: 'ID of the user' }).fill('\u202epal@im.wechat');
    await page.getByRole('button', { name: 'Allow', exact: true }).dblclick();
    const remove = page.getByRole('button', { name: /^Allow no longer: .*pal$/ });
    // What turns the text around it is not shown.
    expect(await remove.getAttribute('aria-label')).toBe('Allow no longer: \ufffdpal');
    await remove.press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).press('Enter');
    await remove.waitFor({ state: 'detached' });
    await expect.poll(chosen).toBe('content');
    expect(await page.locator('.toast.bad').count()).toBe(0);
    const token = await web.token('--scope', 'admin');
    const { entries } = (await web.ask('/audit?limit=20', { token })).json as { entries: { act: string }[] };
    expect(entries.filter(({ act }) => ['token-add', 'allow', 'disallow'].includes(act))).toHaveLength(4);
  });

  test('who comes in goes on in the view, and who signs out where one comes in', async () => {
    const { home } = loggedIn(await simulate(), { name: 'mine' });
    const web = await startWeb({ home, env: {} });
    const page = await openPage(browser, web.url);
    await page.getByRole('textbox', { name: 'One-time code' }).fill(await web.code());
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'mine' }).waitFor();
    expect(await page.evaluate('document.activeElement.id')).toBe('content');
    await page.getByRole('button', { name: 'Sign out' }).press('Enter');
    await page.getByRole('textbox', { name: 'One-time code' }).waitFor();
    expect(await page.evaluate('document.activeElement.className')).toBe('sign-in');
  });

  test('what is written is read out once, when it is there; that it failed, at once', async () => {
    const simulator = await simulate();
    const { home, id, user } = loggedIn(simulator, { name: 'mine' });
    simulator.control.message({ bot: id, text: 'hello' });
    await runHere(['run', '--once', '--echo'], { home });
    const web = await startWeb({ home, env: {} });
    const page = await openWebPage(browser, web, { view: `conversations/${id}/${user}` });
    await page.route('**/send', (route) => route.abort('connectionrefused'));
    await page.getByRole('textbox', { name: 'Message' }).fill('to nobody');
    await page.keyboard.press('Enter');
    const mine = page.getByRole('log').getByRole('listitem').filter({ hasText: 'to nobody' });
    await mine.getByRole('alert').getByText('Not sent').waitFor();
    expect(await mine.getAttribute('aria-live')).toBe('off');
    await page.unroute('**/send');
    await mine.getByRole('button', { name: 'Send again' }).click();
    await mine.getByText('sent · confirmed').waitFor();
    expect(await mine.getAttribute('aria-live')).toBeNull();
  });

  test('a code of the address that came at a bad moment is still there, to be tried again', async () => {
    const { home } = loggedIn(await simulate(), { name: 'mine' });
    const web = await startWeb({ home, env: {} });
    for (let n = 0; n < 10; n++) await web.post('/session', { code: `wrong-${n}` });
    const code = await web.code();
    const page = await openPage(browser, `${web.url}/#code=${code}`);
    await page.getByText(/too many wrong tokens or codes: wait \d+ s/).waitFor();
    expect(await page.getByRole('textbox', { name: 'One-time code' }).inputValue()).toBe(code);
    const other = await openPage(browser, `${web.url}/#code=AAAAA-AAAAA`);
    await other.getByText(/too many wrong tokens or codes/).waitFor();
  });

  test('an owner who has not written since a new login is not called a stranger', async () => {
    const simulator = await simulate();
    const { home, id, user } = loggedIn(simulator, { name: 'mine' });
    simulator.control.message({ bot: id, text: 'hello' });
    await runHere(['run', '--once', '--echo'], { home });
    await runHere(['login', '--qr', 'none', '--force', '--name', 'mine'], { home });
    const web = await startWeb({ home, env: {} });
    const token = await web.token('--scope', 'read');
    const { accounts } = (await web.ask('/accounts', { token })).json as { accounts: { id: string }[] };
    const view = `conversations/${accounts[0]?.id}/${user}`;
    const page = await openWebPage(browser, web, { view });
    await page.getByText('They have not written since the login').waitFor();
  });
});
