import { getEventListeners } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { HELD_AFTER_MS } from '../../../../src/ilink/http/stop-request.ts';
import { longLine } from '../../../helpers/long-line.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { hang } from '../../../helpers/scripted-server.ts';
import { startTunnelProxy } from '../../../helpers/tunnel-proxy.ts';
import { get, open, serve } from '../support.ts';

/** Requests that end before they were sent, and answers at the edge of what is one; the rest is in transport.test.ts. */

/** Less than the time in which a connection must stand. */
const SOON = { timeout: 5_000 };

/** An https address at which somebody listens who never says a word. */
async function serveSilence(): Promise<{ url: string; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const tcp = createTcpServer((socket) => {
    sockets.push(socket.on('error', () => {}));
  });
  await new Promise<void>((resolve) => void tcp.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => void tcp.close(() => resolve()));
  });
  return { url: `https://127.0.0.1:${(tcp.address() as AddressInfo).port}/`, sockets };
}

test('a stop while the connection is made does not wait for it', SOON, async () => {
  const { url, sockets } = await serveSilence();
  const stop = new AbortController();
  const sending = open().send(get(url, { signal: stop.signal }));
  await pollUntil('the connection has begun', () => sockets.length === 1);
  stop.abort();
  expect(await sending).toEqual({
    ok: false,
    failure: 'aborted',
    detail: 'stopped while waiting for an answer',
    unsent: true,
  });
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
});

// A timeout is what a poll without messages looks like: nobody would be told that nothing arrives.
test('nor does a timeout; without a connection it is a broken network', SOON, async () => {
  const { url } = await serveSilence();
  const proxy = new URL(url.replace('https:', 'http:'));
  const failure = { ok: false, failure: 'network', detail: 'no connection within 40 ms', unsent: true };
  expect(await open().send(get(url, { timeoutMs: 40 }))).toEqual(failure);
  expect(await open(proxy).send(get('http://127.0.0.1:1', { timeoutMs: 40 }))).toEqual(failure);
});

test('what was stopped before its connection stood is not sent over it, and its body is not read', async () => {
  const server = await serve({});
  let connectAll: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    connectAll = resolve;
  });
  const proxy = await startTunnelProxy(() => held);
  onTestFinished(proxy.close);
  const transport = open(proxy.url);
  const stop = new AbortController();
  let read = false;
  async function* chunks() {
    read = true;
    yield Buffer.from('123');
  }
  const stopped = transport.send({
    ...get(`${server.url}/stopped`, { signal: stop.signal }),
    method: 'POST',
    body: { sizeBytes: 3, chunks: chunks() },
  });
  await pollUntil('the tunnel is asked for', () => proxy.asked.length === 1);
  stop.abort();
  expect(await stopped).toMatchObject({ ok: false, failure: 'aborted' });
  const next = transport.send(get(`${server.url}/next`));
  connectAll();
  expect(await next).toMatchObject({ ok: true });
  expect(server.requests.map(({ path }) => path)).toEqual(['/next']);
  expect(read).toBe(false);
});

test('close ends what still waits for its connection', async () => {
  const { url, sockets } = await serveSilence();
  const transport = open();
  const sending = transport.send(get(url));
  await pollUntil('the connection has begun', () => sockets.length === 1);
  await transport.close();
  expect(await sending).toMatchObject({ ok: false, failure: 'network' });
  expect(await transport.send(get(url))).toMatchObject({ ok: false, failure: 'network' });
});

test('a signal that serves many requests has one listener, and stops them all', async () => {
  const server = await serve(hang);
  const transport = open();
  const stop = new AbortController();
  const sending = Array.from({ length: 12 }, () => transport.send(get(server.url, { signal: stop.signal })));
  await pollUntil('all requests arrive', () => server.requests.length === 12);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  stop.abort();
  for (const result of await Promise.all(sending)) expect(result).toMatchObject({ failure: 'aborted' });
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
});

/** A request over a line on which everything takes `delayMs` each way, that the server holds when this resolves. */
async function heldOver(delayMs: number, server: { url: string; requests: unknown[] }) {
  const stop = new AbortController();
  const transport = open();
  const { url } = await longLine(server.url, delayMs);
  const sending = transport.send(get(url, { signal: stop.signal }));
  await pollUntil('the request arrives', () => server.requests.length === 1);
  await new Promise((resolve) => setTimeout(resolve, HELD_AFTER_MS));
  return { stop, sending, next: () => transport.send(get(url)) };
}

test('a stop of a request that is held: an answer on its way comes, also one that the server writes before it hears', async () => {
  let answer: (text: string) => void = () => {};
  const server = await serve((response) => {
    answer = (text) => void response.end(text);
  });
  const late = await heldOver(100, server);
  late.stop.abort();
  await new Promise((resolve) => setTimeout(resolve, 30));
  answer('handed out');
  expect(await late.sending).toMatchObject({ ok: true, answer: { body: 'handed out' } });
  // Its connection is of no use any more.
  const next = late.next();
  await pollUntil('the next request arrives', () => server.requests.length === 2);
  answer('next');
  expect(await next).toMatchObject({ ok: true, answer: { body: 'next' } });
});

test('the server hears that nobody waits any more, and holds nothing', async () => {
  let gone = false;
  const server = await serve((response) => {
    response.once('close', () => {
      gone = true;
    });
  });
  const { stop, sending } = await heldOver(20, server);
  stop.abort();
  expect(await sending).toMatchObject({ ok: false, failure: 'aborted' });
  expect(gone).toBe(true);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
});

const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nanswer';

/**
 * A server that holds what comes over its first connection, answers the others, and keeps its end of a connection when
 * the other one closes; what it does with the first one then.
 */
async function serveDeaf(onEnd: (socket: Socket) => void): Promise<{ url: string; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const tcp = createTcpServer({ allowHalfOpen: true }, (socket) => {
    const isFirst = sockets.push(socket.on('error', () => {})) === 1;
    socket.on('data', () => isFirst || socket.write(ANSWER));
    socket.on('end', () => isFirst && onEnd(socket));
  });
  await new Promise<void>((resolve) => void tcp.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    tcp.close();
  });
  return { url: `http://127.0.0.1:${(tcp.address() as AddressInfo).port}/`, sockets };
}

test('a server that does not hear it is not waited for longer than that', SOON, async () => {
  const { url, sockets } = await serveDeaf(() => {});
  const stop = new AbortController();
  const sending = open().send(get(url, { signal: stop.signal }));
  await pollUntil('the connection stands', () => sockets.length === 1);
  stop.abort();
  expect(await sending).toMatchObject({ ok: false, failure: 'aborted' });
});

test('nothing more is sent over a connection that was let go, though its server keeps it', SOON, async () => {
  const { url, sockets } = await serveDeaf((socket) => void socket.write(ANSWER));
  const transport = open();
  const stop = new AbortController();
  const sending = transport.send(get(url, { signal: stop.signal }));
  await pollUntil('the connection stands', () => sockets.length === 1);
  stop.abort();
  const answered = { ok: true, answer: { body: 'answer' } };
  expect(await sending).toMatchObject(answered);
  await new Promise((resolve) => setTimeout(resolve, 20)); // until undici would use it again
  expect(await transport.send(get(url))).toMatchObject(answered);
});

test('what is stopped in the same moment is not sent, also where a connection stands', async () => {
  const server = await serve('');
  const transport = open();
  await transport.send(get(server.url));
  const stop = new AbortController();
  const sending = transport.send(get(`${server.url}/stopped`, { signal: stop.signal }));
  stop.abort();
  expect(await sending).toMatchObject({ ok: false, failure: 'aborted' });
  expect(await transport.send(get(`${server.url}/next`))).toMatchObject({ ok: true });
  expect(server.requests.map(({ path }) => path)).toEqual(['/', '/next']);
});

test('a body that stalls does not hold up a stop, one that goes on is read to its end', async () => {
  const server = await serve((response) => {
    const begin = () => response.writeHead(200, { 'content-length': '6' }).write('12');
    if (response.req.url === '/begins-late') return void setTimeout(begin, 100);
    begin();
    if (response.req.url === '/stalls') return;
    // Longer than a stall, all together.
    setTimeout(() => response.write('34'), 3_000);
    setTimeout(() => response.end('56'), 6_000);
  });
  const transport = open();
  const stop = new AbortController();
  const [stalls, beginsLate, goesOn] = ['stalls', 'begins-late', 'goes-on'].map((path) =>
    transport.send(get(`${server.url}/${path}`, { signal: stop.signal, timeoutMs: 60_000 })),
  );
  await pollUntil('the requests arrive', () => server.requests.length === 3);
  stop.abort();
  const broken = { ok: false, failure: 'network', detail: 'the response ended half-way' };
  expect(await stalls).toMatchObject(broken);
  expect(await beginsLate).toMatchObject(broken);
  expect(await goesOn).toMatchObject({ ok: true, answer: { body: '123456' } });
});

test('an answer that breaks off after the stop is broken, not stopped', async () => {
  let cut: () => void = () => {};
  const server = await serve((response) => {
    cut = () =>
      response.writeHead(200, { 'content-length': '10' }).write('12345', () => response.socket?.end());
  });
  const { stop, sending } = await heldOver(50, server);
  stop.abort();
  cut();
  expect(await sending).toMatchObject({ ok: false, failure: 'network' });
});

test('an interim response is none', async () => {
  const server = await serve((response) => {
    response.writeProcessing();
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    response.writeHead(201, { 'x-last': 'yes' }).end('done');
  });
  expect(await open().send(get(server.url))).toMatchObject({
    ok: true,
    answer: { status: 201, headers: { 'x-last': 'yes' }, body: 'done' },
  });
});

test('a body in many pieces, with a character across two of them', async () => {
  const bytes = Buffer.from('晚安');
  const server = await serve((response) => {
    response.write(bytes.subarray(0, 4));
    setTimeout(() => response.end(bytes.subarray(4)), 20);
  });
  expect(await open().send(get(server.url))).toMatchObject({ ok: true, answer: { body: '晚安' } });
});

test.each([
  ['declared', { 'content-length': '1001', connection: 'close' }],
  ['streamed', { connection: 'close' }],
] as const)('a body over the limit on a connection that ends with it: %s', async (_, headers) => {
  const server = await serve((response) => {
    response.writeHead(200, headers).end('x'.repeat(1001));
  });
  const transport = open();
  expect(await transport.send(get(server.url))).toMatchObject({ ok: false, failure: 'too-large' });
  expect(await transport.send(get(server.url, { maxBytes: 1001 }))).toMatchObject({ ok: true });
});

/** A server that writes the same bytes to everybody and closes. */
async function serveBytes(bytes: string): Promise<string> {
  const tcp = createTcpServer(
    (socket) => void socket.on('error', () => {}).once('data', () => socket.end(bytes)),
  );
  await new Promise<void>((resolve) => void tcp.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void tcp.close());
  return `http://127.0.0.1:${(tcp.address() as AddressInfo).port}/`;
}

test.each([
  [
    'another protocol',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
    'the connection was closed',
  ],
  [
    'half a chunk',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n{"re',
    'the response ended half-way',
  ],
  [
    'two lengths',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 5\r\n\r\n{}',
    'Parse Error: Duplicate Content-Length',
  ],
])('%s is a broken network, told at once', SOON, async (_, bytes, detail) => {
  expect(await open().send(get(await serveBytes(bytes)))).toMatchObject({ failure: 'network', detail });
});

test('what comes behind the end of an answer does not harm it', async () => {
  const url = await serveBytes('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}and more');
  expect(await open().send(get(url))).toMatchObject({ ok: true, answer: { body: '{}' } });
});

test.each(['407 Proxy Authentication Required', '403 Forbidden'])(
  'what a proxy answers is no answer of the server: %s',
  async (status) => {
    const proxy = new URL(await serveBytes(`HTTP/1.1 ${status}\r\ncontent-length: 9\r\n\r\n{"ret":0}`));
    expect(await open(proxy).send(get('http://127.0.0.1:1/'))).toMatchObject({
      ok: false,
      failure: 'network',
      unsent: true,
      detail: `the proxy answers ${status} (through the proxy http://${proxy.host} (--proxy))`,
    });
  },
);
