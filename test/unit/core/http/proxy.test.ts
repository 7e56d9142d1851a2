import { describe, expect, it, test } from 'vitest';
import { credentialsOf, proxiesOf, proxyForAll, shownProxy } from '../../../../src/core/http/proxy.ts';
import { isOnThisMachine } from '../../../../src/core/http/this-machine.ts';

type Variables = Record<string, string>;

/** The proxy that an environment has for a URL, as it is shown. */
function proxyOf(environment: Variables, url = 'https://api.example.com/v1'): string | null {
  const proxy = proxiesOf(environment).proxyFor(new URL(url));
  return proxy && shownProxy(proxy);
}

test.each([
  [{}, null],
  [{ HTTPS_PROXY: '' }, null],
  [{ HTTPS_PROXY: '  ' }, null],
  [{ HTTPS_PROXY: 'http://p:1' }, 'http://p:1 (HTTPS_PROXY)'],
  [{ https_proxy: 'http://low:1', HTTPS_PROXY: 'http://up:1' }, 'http://low:1 (https_proxy)'],
  [{ https_proxy: '', HTTPS_PROXY: 'http://up:1' }, 'http://up:1 (HTTPS_PROXY)'],
  [{ HTTP_PROXY: 'http://p:1' }, 'http://p:1 (HTTP_PROXY)'],
  [{ ALL_PROXY: 'http://all:1', HTTP_PROXY: 'http://p:1' }, 'http://all:1 (ALL_PROXY)'],
  [{ HTTPS_PROXY: '127.0.0.1:7890' }, 'http://127.0.0.1:7890 (HTTPS_PROXY)'],
  [{ HTTPS_PROXY: 'localhost:7890' }, 'http://localhost:7890 (HTTPS_PROXY)'],
  [{ HTTPS_PROXY: ' proxy.lan:3128/ ' }, 'http://proxy.lan:3128 (HTTPS_PROXY)'],
  [{ HTTPS_PROXY: 'user:secret@proxy.lan:3128' }, 'http://proxy.lan:3128 (HTTPS_PROXY)'],
  [{ HTTPS_PROXY: '[::1]:7890' }, 'http://[::1]:7890 (HTTPS_PROXY)'],
  [{ HTTPS_PROXY: '"http://p:1"' }, 'http://p:1 (HTTPS_PROXY)'],
  [{ HTTPS_PROXY: 'HTTPS://p' }, 'https://p (HTTPS_PROXY)'],
  [{ HTTPS_PROXY: 'socks5h://127.0.0.1:1080' }, 'socks5://127.0.0.1:1080 (HTTPS_PROXY)'],
  [{ all_proxy: 'socks://127.0.0.1:1080/' }, 'socks5://127.0.0.1:1080 (all_proxy)'],
] as [Variables, string | null][])('%j means %s', (environment, shown) => {
  expect(proxyOf(environment)).toBe(shown);
});

test.each([
  'socks4://127.0.0.1:1080',
  'ftp://p:1',
  'http://',
  'http:// p:1',
  'http://p:99999',
  'http://us%er:secret@p:1',
  '"http://p:1',
  '://',
  'http://p:1/path',
  'http://p:1?x=secret',
  'http://p:1/#secret',
])('%s is refused with the name of its variable, and not repeated', (value) => {
  const reading = () => proxyOf({ https_proxy: value });
  expect(reading).toThrow(expect.objectContaining({ kind: 'config', exit: 78 }));
  expect(reading).toThrow(/^https_proxy (begins|names|is|has)/);
  expect(reading).not.toThrow(/secret/);
});

test('what nothing needs may be wrong', () => {
  const environment = { HTTP_PROXY: 'ftp://x', HTTPS_PROXY: 'http://p:1', NO_PROXY: 'inside.example' };
  expect(proxyOf(environment)).toBe('http://p:1 (HTTPS_PROXY)');
  expect(proxyOf(environment, 'http://inside.example/')).toBeNull();
  expect(proxyOf(environment, 'http://127.0.0.1:11434/')).toBeNull();
});

describe('this machine', () => {
  it.each([
    ['http://localhost:11434/', true],
    ['http://LOCALHOST./', true],
    ['http://ollama.localhost/', true],
    ['http://127.1.2.3/', true],
    ['http://2130706433/', true],
    ['http://[::1]:1/', true],
    ['http://[::ffff:127.0.0.1]/', true],
    ['http://localhost.example.com/', false],
    ['http://notlocalhost/', false],
    ['http://128.0.0.1/', false],
    ['http://[::2]/', false],
  ])('%s: %s', (url, isHere) => {
    expect(isOnThisMachine(new URL(url).hostname)).toBe(isHere);
    expect(proxyOf({ HTTP_PROXY: 'http://p:1' }, url) === null).toBe(isHere);
  });
});

describe('NO_PROXY', () => {
  it.each([
    ['*', 'https://a.example/', true],
    ['a.example', 'https://a.example/', true],
    ['a.example', 'https://b.a.example/', true],
    ['a.example', 'https://ba.example/', false],
    ['.a.example', 'https://b.a.example/', true],
    ['.a.example', 'https://a.example/', true],
    ['*.a.example', 'https://b.a.example./', true],
    ['A.Example', 'https://a.EXAMPLE/', true],
    ['x, a.example ,y', 'https://a.example/', true],
    ['x a.example', 'https://a.example/', true],
    ['a.example:443', 'https://a.example/', true],
    ['a.example:8443', 'https://a.example/', false],
    ['a.example:80', 'http://a.example/', true],
    ['10.0.0.0/8', 'http://10.2.3.4:5000/', true],
    ['10.0.0.0/8', 'http://11.2.3.4/', false],
    ['192.168.1.1', 'http://192.168.1.1/', true],
    ['192.168.1.1', 'http://192.168.1.10/', false],
    ['192.168.1.1:90', 'http://192.168.1.1:90/', true],
    ['fd00::/8', 'http://[fd12::1]/', true],
    ['[fd12::1]:90', 'http://[fd12:0::1]:90/', true],
    ['[fd12::1]:90', 'http://[fd12::1]:91/', false],
    ['fd12:0:0::1', 'http://[fd12::1]/', true],
    ['10.0.0.0/99', 'http://10.0.0.1/', false],
    ['10.0.0.0/', 'http://10.0.0.1/', false],
    ['/8', 'http://10.0.0.1/', false],
    [',', 'http://10.0.0.1/', false],
    ['.', 'http://10.0.0.1/', false],
    ['a:b:c', 'http://a/', false],
  ])('%s exempts %s: %s', (entries, url, isExempt) => {
    const proxies = { HTTP_PROXY: 'http://p:1' };
    expect(proxyOf({ ...proxies, NO_PROXY: entries }, url) === null).toBe(isExempt);
    expect(proxyOf({ ...proxies, no_proxy: entries, NO_PROXY: '*' }, url) === null).toBe(isExempt);
  });
});

test('user and password are told in the form of the proxy, decoded', () => {
  const of = (url: string) => credentialsOf({ url: new URL(url), from: '--proxy' });
  expect(of('http://p:1')).toEqual({});
  expect(of('http://us%40er:p%3Ass@p:1')).toEqual({
    token: `Basic ${Buffer.from('us@er:p:ss').toString('base64')}`,
  });
  expect(of('http://key@p:1')).toEqual({ token: `Basic ${Buffer.from('key:').toString('base64')}` });
  expect(of('socks5://u:p%20w@p:1')).toEqual({ username: 'u', password: 'p w' });
});

test('one proxy for all is for this machine too', () => {
  const rules = proxyForAll('127.0.0.1:7890', '--proxy');
  expect(rules.proxyFor(new URL('http://localhost/'))?.url.href).toBe('http://127.0.0.1:7890/');
  expect(() => proxyForAll('ftp://x', '--proxy')).toThrow(/--proxy begins with ftp:\/\//);
});
