import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  baseInfo,
  clientVersionNumber,
  createPostHeaders,
  getHeaders,
  wechatUin,
} from '../../../../src/ilink/wire/headers.ts';

describe('vectors of protocol 13.2', () => {
  test.each([
    [0, 'MA=='],
    [1, 'MQ=='],
    [305419896, 'MzA1NDE5ODk2'],
    [1234567890, 'MTIzNDU2Nzg5MA=='],
    [4294967295, 'NDI5NDk2NzI5NQ=='],
  ])('X-WECHAT-UIN of %i', (uint32, header) => {
    expect(wechatUin(uint32)).toBe(header);
  });

  test.each([
    ['1.0.2', 65538],
    ['1.0.11', 65547],
    ['2.1.7', 131335],
    ['2.4.6', 132102],
    ['2.4.9', 132105],
    ['3.256.1', 196609],
    ['2.4.9-beta.1', 132105],
    ['2', 131072],
    ['', 0],
  ])('iLink-App-ClientVersion of %j', (version, number) => {
    expect(clientVersionNumber(version)).toBe(number);
  });
});

const PRODUCT = /^[A-Za-z0-9_.-]{1,32}\/[A-Za-z0-9_.+-]{1,32}$/;

test('bot_agent passes the grammar of protocol 1.3 for any version', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string(), fc.constantFrom('0.1.0', '1.2.3-beta.4+build', '1.0 (x)', '版本')),
      (version) => {
        const info = baseInfo(version);
        expect(info.channel_version).toBe(version);
        expect(info.bot_agent).toMatch(PRODUCT);
        expect(Buffer.byteLength(info.bot_agent)).toBeLessThanOrEqual(256);
      },
    ),
  );
  expect(baseInfo('0.1.0')).toEqual({ channel_version: '0.1.0', bot_agent: 'wxagent/0.1.0' });
});

test('a POST carries token, type and a number of its own', () => {
  const headersOf = createPostHeaders('1.0.2', 'b@im.bot:secret');
  expect(headersOf()).toMatchObject({
    'Content-Type': 'application/json',
    AuthorizationType: 'ilink_bot_token',
    Authorization: 'Bearer b@im.bot:secret',
    'iLink-App-Id': 'bot',
    'iLink-App-ClientVersion': '65538',
  });
  const numbers = new Set(
    Array.from({ length: 20 }, () => {
      const decimal = Buffer.from(headersOf()['X-WECHAT-UIN'] ?? '', 'base64').toString('ascii');
      expect(decimal).toMatch(/^\d{1,10}$/);
      expect(Number(decimal)).toBeLessThan(2 ** 32);
      return decimal;
    }),
  );
  expect(numbers.size).toBeGreaterThan(1);
});

test('without a token there is no Authorization, and a GET says only who asks', () => {
  expect(createPostHeaders('1.0.2', null)()).not.toHaveProperty('Authorization');
  expect(getHeaders('1.0.2')).toEqual({
    'accept-encoding': 'identity',
    'iLink-App-Id': 'bot',
    'iLink-App-ClientVersion': '65538',
  });
});
