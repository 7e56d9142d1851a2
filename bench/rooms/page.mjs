/** How soon a browser shows the page of `wxagent web`, from loopback and with an empty cache, beside what it may take. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { figure, median, note } from '../figures.mjs';
import { createHome, outputOfWxagent, startWxagent, webUrlOf } from '../sides/sides.mjs';

const ROUNDS = 15;
const MOST_MS = 500;

export async function measurePage({ phones, folder }) {
  const program = process.env.PATH.split(delimiter)
    .flatMap((one) => ['chromium', 'chromium-browser', 'google-chrome'].map((name) => join(one, name)))
    .find(existsSync);
  if (program === undefined) {
    note('there is no Chromium: the page is not measured');
    return [];
  }
  const [bot] = await phones.call('bots', { count: 1, label: 'page' });
  const home = createHome(folder, 'page', phones.baseUrl, [bot]);
  const server = startWxagent(home, ['run', '--echo', '--web', '127.0.0.1:0']);
  const samples = { signIn: [], overview: [] };
  try {
    await phones.call('polled', { bots: [bot.id] });
    const url = await webUrlOf(home);
    const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
    for (let round = 0; round <= ROUNDS; round++) {
      const { code } = JSON.parse(outputOfWxagent(home, ['token', 'code', '--json']));
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.goto(url);
      await page.getByRole('textbox').waitFor();
      const signIn = await firstPaintMs(page);
      await page.goto('about:blank');
      await page.goto(`${url}/#code=${code}`);
      await page.locator('.account').waitFor();
      const overview = await page.evaluate('performance.now()');
      await context.close();
      // The first round warms the disk cache.
      if (round === 0) continue;
      samples.signIn.push(signIn);
      samples.overview.push(overview);
    }
    await browser.close();
  } finally {
    await server.stop();
  }
  const line = (name, of) =>
    figure({
      name,
      unit: 'ms',
      ours: median(samples[of]),
      bare: MOST_MS,
      beside: 'the most allowed',
      atMost: 1,
    });
  return [
    line('first paint of the page, nothing cached', 'signIn'),
    line('until the overview shows an account', 'overview'),
  ];
}

async function firstPaintMs(page) {
  const painted = await page.waitForFunction("performance.getEntriesByName('first-contentful-paint')[0]");
  return painted.evaluate((entry) => entry.startTime);
}
