import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFileFetcher, type FileFetcher } from '../../../../src/agents/http/client/file-fetch.ts';
import {
  isInsideLiteral,
  isPublicAddress,
  lookupPublic,
} from '../../../../src/agents/http/client/public-address.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';

let folder: string;
let fetcher: FileFetcher;
let path: string;
let alive = 0;
const closing: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wxagent-fetch-'));
  path = join(folder, '1');
  fetcher = createFileFetcher({});
});
afterEach(async () => {
  await fetcher.close();
  for (const close of closing.splice(0)) await close();
  rmSync(folder, { recursive: true });
});

/** Serves by path; the address of `/file`. */
async function serve(answer: (path: string, response: ServerResponse) => void): Promise<string> {
  const http = createServer((request, response) => answer(request.url ?? '', response));
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    http.closeAllConnections();
    return new Promise((resolve) => http.close(resolve));
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/file`;
}

/** Fetches as an agent at this host would have it. */
const fetchFrom = (url: string, ownOrigin = new URL(url).origin, signal = new AbortController().signal) =>
  fetcher
    .fetch({ url, ownOrigin, path, signal, onAlive: () => void alive++ })
    .then((came) => ('name' in came ? came : `${came.reason}: ${came.detail}`));

test.each([
  ['8.8.8.8', true],
  ['2606:4700::1111', true],
  ['::ffff:8.8.8.8', true],
  ['0.0.0.0', false],
  ['10.1.2.3', false],
  ['100.64.0.1', false],
  ['127.0.0.1', false],
  ['127.255.0.1', false],
  ['169.254.169.254', false],
  ['172.16.0.1', false],
  ['172.32.0.1', true],
  ['192.168.1.1', false],
  ['198.18.0.1', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['::', false],
  ['::1', false],
  ['::127.0.0.1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:a9fe:a9fe', false],
  ['64:ff9b::7f00:1', false],
  ['2002:7f00:1::', false],
  ['fc00::1', false],
  ['fd12::1', false],
  ['fe80::1', false],
  ['fec0::1', false],
  ['ff02::1', false],
  // All that IANA has for special purposes, and IPv4 addresses in disguise.
  ['192.0.2.1', false],
  ['192.31.196.1', false],
  ['192.52.193.1', false],
  ['192.88.99.1', false],
  ['192.175.48.1', false],
  ['198.51.100.1', false],
  ['203.0.113.1', false],
  ['240.0.0.1', false],
  ['::ffff:192.88.99.1', false],
  ['::ffff:0:127.0.0.1', false],
  ['::ffff:0:8.8.8.8', false],
  ['64:ff9b::8.8.8.8', false],
  ['64:ff9b:1::1', false],
  ['100::1', false],
  ['100:0:0:1::1', false],
  ['2001::1', false],
  ['2001:0:4136:e378:8000:63bf:3fff:fdd2', false],
  ['2001:20::1', false],
  ['2001:db8::1', false],
  ['2001:4860:4860::8888', true],
  ['2002:808:808::', false],
  ['2620:4f:8000::1', false],
  ['3fff::1', false],
  ['4000::1', false],
  ['5f00::1', false],
  ['fe80::1%eth0', false],
  ['no address', false],
])('%s is public: %s', (address, open) => {
  expect(isPublicAddress(address)).toBe(open);
});

test.each([
  ['http://127.0.0.1/', true],
  ['http://2130706433/', true],
  ['http://0x7f.1/', true],
  ['http://[::1]/', true],
  ['http://[::ffff:7f00:1]/', true],
  ['http://8.8.8.8/', false],
  ['http://127.0.0.1.example.com/', false],
])('the host of %s is inside: %s', (url, inside) => {
  expect(isInsideLiteral(new URL(url))).toBe(inside);
});

test('a name that leads inside is not resolved', async () => {
  const look = (options: object) =>
    new Promise((resolve) => lookupPublic('localhost', options, (error) => resolve(error?.message)));
  expect(await look({ all: true })).toBe('localhost is inside this network');
  expect(await look({})).toBe('localhost is inside this network');
});

test('a file of the agent itself is fetched, readable by us alone', async () => {
  const bytes = Buffer.alloc(3_000_000, 'x');
  const url = await serve((_, response) => response.end(bytes));
  expect(await fetchFrom(url)).toEqual({ name: null });
  expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(alive).toBeGreaterThan(1);
});

test('other hosts must be public, by address and by name, at the first hop and at the next', async () => {
  let asked = 0;
  const url = await serve((_, response) => {
    asked++;
    response.end('secret');
  });
  expect(await fetchFrom(url, 'http://agent.example.com')).toBe(
    'unreadable: 127.0.0.1 is inside this network',
  );
  const byName = url.replace('127.0.0.1', 'localhost');
  expect(await fetchFrom(byName, 'http://agent.example.com')).toBe(
    'unreadable: localhost is inside this network',
  );
  // The agent's own is its scheme, host and port: what else listens there is not.
  const { origin } = new URL(url);
  expect(await fetchFrom(url, origin.replace('http', 'https'))).toBe(
    'unreadable: 127.0.0.1 is inside this network',
  );
  expect(await fetchFrom(url, 'http://127.0.0.1:1')).toBe('unreadable: 127.0.0.1 is inside this network');
  expect(await fetchFrom(url, 'http://127.0.0.1')).toBe('unreadable: 127.0.0.1 is inside this network');
  const redirecting = await serve((_, response) => response.writeHead(302, { location: byName }).end());
  expect(await fetchFrom(redirecting)).toBe('unreadable: localhost is inside this network');
  expect(asked).toBe(0);
  expect(await fetchFrom('file:///etc/passwd')).toBe('unreadable: only http and https');
  expect(existsSync(path)).toBe(false);
});

test('redirects are followed, but not for ever', async () => {
  const url = await serve((at, response) => {
    if (at === '/end') response.end('there');
    else response.writeHead(302, { location: at === '/file' ? '/end' : '/loop' }).end();
  });
  expect(await fetchFrom(url)).toEqual({ name: null });
  expect(readFileSync(path, 'utf8')).toBe('there');
  rmSync(path);
  expect(await fetchFrom(url.replace('/file', '/loop'))).toBe('unreadable: more than 5 redirects');
});

test('a file has the name that its server tells', async () => {
  const header = `attachment; filename="a.txt"; filename*=UTF-8''%E6%8A%A5%E5%91%8A.pdf`;
  const url = await serve((_, response) => response.setHeader('content-disposition', header).end('x'));
  expect(await fetchFrom(url)).toEqual({ name: '报告.pdf' });
});

test('what goes wrong is said, and leaves no half file', async () => {
  const url = await serve((at, response) => {
    if (at === '/gone') response.writeHead(404).end('no');
    else if (at === '/half') {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.socket?.resetAndDestroy());
    } else if (at === '/endless') {
      const chunk = Buffer.alloc(1024 * 1024);
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on('drain', more);
      more();
    } else response.write('and then nothing');
  });
  expect(await fetchFrom(url.replace('/file', '/gone'))).toBe('unreadable: HTTP 404');
  expect(await fetchFrom(url.replace('/file', '/half'))).toMatch(/^unreadable: /);
  expect(await fetchFrom(url.replace('/file', '/endless'))).toBe('too-large: larger than 100 MiB');
  const stop = new AbortController();
  const end = fetchFrom(url, new URL(url).origin, stop.signal);
  await pollUntil('the file to have begun', () => existsSync(path));
  stop.abort('stop');
  expect(await end).toBe('unreadable: stopped before it was complete');
  expect(existsSync(path)).toBe(false);
});
