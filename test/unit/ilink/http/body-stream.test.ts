import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { createTransport, type HttpRequest } from '../../../../src/ilink/http/transport.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const http = createServer(answer);
  await new Promise<void>((resolve) => void http.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    http.closeAllConnections();
    return new Promise((resolve) => http.close(resolve));
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
}

function post(url: string, over: Partial<HttpRequest>) {
  const transport = createTransport();
  closing.push(transport.close);
  return transport.send({ method: 'POST', url, headers: {}, timeoutMs: 5_000, maxBytes: 1_000, ...over });
}

const MiB = 1024 * 1024;

/** So many chunks of a MiB; what was asked of them. */
function stream(count: number, onAsked: (n: number) => unknown = () => {}) {
  const seen = { asked: 0, ended: false };
  async function* chunks() {
    try {
      for (let n = 1; n <= count; n++) {
        seen.asked = n;
        await onAsked(n);
        yield Buffer.alloc(MiB, n);
      }
    } finally {
      seen.ended = true;
    }
  }
  return { seen, body: { sizeBytes: count * MiB, chunks: chunks() } };
}

test('goes out under its length, chunk by chunk', async () => {
  const url = await serve(async (request, response) => {
    let [sizeBytes, sum] = [0, 0];
    for await (const chunk of request) {
      sizeBytes += chunk.length;
      sum += chunk[0];
    }
    response.end(JSON.stringify([request.headers['content-length'], sizeBytes, sum > 0]));
  });
  const result = await post(url, { body: stream(3).body });
  expect(result).toMatchObject({
    ok: true,
    answer: { body: JSON.stringify([String(3 * MiB), 3 * MiB, true]) },
  });
});

test('may take longer than the limit as long as it is taken; a connection that takes nothing is given up', async () => {
  const url = await serve((request, response) => {
    request.resume().once('end', () => response.end('ok'));
  });
  const slow = stream(5, () => delay(300));
  expect(await post(url, { body: slow.body, timeoutMs: 1_000 })).toMatchObject({ ok: true });

  const full = await serve((request) => void request.pause());
  const stuck = stream(64);
  const end = await post(full, { body: stuck.body, timeoutMs: 2_000 });
  expect(end).toMatchObject({ ok: false, failure: 'timeout' });
  expect(stuck.seen.asked).toBeLessThan(64);
  await pollUntil('the stream to be ended', () => stuck.seen.ended);
});

test('an answer that comes before its end is the answer, and it is ended', async () => {
  const url = await serve((_, response) => {
    response.writeHead(413, { 'x-error-message': 'too large', connection: 'close' }).end();
  });
  const body = stream(64);
  const result = await post(url, { body: body.body });
  // Where the server closes at once its reset may overtake its answer.
  if (result.ok)
    expect(result.answer).toMatchObject({ status: 413, headers: { 'x-error-message': 'too large' } });
  else expect(result.failure).toBe('network');
  await pollUntil('the stream to be ended', () => body.seen.ended);
});

test('an abort ends it; so does its own failure, and the server never sees a whole request', async () => {
  let whole = 0;
  const url = await serve((request, response) => {
    request.on('error', () => {}).resume();
    request.once('end', () => {
      whole++;
      response.end();
    });
  });
  const stop = new AbortController();
  const cut = stream(1_000, (n) => n === 3 && stop.abort());
  expect(await post(url, { body: cut.body, signal: stop.signal })).toMatchObject({ failure: 'aborted' });
  await pollUntil('the stream to be ended', () => cut.seen.ended);
  const broken = stream(10, (n) => {
    if (n === 3) throw new Error('the disk is gone');
  });
  expect(await post(url, { body: broken.body })).toMatchObject({
    ok: false,
    failure: 'network',
    detail: 'the disk is gone',
  });
  expect(whole).toBe(0);
});
