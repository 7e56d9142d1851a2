import { cpSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere } from '../../helpers/in-this-process.ts';
import { ROOT } from '../../helpers/pages.ts';
import { loggedIn, simulate } from '../../helpers/simulated.ts';
import { askAt, startWeb } from '../../helpers/web.ts';
import { jsonLines, makeFolder, startWxagent } from '../../helpers/wxagent.ts';

const BUILT = join(ROOT, 'dist/web-page');

test('everything in the page comes from its own server', () => {
  for (const file of readdirSync(BUILT)) {
    const addresses =
      readFileSync(join(BUILT, file), 'utf8').match(/(https?:)?\/\/[a-z0-9-]+\.[a-z][\w./-]*/gi) ?? [];
    expect(
      addresses.filter((address) => !address.startsWith('http://www.w3.org/')),
      file,
    ).toEqual([]);
  }
});

test('pages call nothing that came to browsers after 2022', () => {
  const newer =
    /\b(?:(?:is|to)WellFormed|to(?:Sorted|Reversed|Spliced)|withResolvers|groupBy|fromAsync|checkVisibility|AbortSignal\.any|Iterator\.from|Promise\.try)\(|\(\?<[=!]/g;
  for (const page of ['web-page', 'phone']) {
    const folder = join(ROOT, 'dist', page);
    const scripts = readdirSync(folder).filter((file) => file.endsWith('.js'));
    expect(scripts).toHaveLength(1);
    expect(readFileSync(join(folder, scripts[0] ?? ''), 'utf8').match(newer), page).toBeNull();
  }
});

test('its files are served without a credential, by hashed names, under a strict policy, and smaller for who takes gzip', async () => {
  const { url } = await startWeb({ home: makeFolder(), env: {} }, '--public-url', 'http://bot.test');
  const document = await fetch(url);
  expect(document.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(document.headers.get('cache-control')).toBe('no-cache');
  const names = [...(await document.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, path]) => path ?? '',
  );
  expect(names).toHaveLength(3);
  for (const path of ['/', ...names]) {
    const { status, headers } = await askAt(url + path);
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; /,
    );
    expect(headers['content-security-policy']).not.toMatch(/unsafe|data:|https?:|\*/);
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
    expect(headers).not.toHaveProperty('content-encoding');
    expect(headers).not.toHaveProperty('set-cookie');
    if (path !== '/') expect(headers['cache-control']).toContain('immutable');
    const zipped = await fetch(url + path, { headers: { 'accept-encoding': 'br, gzip' } });
    expect(zipped.headers.get('content-encoding')).toBe('gzip');
  }
  for (const path of ['/page/', '/page/index.html', '/page/%2e%2e/main.js', '/page/x.js', '/index.html'])
    expect((await askAt(url + path)).status, path).toBe(404);
  // A browser takes it from there for an error, and has no use for it.
  const far = await askAt(`${url}/`, { headers: { host: 'bot.test' } });
  expect(far).toMatchObject({ status: 200 });
  expect(far.headers).not.toHaveProperty('cross-origin-opener-policy');
  const host = `evil.example:${new URL(url).port}`;
  for (const path of ['/', ...names])
    expect((await askAt(url + path, { headers: { host } })).status).toBe(421);
  expect((await askAt(`${url}/`, { method: 'HEAD' })).status).toBe(200);
});

/** The program as it is built, in a folder of its own. */
function copyOfProgram(): string {
  const program = makeFolder();
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(join(ROOT, part), join(program, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(program, 'node_modules'));
  return program;
}

test('a runner whose web server cannot be loaded stops as ever, and says why', async () => {
  const { home } = loggedIn(await simulate());
  const program = copyOfProgram();
  for (const name of readdirSync(join(program, 'dist')).filter((one) => one.startsWith('open-web-')))
    rmSync(join(program, 'dist', name));
  const run = startWxagent(['run', '--echo', '--web', '127.0.0.1:0'], {
    home,
    through: [process.execPath, join(program, 'bin/wxagent.js')],
  });
  await run.says('stderr', 'stopped; all received messages are stored');
  await run.says('stderr', 'a file of wxagent is missing');
  expect(await run.exited).toMatchObject({ code: 70 });
});

const MISSING = 'a file of wxagent is missing: it was updated or removed while it was running';

/** `wxagent web` from a program that can be replaced. */
async function startReplaceable(home: string) {
  const program = copyOfProgram();
  const web = startWxagent(['web', '--listen', '127.0.0.1:0', '--json'], {
    home,
    through: [process.execPath, join(program, 'bin/wxagent.js')],
  });
  await web.says('stdout', '}\n');
  const url = jsonLines(web.stdout)[0]?.url as string;
  return { web, url, replace: () => renameSync(join(program, 'dist'), join(program, 'replaced')) };
}

test('when the program is replaced before anybody has asked, everybody is told to start it again', async () => {
  const { web, url, replace } = await startReplaceable(makeFolder());
  replace();
  for (const path of ['/', '/api/v1/accounts', '/healthz'])
    expect(await askAt(url + path), path).toMatchObject({
      status: 503,
      text: `${MISSING}: start wxagent again\n`,
    });
  expect(web.stderr.match(/cannot answer at/g)).toHaveLength(1);
  expect(await web.stop()).toMatchObject({ code: 0 });
});

test('when the program is replaced under a server, what it has not loaded is told in a sentence, and the rest goes on', async () => {
  const home = makeFolder();
  const { web, url, replace } = await startReplaceable(home);
  expect((await askAt(`${url}/healthz`)).status).toBe(200);
  const made = await runHere(['token', 'add', 'x', '--scope', 'admin', '--json'], { home });
  const token = jsonLines(made.stdout)[0]?.token as string;
  replace();
  for (const path of ['/api/v1/agents', '/api/v1/doctor', '/'])
    expect(await askAt(url + path, { token }), path).toMatchObject({
      status: 500,
      json: { kind: 'internal', detail: MISSING, hint: 'start wxagent again' },
    });
  // Its Chinese is in a file as well.
  const zh = { 'accept-language': 'zh' };
  expect((await askAt(`${url}/api/v1/agents`, { token, headers: zh })).json?.detail).toBe(MISSING);
  expect(await askAt(`${url}/api/v1/accounts`, { token })).toMatchObject({ status: 200 });
  expect(web.stderr).toContain(`GET /api/v1/agents: ${MISSING}: start wxagent again (Cannot find module`);
  expect(await web.stop()).toMatchObject({ code: 0 });
});
