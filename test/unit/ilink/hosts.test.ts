import { describe, expect, test } from 'vitest';
import { WxError } from '../../../src/core/errors.ts';
import { percentEncoded } from '../../../src/core/text-bytes.ts';
import { createHostTrust, endpointUrl, isBareHost, parseBaseUrl } from '../../../src/ilink/hosts.ts';

describe('without named hosts', () => {
  const trust = createHostTrust([]);
  test.each([
    'https://weixin.qq.com/',
    'https://ilinkai.weixin.qq.com',
    'https://ilinkai.wechat.com/prefix?x=1',
    'https://NOVAC2C.cdn.weixin.qq.com:443/c2c',
  ])('%s is trusted', (url) => {
    expect(trust.isTrusted(new URL(url))).toBe(true);
  });

  test.each([
    'http://ilinkai.weixin.qq.com',
    'https://ilinkai.weixin.qq.com:8443',
    'https://user@ilinkai.weixin.qq.com',
    'https://:pw@ilinkai.weixin.qq.com',
    'https://evilweixin.qq.com',
    'https://weixin.qq.com.evil.example',
    'https://qq.com',
    'https://example.com/weixin.qq.com',
    'http://127.0.0.1:8080',
    'ftp://weixin.qq.com',
  ])('%s is not', (url) => {
    expect(trust.isTrusted(new URL(url))).toBe(false);
  });
});

describe('with named hosts', () => {
  const trust = createHostTrust([
    'https://relay.example:8443/prefix',
    'http://127.0.0.1:9000',
    'http://[::1]:9000/',
    'http://plain.example',
    'not a url',
  ]);
  test.each([
    ['https://relay.example:8443/other', true],
    ['https://relay.example/', false],
    ['https://sub.relay.example:8443/', false],
    ['https://u:p@relay.example:8443/', false],
    ['http://127.0.0.1:9000/c2c', true],
    ['http://[::1]:9000/c2c', true],
    ['http://127.0.0.1:9001', false],
    ['http://localhost:9000', false],
    ['http://plain.example/', false],
    ['https://ilinkai.weixin.qq.com', true],
  ])('%s: %s', (url, trusted) => {
    expect(trust.isTrusted(new URL(url))).toBe(trusted);
  });
});

describe('parseBaseUrl', () => {
  test.each([
    ['https://ilinkai.weixin.qq.com', 'https://ilinkai.weixin.qq.com/'],
    ['https://relay.example/wx', 'https://relay.example/wx'],
    ['http://localhost:8080/x?y=1#z', 'http://localhost:8080/x'],
    ['http://127.9.9.9:1', 'http://127.9.9.9:1/'],
    ['http://[::1]:1', 'http://[::1]:1/'],
  ])('takes %s', (text, href) => {
    expect(parseBaseUrl(text, '--base-url').href).toBe(href);
  });

  test.each([
    '',
    'ilinkai.weixin.qq.com',
    'ftp://ilinkai.weixin.qq.com',
    'http://ilinkai.weixin.qq.com',
    'http://127.0.0.1.evil.example',
    'https://me:secret@relay.example',
  ])('refuses %j with a sentence and a hint', (text) => {
    let thrown: unknown;
    try {
      parseBaseUrl(text, '--cdn-url');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(WxError);
    expect(thrown).toMatchObject({ kind: 'usage', message: expect.stringContaining('--cdn-url') });
    expect((thrown as WxError).hint).toMatch(/^--cdn-url https:/);
    expect((thrown as WxError).message).not.toContain('secret');
  });
});

test.each([
  ['ilinkai.wechat.com', true],
  ['idc-3.weixin.qq.com', true],
  ['IDC-3.weixin.qq.com', true],
  ['', false],
  ['https://ilinkai.wechat.com', false],
  ['ilinkai.wechat.com/path', false],
  ['ilinkai.wechat.com:443', false],
  ['me@ilinkai.wechat.com', false],
  [' ilinkai.wechat.com', false],
  ['ilinkai.wechat.com\n', false],
  ['1.2.3.4', false],
  ['0x7f.1', false],
  ['2130706433', false],
  ['[::1]', false],
  ['a..b', false],
  ['微信.com', false],
  ['a?b', false],
])('isBareHost(%j) is %s', (host, bare) => {
  expect(isBareHost(host)).toBe(bare);
});

test.each([
  ['https://a.example', 'https://a.example/ilink/bot/getupdates'],
  ['https://a.example/', 'https://a.example/ilink/bot/getupdates'],
  ['https://a.example/prefix', 'https://a.example/prefix/ilink/bot/getupdates'],
  ['https://a.example/prefix/', 'https://a.example/prefix/ilink/bot/getupdates'],
])('%s is joined to %s', (base, url) => {
  expect(endpointUrl(base, 'ilink/bot/getupdates')).toBe(url);
});

test.each([
  ['AbC+/=xyz 123', 'AbC%2B%2F%3Dxyz%20123'],
  ['CAESpLQ/9+k=', 'CAESpLQ%2F9%2Bk%3D'],
  ['\ud800', '%EF%BF%BD'],
])('%j in a query is %s (protocol 13.4)', (text, encoded) => {
  expect(percentEncoded(text)).toBe(encoded);
});
