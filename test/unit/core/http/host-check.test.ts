import { expect, test } from 'vitest';
import { foreignRequest, LOOPBACK_ONLY } from '../../../../src/core/http/host-check.ts';

const refused = (headers: Parameters<typeof foreignRequest>[0], place = LOOPBACK_ONLY) =>
  foreignRequest(headers, place) !== null;

test('only names and addresses that stay on this machine are a Host', () => {
  const own = [
    ...['localhost', 'LOCALHOST:80', 'localhost.', 'a.localhost:8080', 'x.y.localhost', '127.0.0.1'],
    ...['127.0.0.1:40311', '127.1', '127.255.255.254:1', '[::1]', '[::1]:8080', '[0:0:0:0:0:0:0:1]:80'],
    ...['[::ffff:127.0.0.1]:80', '0x7f.1', '2130706433', 'localhost:'],
  ];
  const foreign = [
    ...['evil.example', 'evil.example:40311', 'localhost.evil.example', '127.0.0.1.evil.example', '', ':80'],
    ...['0.0.0.0', '0', '[::]', '10.0.0.1', '128.0.0.1', '[::2]', '[::ffff:10.0.0.1]', '[fe80::1]', 'evil'],
    ...['me@localhost', 'localhost@evil.example', 'localhost/..', 'evil.example#localhost', 'local host'],
    ...[
      'localhost:80:80',
      'localhost:99999',
      '[::1',
      'xlocalhost',
      'ｌocalhost.cn',
      'localhost\\',
      '127.0.0.1,evil',
    ],
  ];
  expect(own.filter((host) => refused({ host }))).toEqual([]);
  expect(foreign.filter((host) => !refused({ host }))).toEqual([]);
  expect(refused({})).toBe(false);
});

test('a host that was given on purpose is one too', () => {
  const place = { scheme: 'http', isNamed: (name: string) => name === 'my-box' } as const;
  expect(['my-box', 'MY-BOX:8900', 'localhost'].filter((host) => refused({ host }, place))).toEqual([]);
  expect(refused({ host: 'my-box.evil.example' }, place)).toBe(true);
});

test('an Origin is that of the Host, to the port and the scheme; a page elsewhere is told by Sec-Fetch-Site too', () => {
  const host = '127.0.0.1:40311';
  const foreign = [
    ...[
      'null',
      '',
      'http://evil.example',
      'https://127.0.0.1:40311',
      'http://127.0.0.1:3000',
      'http://127.0.0.1',
    ],
    ...['http://localhost:40311', 'chrome-extension://abc', 'file://', 'http://127.0.0.1:40311.evil.example'],
  ];
  expect(foreign.filter((origin) => !refused({ host, origin }))).toEqual([]);
  expect(refused({ host, origin: 'http://127.0.0.1:40311' })).toBe(false);
  expect(refused({ host: 'localhost', origin: 'http://localhost:80' })).toBe(false);
  expect(refused({ host, origin: 'https://127.0.0.1:40311' }, { ...LOOPBACK_ONLY, scheme: 'https' })).toBe(
    false,
  );
  expect(refused({ origin: 'http://127.0.0.1' })).toBe(true);
  const sites = ['same-origin', 'none', 'same-site', 'cross-site', 'other', ''];
  expect(sites.filter((site) => refused({ host, 'sec-fetch-site': site }))).toEqual(sites.slice(2));
});
