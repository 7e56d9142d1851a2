import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openerOf } from '../../../src/cli/web/open-browser.ts';
import { startHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { askAt } from '../../helpers/web.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

const SENTENCE = 'There is no browser to open here.';

/** A home in which `xdg-open` is this script. */
function withOpener(script: string): { home: string; env: Record<string, string>; opened: string } {
  const home = makeFolder();
  const opened = join(home, 'opened');
  writeFileSync(join(home, 'xdg-open'), `#!/bin/sh\n${script.replace('OPENED', opened)}\n`);
  chmodSync(join(home, 'xdg-open'), 0o700);
  return { home, opened, env: { PATH: `${home}:/bin:/usr/bin`, DISPLAY: ':0' } };
}

/** Comes in with an address that was opened. */
async function comeIn(address: string): Promise<number> {
  const { origin, hash } = new URL(address);
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ code: hash.replace('#code=', '') });
  return (await askAt(`${origin}/api/v1/session`, { method: 'POST', headers, body })).status;
}

test('where it cannot note its address, it serves all the same', async () => {
  const home = makeFolder();
  mkdirSync(join(home, 'wx', 'state'), { recursive: true });
  writeFileSync(join(home, 'wx', 'state', 'web'), '');
  const web = startHere(['web', '--listen', '127.0.0.1:0', '--json'], { home });
  await pollUntil('it serves', () => web.stdout.endsWith('\n'));
  const [{ url }] = jsonLines(web.stdout) as [{ url: string }];
  expect((await askAt(`${url}/healthz`)).status).toBe(200);
  expect(web.stderr).toContain('links to this server do not know its address');
  expect((await web.stop()).code).toBe(0);
});

describe.skipIf(process.platform !== 'linux')('web --open', () => {
  const LISTEN = ['web', '--listen', '127.0.0.1:0'];

  test('opens the page in the browser of this machine, with a code that works once', async () => {
    const { home, env, opened } = withOpener('echo "$1" >OPENED');
    const web = startHere([...LISTEN, '--open', '--json'], { home, env });
    await pollUntil('it is opened', () => existsSync(opened) && readFileSync(opened, 'utf8') !== '');
    const address = readFileSync(opened, 'utf8').trim();
    const [{ url }] = jsonLines(web.stdout) as [{ url: string }];
    expect(address).toMatch(new RegExp(`^${url}/#code=[A-Z0-9]{5}-[A-Z0-9]{5}$`));
    expect(await comeIn(address)).toBe(201);
    expect(await comeIn(address)).toBe(401);
    expect((await web.stop()).code).toBe(0);
    expect(web.stderr).not.toContain(SENTENCE);
  });

  test('listening everywhere, it opens what this machine reaches; behind a proxy, the address of that', async () => {
    const { home, env, opened } = withOpener('echo "$1" >>OPENED');
    const everywhere = startHere(['web', '--listen', '0.0.0.0:0', '--open'], { home, env });
    const lines = () => (existsSync(opened) ? readFileSync(opened, 'utf8').trim().split('\n') : []);
    await pollUntil('it is opened', () => lines().length === 1);
    expect(await comeIn(lines()[0] as string)).toBe(201);
    await everywhere.stop();
    startHere([...LISTEN, '--open', '--public-url', 'https://bot.example.org'], { home, env });
    await pollUntil('it is opened', () => lines().length === 2);
    expect(lines()[1]).toMatch(/^https:\/\/bot\.example\.org\/#code=/);
  });

  test('a machine without a browser says so, serves all the same and ends as ever', async () => {
    for (const [script, changes] of [
      ['exit 3', {}],
      ['true', { DISPLAY: '' }],
      ['true', { PATH: '/nowhere' }],
    ] as const) {
      const { home, env } = withOpener(script);
      const web = startHere([...LISTEN, '--open', '--json'], { home, env: { ...env, ...changes } });
      await web.says('stderr', SENTENCE);
      await web.says('stderr', 'hint: wxagent token code');
      const [{ url }] = jsonLines(web.stdout) as [{ url: string }];
      expect((await askAt(`${url}/healthz`)).status).toBe(200);
      expect(web.stderr).not.toContain('#code=');
      expect((await web.stop()).code).toBe(0);
    }
  });

  test('on a terminal the address is shown, with a code', async () => {
    const { home, env } = withOpener('exit 3');
    for (const more of [[], ['--open']]) {
      const web = startHere([...LISTEN, ...more], { home, env, io: { stderrIsTerminal: true } });
      await web.says('stderr', /Open (\S+) in a browser: once, within 10 minutes\./);
      expect(await comeIn(/Open (\S+) in/.exec(web.stderr)?.[1] as string)).toBe(201);
      expect(web.stderr.includes(SENTENCE)).toBe(more.length > 0);
      await web.stop();
    }
  });
});

test.each([
  ['darwin', {}, 'open'],
  ['win32', {}, 'rundll32 url.dll,FileProtocolHandler'],
  ['linux', { DISPLAY: ':0' }, 'xdg-open'],
  ['linux', { WAYLAND_DISPLAY: 'wayland-0' }, 'xdg-open'],
  // xdg-open would start lynx or w3m in the terminal of this process.
  ['linux', {}, null],
  ['linux', { DISPLAY: '' }, null],
  ['freebsd', {}, null],
  // WSL has the browser of Windows, and a DISPLAY behind which mostly nothing is.
  ['linux', { WSL_DISTRO_NAME: 'Ubuntu', DISPLAY: ':0' }, 'rundll32.exe url.dll,FileProtocolHandler'],
  // An editor that is connected over SSH opens it where the person sits.
  ['linux', { BROWSER: '/opt/editor/helper.sh' }, '/opt/editor/helper.sh'],
  ['linux', { BROWSER: 'firefox:chromium', DISPLAY: ':0' }, 'firefox'],
  ['linux', { BROWSER: 'firefox %s', DISPLAY: ':0' }, 'xdg-open'],
] as const)('on %s with %o a browser is opened by %s', (platform, environment, opener) => {
  const get = (name: string) => (environment as Record<string, string>)[name];
  expect(openerOf(platform, { get })?.join(' ') ?? null).toBe(opener);
});
