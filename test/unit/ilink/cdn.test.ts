import type { ServerResponse } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { createCdn } from '../../../src/ilink/cdn.ts';
import { createHostTrust } from '../../../src/ilink/hosts.ts';
import { createTransport } from '../../../src/ilink/http/transport.ts';
import { type Answer, hang, reset, startScriptedServer } from '../../helpers/scripted-server.ts';

const NEVER = new AbortController().signal;

/** A CDN that answers like this. */
async function cdnThat(answer: Answer) {
  const server = await startScriptedServer(() => answer);
  const transport = createTransport();
  onTestFinished(async () => {
    await transport.close();
    await server.close();
  });
  const cdn = createCdn({ transport, trust: createHostTrust([server.url]), cdnUrl: `${server.url}/c2c` });
  return {
    server,
    transport,
    cdn,
    open: (from = 0, signal = NEVER) => cdn.open(server.url, { from, signal }),
  };
}

const answering =
  (status: number, headers: Record<string, string>, body: string | Buffer): Answer =>
  (response: ServerResponse) =>
    void response.writeHead(status, headers).end(body);

test('the named address comes first, then the one made of the parameter', async () => {
  const { cdn, server } = await cdnThat(200);
  const made = `${server.url}/c2c/download?encrypted_query_param=a%2Bb%2F%3D`;
  const named = `${server.url}/c2c/download?x=1`;
  expect(cdn.addresses({ fullUrl: named, param: 'a+b/=' })).toEqual({ urls: [named, made], untrusted: null });
  expect(cdn.addresses({ fullUrl: made, param: 'a+b/=' }).urls).toEqual([made]);
  expect(cdn.addresses({ fullUrl: null, param: null })).toEqual({ urls: [], untrusted: null });
  expect(cdn.addresses({ fullUrl: 'no address', param: null })).toEqual({ urls: [], untrusted: null });
});

test.each([
  'http://novac2c.cdn.weixin.qq.com/x',
  'https://weixin.qq.com.evil.example/x',
  'https://user@novac2c.cdn.weixin.qq.com/x',
])('%s is not asked', async (fullUrl) => {
  const { cdn } = await cdnThat(200);
  expect(cdn.addresses({ fullUrl, param: null })).toEqual({ urls: [], untrusted: new URL(fullUrl).host });
});

test('a body is told with its length and its beginning', async () => {
  const whole = await (await cdnThat(answering(200, { 'content-length': '5' }, 'hello'))).open();
  expect(whole).toMatchObject({ kind: 'open', from: 0, lengthBytes: 5 });
  if (whole.kind === 'open') expect(await text(whole.body)).toBe('hello');
  const ranged = await cdnThat(
    answering(206, { 'content-range': 'bytes 3-4/5', 'content-length': '2' }, 'lo'),
  );
  expect(await ranged.open(3)).toMatchObject({ kind: 'open', from: 3, lengthBytes: 2 });
  expect(ranged.server.requests[0]?.headers).toMatchObject({
    range: 'bytes=3-',
    'accept-encoding': 'identity',
  });
  const unsaid = await (await cdnThat(answering(200, { 'transfer-encoding': 'chunked' }, 'x'))).open();
  expect(unsaid).toMatchObject({ kind: 'open', lengthBytes: null });
});

test.each([
  ['gzip', gzipSync('hello')],
  ['X-GZIP', gzipSync('hello')],
  ['br', brotliCompressSync('hello')],
  ['deflate', deflateSync('hello')],
  ['gzip, br', brotliCompressSync(gzipSync('hello'))],
  ['gzip', Buffer.from('hello')],
  ['identity', Buffer.from('hello')],
])('a body that came in %s though nobody asked for it is decoded', async (encoding, packed) => {
  const headers = { 'content-encoding': encoding, 'content-length': String(packed.length) };
  const opened = await (await cdnThat(answering(200, headers, packed))).open();
  if (opened.kind !== 'open') throw new Error(opened.kind);
  expect(opened.lengthBytes).toBe(encoding === 'identity' ? 5 : null);
  expect(await text(opened.body)).toBe('hello');
});

test('a compressed body that is cut or of an encoding nobody knows breaks; one that says nothing stays as it is', async () => {
  const packed = gzipSync('hello'.repeat(100));
  for (const [encoding, body] of [
    ['gzip', packed.subarray(0, 20)],
    ['snappy', packed],
  ] as const) {
    const opened = await (await cdnThat(answering(200, { 'content-encoding': encoding }, body))).open();
    if (opened.kind !== 'open') throw new Error(opened.kind);
    await expect(text(opened.body)).rejects.toThrow(/the body is/);
  }
  const file = await (await cdnThat(answering(200, {}, packed))).open();
  if (file.kind !== 'open') throw new Error(file.kind);
  expect(await buffer(file.body)).toEqual(packed);
});

test('a range of what was compressed is none: all is asked for again', async () => {
  const packed = gzipSync('hello');
  const ranged = await cdnThat((response: ServerResponse) => {
    const isRange = response.req.headers.range !== undefined;
    const headers = { 'content-encoding': 'gzip', ...(isRange && { 'content-range': 'bytes 3-24/25' }) };
    response.writeHead(isRange ? 206 : 200, headers).end(isRange ? packed.subarray(3) : packed);
  });
  const opened = await ranged.open(3);
  expect(opened).toMatchObject({ kind: 'open', from: 0 });
  if (opened.kind === 'open') expect(await text(opened.body)).toBe('hello');
});

test('a range that is not said is no answer', async () => {
  expect(await (await cdnThat(answering(206, {}, 'lo'))).open(3)).toMatchObject({
    kind: 'answered',
    status: 206,
  });
});

test.each([
  [{ 'x-error-message': 'invalid param' }, 'body', 'invalid param'],
  [{ 'content-encoding': 'gzip' }, gzipSync('gone'), 'gone'],
  [{}, '  gone\u001b[31m\r\nfor ever ', 'gone [31m for ever'],
  [{}, 'x'.repeat(100_000), 'x'.repeat(200)],
  [{}, '', ''],
] as [Record<string, string>, string | Buffer, string][])(
  'a refusal says why: %j, %.20j',
  async (headers, body, reason) => {
    const { open } = await cdnThat(answering(400, headers, body));
    expect(await open()).toEqual({ kind: 'answered', status: 400, reason });
  },
);

test('a redirect is an answer, and not followed', async () => {
  const { open, server } = await cdnThat(answering(302, { location: '/elsewhere' }, ''));
  expect(await open()).toEqual({ kind: 'answered', status: 302, reason: '' });
  expect(server.requests).toHaveLength(1);
});

test('a connection that breaks before the answer', async () => {
  expect(await (await cdnThat(reset)).open()).toMatchObject({ kind: 'failed' });
});

test('stopped before the answer, and within it', async () => {
  const before = new AbortController();
  const waiting = (await cdnThat(hang)).open(0, before.signal);
  before.abort();
  expect(await waiting).toEqual({ kind: 'failed', detail: 'stopped' });
  const within = new AbortController();
  const opened = await (await cdnThat((response) => void response.writeHead(200).write('x'))).open(
    0,
    within.signal,
  );
  within.abort();
  if (opened.kind !== 'open') throw new Error(opened.kind);
  await expect(text(opened.body)).rejects.toThrow();
});

test('no answer in time, and none any more', async () => {
  const ask = async (answer: Answer) => {
    const { transport, server } = await cdnThat(answer);
    return transport.open({ url: server.url, headers: {}, timeoutMs: 2_000, signal: NEVER });
  };
  expect(await ask(hang)).toEqual({ ok: false, detail: 'no answer within 2000 ms' });
  const stalled = await ask((response) => void response.writeHead(200).write('x'));
  if (!stalled.ok) throw new Error(stalled.detail);
  await expect(text(stalled.body)).rejects.toThrow();
});
