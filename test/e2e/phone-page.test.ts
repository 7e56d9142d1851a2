import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { ROOT } from '../helpers/pages.ts';
import { simulate } from '../helpers/simulated.ts';

const BUILT = join(ROOT, 'dist/phone');
const MOST_BYTES = 150_000;

/** A request with the headers of a browser, which fetch would not send. */
function ask(url: string, headers: Record<string, string>, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.once('error', reject).end(method === 'POST' ? '{"text":"x"}' : undefined);
  });
}

test('the page is small, and everything in it comes from its own server', async () => {
  const sizes = readdirSync(BUILT).map((file) => gzipSync(readFileSync(join(BUILT, file))).length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_BYTES);
  for (const file of readdirSync(BUILT)) {
    const addresses =
      readFileSync(join(BUILT, file), 'utf8').match(/(https?:)?\/\/[a-z0-9-]+\.[a-z][\w./-]*/gi) ?? [];
    expect(addresses.filter((address) => !address.startsWith('http://www.w3.org/'))).toEqual([]);
  }
});

test('its files are served by hashed names under a strict policy, and nothing beside them is', async () => {
  const { baseUrl } = await simulate();
  const page = await fetch(baseUrl);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('cache-control')).toBe('no-cache');
  const names = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, path]) => path as string,
  );
  expect(names).toHaveLength(3);
  for (const path of ['/', ...names]) {
    const { status, headers } = await fetch(baseUrl + path);
    expect(status).toBe(200);
    const policy = headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self'; /);
    expect(policy).toContain("frame-ancestors 'none'; require-trusted-types-for 'script'");
    expect(policy).not.toMatch(/unsafe|data:|https?:|\*/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
    if (path === '/') continue;
    expect(path).toMatch(/^\/page\/\w+-[0-9a-f]{10}\.(js|css|svg)$/);
    expect(headers.get('cache-control')).toContain('immutable');
  }
  expect((await fetch(`${baseUrl}/?x=1`)).status).toBe(200);
  // A browser sends what other programs of this machine have set, too.
  expect(await ask(baseUrl, { cookie: `theirs=${'x'.repeat(40_000)}` })).toBe(200);
  expect((await fetch(baseUrl, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(baseUrl, { method: 'POST', body: '{}' })).status).toBe(405);
  for (const path of [
    '/page/',
    '/page/index.html',
    '/page/../main.js',
    '/page/%2e%2e/main.js',
    '/page/x.js',
    '/index.html',
  ])
    expect(await ask(baseUrl + path, {}), path).toBe(404);
});

test('the page and what it asks for have the guards of the other routes', async () => {
  const { baseUrl, control } = await simulate();
  const { host } = new URL(baseUrl);
  for (const path of ['/', '/page/x.js', '/_sim/live', '/_sim/state', '/_sim/file?messageId=1']) {
    expect(await ask(baseUrl + path, { host: `evil.example:${host.split(':')[1]}` }), path).toBe(403);
    expect(await ask(baseUrl + path, { host, 'sec-fetch-site': 'cross-site' }), path).toBe(403);
    expect(await ask(baseUrl + path, { host, 'sec-fetch-site': 'same-site' }), path).toBe(403);
    expect(await ask(baseUrl + path, { host, origin: 'null' }), path).toBe(403);
  }
  for (const path of ['/_sim/message', '/_sim/budget', '/_sim/silk', '/_sim/kill'])
    for (const origin of ['https://evil.example', 'http://127.0.0.1:1', 'http://localhost', 'null'])
      for (const type of [
        'application/json',
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
      ])
        expect(await ask(baseUrl + path, { host, origin, 'content-type': type }, 'POST'), path).toBe(403);
  expect(control.phone().shown).toEqual([]);
  expect(
    await ask(`${baseUrl}/_sim/message`, { host, origin: baseUrl, 'sec-fetch-site': 'same-origin' }, 'POST'),
  ).toBe(200);
});
