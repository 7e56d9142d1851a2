import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { headerOf } from '../../../../src/ilink/http/http.ts';
import { HELD_AFTER_MS } from '../../../../src/ilink/http/stop-request.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { type Answer, hang, reset } from '../../../helpers/scripted-server.ts';
import { startTunnelProxy } from '../../../helpers/tunnel-proxy.ts';
import { get, open, serve } from '../support.ts';

test('sends method, path, headers and body, and returns status, headers and body', async () => {
  const server = await serve((response) => {
    response.writeHead(418, { 'X-Answer': 'yes', 'Set-Cookie': ['a=1', 'b=2'] }).end('späti');
  });
  const body = Buffer.from('{"text":"你好"}');
  const headers = { 'X-Asked': 'too', 'content-type': 'application/json' };
  const result = await open().send({ ...get(`${server.url}/a/b?c=d%20e`), method: 'POST', headers, body });
  expect(result).toMatchObject({
    ok: true,
    answer: { status: 418, headers: { 'x-answer': 'yes' }, body: 'späti' },
  });
  expect(result.ok && headerOf(result.answer, 'set-cookie')).toBe('a=1, b=2');
  expect(server.requests[0]).toMatchObject({
    method: 'POST',
    path: '/a/b',
    headers: { 'x-asked': 'too', 'content-length': String(body.length) },
    json: { text: '你好' },
  });
  expect(server.requests[0]?.query.get('c')).toBe('d e');
});

test('a redirect is an answer, not followed', async () => {
  const elsewhere = await serve({ here: true });
  const server = await serve((response) => {
    response.writeHead(302, { location: elsewhere.url }).end();
  });
  expect(await open().send(get(server.url))).toMatchObject({ ok: true, answer: { status: 302 } });
  expect(elsewhere.requests).toHaveLength(0);
});

test('connections are kept alive', async () => {
  let connections = 0;
  const http = createServer((_, response) => response.end('ok'));
  http.on('connection', () => connections++);
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void http.close());
  const transport = open();
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
  for (let n = 0; n < 8; n++) expect(await transport.send(get(url))).toMatchObject({ ok: true });
  // A request right after an answer may find its connection not yet free.
  expect(connections).toBeLessThanOrEqual(2);
});

test('no headers in time: timeout', async () => {
  const server = await serve(hang);
  expect(await open().send(get(server.url, { timeoutMs: 1_000 }))).toMatchObject({
    ok: false,
    failure: 'timeout',
  });
});

test('a body that stalls is a broken network, since an answer had begun', async () => {
  const server = await serve((response) => {
    response.writeHead(200, { 'content-length': '10' }).write('12345');
  });
  expect(await open().send(get(server.url, { timeoutMs: 2_000 }))).toEqual({
    ok: false,
    failure: 'network',
    detail: 'the response ended half-way',
    bytes: Buffer.from('12345'),
  });
});

test.each([
  ['the connection is reset', reset],
  [
    'the body breaks off',
    (response) => {
      response.writeHead(200, { 'content-length': '10' }).write('12345', () => response.socket?.destroy());
    },
  ],
] satisfies [string, Answer][])('%s: network, with a reason', async (_, answer) => {
  const server = await serve(answer);
  const result = await open().send(get(server.url));
  expect(result).toMatchObject({ ok: false, failure: 'network', detail: expect.stringMatching(/\w/) });
});

test('nobody listens: network', async () => {
  const server = await serve('');
  await server.close();
  expect(await open().send(get(`${server.url}/?secret=1`))).toMatchObject({
    ok: false,
    failure: 'network',
    detail: expect.stringContaining('ECONNREFUSED'),
  });
});

test('what is no HTTP and what is no address is a network failure too', async () => {
  const tcp = createTcpServer((socket) => socket.end('SSH-2.0-nothing here\r\n'));
  await new Promise<void>((resolve) => {
    tcp.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => void tcp.close());
  const transport = open();
  const url = `http://127.0.0.1:${(tcp.address() as AddressInfo).port}`;
  expect(await transport.send(get(url))).toMatchObject({ ok: false, failure: 'network' });
  expect(await transport.send(get('no address'))).toMatchObject({ ok: false, failure: 'network' });
  expect(await transport.send(get(url, { headers: { bad: 'line\nbreak' } }))).toMatchObject({
    failure: 'network',
  });
});

test.each([
  ['declared', { 'content-length': '1001' }],
  ['streamed', {}],
] as const)('a body over the limit is not read on: %s', async (_, headers) => {
  const server = await serve((response) => {
    response.writeHead(200, headers);
    response.end('x'.repeat(1001));
  });
  const transport = open();
  expect(await transport.send(get(server.url))).toMatchObject({ ok: false, failure: 'too-large' });
  expect(await transport.send(get(server.url, { maxBytes: 1001 }))).toMatchObject({ ok: true });
});

test('an endless body ends at the limit and closes the connection', async () => {
  let closed = false;
  const server = await serve((response) => {
    response.on('close', () => {
      closed = true;
    });
    const more = () => response.write('x'.repeat(10_000), (error) => error ?? setImmediate(more));
    more();
  });
  expect(await open().send(get(server.url))).toMatchObject({ failure: 'too-large' });
  await pollUntil('the server sees the connection close', () => closed);
});

test('an abort before the headers ends the request', async () => {
  const server = await serve(hang);
  const stop = new AbortController();
  const sending = open().send(get(server.url, { signal: stop.signal }));
  await pollUntil('the request arrives', () => server.requests.length === 1);
  stop.abort();
  expect(await sending).toMatchObject({ ok: false, failure: 'aborted' });
});

test('one that has just been sent has time for its answer', async () => {
  const stop = new AbortController();
  const server = await serve((response) => {
    stop.abort();
    setTimeout(() => response.end('what will not be sent again'), 100);
  });
  expect(await open().send(get(server.url, { signal: stop.signal }))).toMatchObject({
    ok: true,
    answer: { body: 'what will not be sent again' },
  });
});

test('aborted before it began: nothing is sent', async () => {
  const server = await serve('');
  expect(await open().send(get(server.url, { signal: AbortSignal.abort() }))).toMatchObject({
    failure: 'aborted',
  });
  expect(server.requests).toHaveLength(0);
});

test('an abort after the headers does not cut the body', async () => {
  let finish: () => void = () => {};
  const server = await serve((response) => {
    response.writeHead(200, { 'content-length': '10' }).write('12345');
    finish = () => response.end('67890');
  });
  const stop = new AbortController();
  let hasHeaders = false;
  const onHeaders = (): void => {
    hasHeaders = true;
  };
  subscribe('http.client.response.finish', onHeaders);
  onTestFinished(() => void unsubscribe('http.client.response.finish', onHeaders));
  const sending = open().send(get(server.url, { signal: stop.signal }));
  await pollUntil('the client has the headers', () => hasHeaders);
  stop.abort();
  await new Promise((resolve) => setTimeout(resolve, 20)); // time for an abort to do harm
  finish();
  expect(await sending).toMatchObject({ ok: true, answer: { body: '1234567890' } });
});

test('an answer that lies unread in the socket at the abort of what is held is read', async () => {
  const stop = new AbortController();
  const server = await serve((response) => {
    setTimeout(() => {
      response.end('what will not be sent again');
      stop.abort(); // the bytes are with the system, the client had no turn yet
    }, HELD_AFTER_MS + 20);
  });
  expect(await open().send(get(server.url, { signal: stop.signal }))).toMatchObject({
    ok: true,
    answer: { body: 'what will not be sent again' },
  });
});

test('so is one of which only the beginning lies there', async () => {
  const stop = new AbortController();
  const server = await serve((response) => {
    setTimeout(() => {
      response.writeHead(200, { 'content-length': '10' }).write('12345');
      stop.abort();
      setTimeout(() => response.end('67890'), 30);
    }, HELD_AFTER_MS + 20);
  });
  expect(await open().send(get(server.url, { signal: stop.signal }))).toMatchObject({
    ok: true,
    answer: { body: '1234567890' },
  });
});

test('the body has as much time as the headers had', async () => {
  const server = await serve((response) => {
    setTimeout(() => response.writeHead(200).write('slow'), 500);
    setTimeout(() => response.end('ly'), 1_000);
  });
  expect(await open().send(get(server.url, { timeoutMs: 800 }))).toMatchObject({
    ok: true,
    answer: { body: 'slowly' },
  });
});

test('a proxy is used when one is set', async () => {
  const server = await serve({ through: 'proxy' });
  const proxy = await startTunnelProxy();
  onTestFinished(proxy.close);
  const transport = open(proxy.url);
  expect(await transport.send(get(server.url))).toMatchObject({
    ok: true,
    answer: { body: '{"through":"proxy"}' },
  });
  expect(proxy.asked).toEqual([new URL(server.url).host]);
});

test('close ends open requests', async () => {
  const server = await serve(hang);
  const transport = open();
  const sending = transport.send(get(server.url));
  await pollUntil('the request arrives', () => server.requests.length === 1);
  await transport.close();
  expect(await sending).toMatchObject({ ok: false, failure: 'network' });
});
