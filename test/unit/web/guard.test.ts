import { describe, expect, it, test } from 'vitest';
import { clientOf } from '../../../src/web/guard/client-address.ts';
import { createFailureLimit } from '../../../src/web/guard/failure-limit.ts';
import {
  isReachable,
  namesOf,
  parseListen,
  parsePublicUrl,
  parseTrustedProxies,
} from '../../../src/web/guard/listen-address.ts';
import { credentialOf, sessionCookie } from '../../../src/web/guard/read-credential.ts';
import { isAllowedBy } from '../../../src/web/guard/scope.ts';

describe('--listen', () => {
  it.each([
    ['127.0.0.1:7788', '127.0.0.1', 7788],
    ['8080', '127.0.0.1', 8080],
    [':8080', '127.0.0.1', 8080],
    ['0.0.0.0', '0.0.0.0', 7788],
    ['localhost:0', 'localhost', 0],
    ['[::1]:80', '::1', 80],
    ['[::]', '::', 7788],
    ['nas.local:65535', 'nas.local', 65_535],
  ])('%s', (text, host, port) => {
    expect(parseListen(text, '--listen')).toEqual({ host, port });
  });

  it.each(['', 'a b', 'http://x', 'x:99999', '[x]:1', '[127.0.0.1]:1', 'x:y', 'a/b', './bot.sh', '::1:80'])(
    '%j is refused',
    (text) => {
      expect(() => parseListen(text, '--web')).toThrow('--web takes an address to listen on');
    },
  );

  it('is told from one that others reach', () => {
    const reachable = ['0.0.0.0', '::', '192.168.1.2', 'nas.local'].map((host) => ({ host, port: 1 }));
    expect(reachable.every(isReachable)).toBe(true);
    expect(['127.0.0.1', '::1', 'localhost'].some((host) => isReachable({ host, port: 1 }))).toBe(false);
  });
});

test('--public-url is an origin', () => {
  expect(parsePublicUrl('https://bot.example.org/')).toBe('https://bot.example.org');
  expect(parsePublicUrl('http://nas:8080')).toBe('http://nas:8080');
  for (const text of ['nas', 'ftp://nas', 'https://nas/path', 'https://me@nas', 'https://nas?x', ''])
    expect(() => parsePublicUrl(text), text).toThrow('--public-url takes http(s)://host');
});

test('--trust-proxy takes addresses and networks', () => {
  const trusted = parseTrustedProxies('127.0.0.1, 10.0.0.0/8,fd00::/8');
  expect(['127.0.0.1', '10.9.8.7', 'fd00::1'].every(trusted.has)).toBe(true);
  expect(['127.0.0.2', '11.0.0.1', 'fe80::1', 'x', ''].some(trusted.has)).toBe(false);
  expect(parseTrustedProxies(null).has('127.0.0.1')).toBe(false);
  for (const text of ['', 'localhost', '10.0.0.0/33', '10.0.0.0/8/8', '10.0.0.0/x', '1.2.3.4,'])
    expect(() => parseTrustedProxies(text), text).toThrow('--trust-proxy takes addresses or networks');
});

test('a server has the names of its address, of its proxy and of its certificate, and no others', () => {
  const named = (host: string, publicOrigin: string | null = null, certified: string[] = []) => {
    const certificate = { isFor: (name: string) => certified.includes(name) };
    return namesOf({ host, port: 1 }, publicOrigin, certificate);
  };
  expect(named('192.168.1.2')('192.168.1.2')).toBe(true);
  expect(named('192.168.1.2')('192.168.1.3')).toBe(false);
  expect(named('0.0.0.0')('192.168.1.3')).toBe(true);
  expect(named('0.0.0.0')('[fd00::1]')).toBe(true);
  expect(named('0.0.0.0')('evil.example')).toBe(false);
  expect(named('0.0.0.0', 'https://bot.example.org')('bot.example.org')).toBe(true);
  expect(named('0.0.0.0', 'https://bot.example.org')('x.bot.example.org')).toBe(false);
  expect(named('0.0.0.0', null, ['nas.local'])('nas.local')).toBe(true);
  // Where only this machine reaches it, a name that a certificate has may lead elsewhere tomorrow.
  expect(named('127.0.0.1', null, ['nas.local'])('nas.local')).toBe(false);
});

describe('who asks', () => {
  const trusted = parseTrustedProxies('127.0.0.1,10.0.0.0/8');
  const from = (address: string, headers: Record<string, string>, isTls = false) =>
    clientOf({ address, isTls }, headers, trusted);

  it('is the peer, whatever it writes', () => {
    const lies = { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https' };
    expect(from('9.9.9.9', lies)).toEqual({ address: '9.9.9.9', scheme: 'http' });
    expect(from('::ffff:9.9.9.9', {}, true)).toEqual({ address: '9.9.9.9', scheme: 'https' });
  });

  it('is whom the nearest proxy saw that is trusted, not what that one wrote itself', () => {
    const forwarded = { 'x-forwarded-for': '6.6.6.6, 1.2.3.4, 10.0.0.7', 'x-forwarded-proto': 'https' };
    expect(from('127.0.0.1', forwarded)).toEqual({ address: '1.2.3.4', scheme: 'https' });
    expect(from('127.0.0.1', { 'x-forwarded-proto': 'https, http' }).scheme).toBe('https');
    expect(from('127.0.0.1', { 'x-forwarded-proto': 'http,https' }).scheme).toBe('http');
    expect(from('127.0.0.1', { 'x-forwarded-for': 'nonsense' }).address).toBe('127.0.0.1');
    expect(from('::ffff:127.0.0.1', { 'x-forwarded-for': '1.2.3.4' }).address).toBe('1.2.3.4');
  });

  it.each([
    ['1.2.3.4:5678', '1.2.3.4'],
    ['[2001:db8::1]:5678', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[::ffff:1.2.3.4]:5678', '1.2.3.4'],
    ['6.6.6.6, 1.2.3.4:5678, 10.0.0.7:80', '1.2.3.4'],
    ['1.2.3.4,', '1.2.3.4'],
    // What stands before what nobody understands, whoever asks may have written.
    ['6.6.6.6, unknown', '127.0.0.1'],
    ['6.6.6.6, _hidden, 10.0.0.7', '127.0.0.1'],
  ])('is found in %j, as proxies write it', (forwarded, address) => {
    expect(from('127.0.0.1', { 'x-forwarded-for': forwarded }).address).toBe(address);
  });
});

test('a credential is a token, or the cookie of this store', () => {
  const of = (headers: Record<string, string>) => credentialOf(headers, 'wxagent-ab');
  expect(of({})).toEqual({ kind: 'none' });
  expect(of({ authorization: 'Bearer wxa_1' })).toEqual({ kind: 'token', text: 'wxa_1' });
  expect(of({ authorization: 'bearer   wxa_1 ' })).toEqual({ kind: 'token', text: 'wxa_1' });
  // One that is none does not fall back to the cookie that a browser sends along.
  for (const authorization of ['Bearer', 'Bearer a b', ' bearer,x'])
    expect(of({ authorization, cookie: 'wxagent-ab=1' })).toEqual({ kind: 'token', text: '' });
  // A browser that has signed in at a proxy in front says so to the server as well.
  for (const authorization of ['Basic eDp5', 'Digest username="x"', ''])
    expect(of({ authorization, cookie: 'wxagent-ab=1' })).toEqual({ kind: 'cookie', value: '1' });
  expect(of({ authorization: 'Basic eDp5' })).toEqual({ kind: 'none' });
  expect(of({ cookie: 'a=1; wxagent-ab=2=; wxagent-ab=3' })).toEqual({ kind: 'cookie', value: '2=' });
  expect(of({ cookie: 'wxagent-xy=1; wxagent-ab' })).toEqual({ kind: 'cookie', value: '' });
  expect(of({ cookie: 'wxagent-xy=1' })).toEqual({ kind: 'none' });
});

test('the cookie of a session is for no script and no other site, and over https for nothing else', () => {
  expect(sessionCookie('n', 'v', false)).toBe('n=v; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict');
  expect(sessionCookie('n', 'v', true)).toMatch(/; Secure$/);
});

test('a scope may use what names it; admin may use everything', () => {
  expect(isAllowedBy('read', ['read'])).toBe(true);
  expect(isAllowedBy('send', ['read'])).toBe(false);
  expect(isAllowedBy('read', [])).toBe(false);
  expect(isAllowedBy('admin', [])).toBe(true);
});

describe('failures', () => {
  function limitAt() {
    const clock = { nowMs: 5_000, monotonic: () => clock.nowMs };
    return { clock, limit: createFailureLimit(clock) };
  }

  it('are ten a minute for an address', () => {
    const { clock, limit } = limitAt();
    for (let n = 0; n < 10; n++) {
      expect(limit.waitMs('a')).toBe(0);
      limit.failed('a');
    }
    expect(limit.waitMs('a')).toBe(60_000);
    expect(limit.waitMs('b')).toBe(0);
    clock.nowMs += 59_999;
    expect(limit.waitMs('a')).toBe(1);
    clock.nowMs += 1;
    expect(limit.waitMs('a')).toBe(0);
    limit.failed('a');
    expect(limit.waitMs('a')).toBe(0);
  });

  it('are sixty a minute for all together', () => {
    const { limit } = limitAt();
    for (let n = 0; n < 60; n++) limit.failed(`address ${n}`);
    expect(limit.waitMs('another')).toBe(60_000);
  });

  it('are forgotten of who failed longest ago, when there are too many', () => {
    const { clock, limit } = limitAt();
    for (let n = 0; n < 10; n++) limit.failed('first');
    for (let n = 0; n < 10_000; n++) limit.failed(`address ${n}`);
    clock.nowMs += 30_000;
    for (let n = 0; n < 10; n++) limit.failed('last');
    clock.nowMs += 30_000;
    expect([limit.waitMs('first'), limit.waitMs('last')]).toEqual([0, 30_000]);
  });
});
