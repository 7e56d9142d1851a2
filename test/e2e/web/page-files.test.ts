import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../helpers/pages.ts';
import { askAt, startWeb } from '../../helpers/web.ts';
import { makeFolder } from '../../helpers/wxagent.ts';

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
