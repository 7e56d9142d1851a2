import { createHmac } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createAgentSender } from '../../../../src/agents/http/client/sender.ts';
import { parseWebhookSecret } from '../../../../src/agents/http/request/webhook-signature.ts';
import type { TurnContext } from '../../../../src/agents/port/port.ts';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { contextIn, eventually, recordingLog, temporaryFolder, turnWith } from '../support.ts';
import { agentAt, serve } from './support.ts';

/** The outcome of one answer of a server. */
async function outcomeOf(status: number, headers: Record<string, string>, body: string | Buffer = '') {
  const { url } = await serve((response) => response.writeHead(status, headers).end(body));
  return agentAt(url).answer();
}

const json = { 'content-type': 'application/json; charset=utf-8' };
const text = { 'content-type': 'text/plain' };
const lines = { 'content-type': 'application/x-ndjson' };

describe('what an HTTP agent is asked', () => {
  it('is a POST of the event, with the headers that were given', async () => {
    const { url, seen } = await serve((response) => response.writeHead(204).end());
    const { answer, agent } = agentAt(`${url}/we chat?key=1`, {
      headers: [
        ['X-One', '1'],
        ['User-Agent', 'mine'],
      ],
    });
    expect(await answer({ text: 'a\ud800\0\n' })).toEqual({ kind: 'silent' });
    expect(agent.name).toBe(`${url}/we%20chat`);
    expect(seen[0]?.request).toMatchObject({ method: 'POST', url: '/we%20chat?key=1' });
    expect(seen[0]?.request.headers).toMatchObject({
      'content-type': 'application/json',
      'x-one': '1',
      'user-agent': 'mine',
    });
    expect(seen[0]?.request.headers).not.toHaveProperty('webhook-id');
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
      v: 1,
      type: 'message',
      id: '7312345678901234567',
      text: 'a\uFFFD\0\n',
    });
  });

  it('carries user and password of the URL, unless a header says otherwise', async () => {
    const { url, seen } = await serve((response) => response.end());
    const withUser = url.replace('http://', 'http://us%40er:p%C3%A4ss@');
    await agentAt(withUser).answer();
    await agentAt(withUser, { headers: [['Authorization', 'Bearer x']] }).answer();
    expect(seen.map(({ request }) => request.headers.authorization)).toEqual([
      `Basic ${Buffer.from('us@er:päss').toString('base64')}`,
      'Bearer x',
    ]);
    expect(agentAt(withUser).agent.name).toBe(`${url}/`);
  });

  it('is signed, with the same id on every try', async () => {
    const { url, seen } = await serve((response) => response.end());
    const key = parseWebhookSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
    const clock = { ...systemClock, now: () => 1_700_000_000_999 };
    const { answer } = agentAt(url, { secret: key, clock });
    await answer({ attempt: 1 });
    await answer({ attempt: 2 });
    for (const { request, body } of seen) {
      const signed = `msg_7312345678901234567.1700000000.${body}`;
      expect(request.headers).toMatchObject({
        'webhook-id': 'msg_7312345678901234567',
        'webhook-timestamp': '1700000000',
        'webhook-signature': `v1,${createHmac('sha256', key).update(signed).digest('base64')}`,
      });
    }
    expect(seen).toHaveLength(2);
  });

  it('goes through the proxy of the environment, except where it says not to', async () => {
    const target = await serve((response) => response.writeHead(200, text).end('here'));
    const tunnels: string[] = [];
    const proxy = await serve((response) => response.writeHead(500).end());
    proxy.server.on('connect', (request, socket) => {
      tunnels.push(request.url ?? '');
      const { port } = new URL(target.url);
      const upstream = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [upstream, socket]) end.on('error', () => {});
    });
    const environment = { HTTP_PROXY: proxy.url.replace('http://', '') };
    const reply = { kind: 'reply', pieces: [{ text: 'here' }] };
    expect(await agentAt('http://agent.test/', { sender: createAgentSender(environment) }).answer()).toEqual(
      reply,
    );
    const direct = [
      [target.url, {}],
      [target.url.replace('127.0.0.1', 'localhost'), {}],
      [target.url.replace('127.0.0.1', '127.0.0.2'), { NO_PROXY: '*' }],
    ] as const;
    for (const [url, more] of direct) {
      const sender = createAgentSender({ ...environment, ...more });
      const outcome = await agentAt(url, { sender }).answer();
      // Not every system answers at 127.0.0.2.
      if (!url.includes('127.0.0.2')) expect(outcome).toEqual(reply);
    }
    expect(tunnels).toEqual(['agent.test:80']);
  });
});

it('names the proxy, without its password, when a request fails on that way', async () => {
  const proxy = await serve((response) => response.end());
  proxy.server.on('connect', (_, socket) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'));
  const { host } = new URL(proxy.url);
  const ask = (ALL_PROXY: string) =>
    agentAt('http://agent.test/', { sender: createAgentSender({ ALL_PROXY }) }).answer();
  expect(await ask(`me:geheim@${host}`)).toMatchObject({
    kind: 'retry',
    detail: expect.stringMatching(/407.*\(through the proxy http:\/\/127[^@]*:\d+ \(ALL_PROXY\)\)$/),
  });
  expect(await ask('127.0.0.1:1')).toMatchObject({
    detail: expect.stringMatching(/ECONNREFUSED.*\(through the proxy http:\/\/127.0.0.1:1 \(ALL_PROXY\)\)$/),
  });
});

describe('what an HTTP agent answers', () => {
  it.each([
    [204, {}, ''],
    [200, {}, ''],
    [202, json, ''],
    [200, text, ' \n'],
    [200, json, '{"silent":true}'],
    [200, json, '{"text":""}'],
    [200, lines, '\n{"typing":true}\n'],
  ] as [number, Record<string, string>, string][])('is silence: %i %j %j', async (...answer) => {
    expect(await outcomeOf(...answer)).toEqual({ kind: 'silent' });
  });

  it.each([
    [{ 'content-type': 'text/plain; charset=utf-8' }, Buffer.from('你好\x1b[0m\r\n')],
    [{ 'content-type': 'Text/Markdown;charset="GBK"' }, Buffer.from([0xc4, 0xe3, 0xba, 0xc3])],
    [json, '{"text":"你好\\n","more":1}'],
    [{ 'content-type': 'application/vnd.x+json' }, '{"text":"你好","files":[],"silent":false}'],
    [
      { 'content-type': 'APPLICATION/JSON ;charset=UTF-8' },
      '\uFEFF{"text":"你好","files":null,"silent":null}',
    ],
    [
      { 'content-type': 'application/json; charset=gbk' },
      Buffer.from('{"text":"\xc4\xe3\xba\xc3"}', 'latin1'),
    ],
    // By itself, where the type says nothing or something else.
    [{}, '你好'],
    [{}, '{"text":"你好"}'],
    [text, ' {"text":"你好"}'],
    [{ 'content-type': 'text/html' }, '{"text":"你好"}'],
    [{ 'content-type': 'text/html' }, '你好'],
    [{ 'content-type': 'application/octet-stream' }, '{"text":"你好"}'],
    // Compressed, whoever did that.
    [{ ...json, 'content-encoding': 'GZIP' }, gzipSync('{"text":"你好"}')],
    [{ ...text, 'content-encoding': 'br' }, brotliCompressSync('你好')],
    [{ ...text, 'content-encoding': 'deflate' }, deflateRawSync('你好')],
    [json, gzipSync('{"text":"你好"}')],
    [{ ...text, 'content-encoding': 'gzip' }, '你好'],
  ] as [Record<string, string>, string | Buffer][])('is text: %j', async (headers, body) => {
    expect(await outcomeOf(200, headers, body)).toEqual({ kind: 'reply', pieces: [{ text: '你好' }] });
  });

  it.each([
    [json, '{"reply":"hi"}', /none of text, files and silent, but reply/],
    [json, '{}', /but nothing/],
    [json, '"hi"', /not a JSON object/],
    [json, '[{"text":"hi"}]', /not a JSON object/],
    [json, '{"text":', /not a JSON object/],
    [json, '{"text":null}', /none of text, files and silent, but text/],
    [json, '{"text":7}', /text must be a string/],
    [json, '{"silent":true,"text":"hi"}', /both silent and a reply/],
    [{ 'content-type': 'image/png' }, 'x', /type image\/png/],
    [{ 'content-type': 'application/octet-stream' }, 'x', /octet-stream/],
    [{}, '\0\x01\x02', /not text and has no content-type/],
    [{ ...text, 'content-encoding': 'compress' }, 'x', /is compress, which is not understood/],
    [{}, '<!DOCTYPE html><html><head><title>Log\n in</title></head></html>', /web page: Log in/],
    [
      text,
      '\uFEFF\n<!-- x --><HTML lang="zh"><body>502 Bad Gateway</body></HTML>',
      /web page: 502 Bad Gateway/,
    ],
    [{ 'content-type': 'Text/HTML; charset=utf-8' }, '<h1>Not here</h1>', /web page: Not here/],
    [{ 'content-type': 'application/xhtml+xml' }, '<?xml version="1.0"?>\n<html></html>', /web page/],
    [{ 'content-type': 'text/html' }, '{"reply":"hi"}', /but reply/],
    [lines, '{"text":"hi"}\nhi\n', /not a JSON object: hi/],
    [lines, '{"txt":"hi"}', /neither text nor file/],
  ] as [Record<string, string>, string, RegExp][])('is bad output: %j %s', async (headers, body, detail) => {
    expect(await outcomeOf(200, headers, body)).toEqual({
      kind: 'failed',
      reason: 'bad-output',
      detail: expect.stringMatching(detail),
      hint: expect.stringContaining('"text"'),
    });
  });

  it.each([
    ['"file":7', 'file', 'unreadable', /file is no object/],
    ['"files":{}', 'files', 'unreadable', /exactly one of/],
    ['"files":[7]', 'files[0]', 'unreadable', /files\[0\] is no object/],
    ['"files":[{"name":"x"}]', 'x', 'unreadable', /exactly one of/],
    ['"files":[{"path":"/a","base64":"eA=="}]', 'files[0]', 'unreadable', /exactly one of/],
    ['"files":[{"path":7}]', 'files[0]', 'unreadable', /files\[0\]\.path is no string/],
    ['"files":[{"path":"sub/b.txt"}]', 'b.txt', 'not-found', /not an absolute path/],
    ['"files":[{"base64":"not base64!","name":"a.bin"}]', 'a.bin', 'unreadable', /not base64/],
    [
      '"attachments":[{"url":"photo.png"}]',
      'attachments[0]',
      'unreadable',
      /attachments\[0\]\.url is not a URL/,
    ],
    [
      '"files":["http://10.0.0.1/k?secret"]',
      'k',
      'unreadable',
      /http:\/\/10\.0\.0\.1\/k cannot be fetched: 10.* is inside/,
    ],
    [
      '"files":[{"url":"file:///etc/passwd"}]',
      'passwd',
      'unreadable',
      /files\[0\]: file:\/\/\/etc\/passwd .*only http and https/,
    ],
  ])('loses nothing but the file that cannot be sent: %s', async (fields, name, reason, detail) => {
    expect(await outcomeOf(200, json, `{"text":"hi",${fields}}`)).toMatchObject({
      kind: 'reply',
      pieces: expect.arrayContaining([
        { text: 'hi' },
        { missing: expect.objectContaining({ name, reason, detail: expect.stringMatching(detail) }) },
      ]),
    });
  });

  it('may name no more files than anybody looks at', async () => {
    const files = Array(1_001).fill('/a.txt');
    const outcome = await outcomeOf(200, json, JSON.stringify({ text: 'hi', files }));
    const pieces = outcome.kind === 'reply' ? outcome.pieces : [];
    expect(pieces).toHaveLength(1_002);
    expect(pieces.at(-1)).toMatchObject({ missing: { name: 'files[1000]', reason: 'too-many' } });
  });

  it('asks for no compression, is bounded when it comes all the same, and tried again when it is half', async () => {
    const { url, seen } = await serve((response) => response.end());
    await agentAt(url).answer();
    expect(seen[0]?.request.headers['accept-encoding']).toBe('identity');
    const packed = { ...text, 'content-encoding': 'gzip' };
    expect(await outcomeOf(200, packed, gzipSync(Buffer.alloc(100_000_000)))).toMatchObject({
      reason: 'too-large',
    });
    expect(await outcomeOf(200, packed, gzipSync('你好').subarray(0, -9))).toMatchObject({ kind: 'retry' });
    expect(await outcomeOf(400, packed, gzipSync('no such user'))).toMatchObject({
      detail: 'HTTP 400: no such user',
    });
  });

  it('is a page or a text, of which the end is seen however odd it is', async () => {
    const comments = '<!-- x -->'.repeat(100);
    expect(await outcomeOf(200, {}, `${comments}a text`)).toEqual({
      kind: 'reply',
      pieces: [{ text: `${comments}a text` }],
    });
    for (const odd of ['<', '<script', '<title', '<!--', '</ '])
      expect(await outcomeOf(200, {}, `${comments}\n<html>${odd.repeat(200_000)}`)).toMatchObject({
        detail: expect.stringContaining('the answer is a web page'),
      });
  });

  it.each([
    [text, 'data: {"a":1}\n\ndata: [DONE]\n\n'],
    [{}, ': ping\r\nevent: message\r\ndata: hi\r\n\r\n'],
    [{ 'content-type': 'text/event-stream' }, 'hi'],
  ])('is bad output as the raw frames of a stream: %j %j', async (headers, body) => {
    expect(await outcomeOf(200, headers as Record<string, string>, body)).toMatchObject({
      reason: 'bad-output',
      detail: 'the answer is a stream of events',
      hint: expect.stringContaining('--http-reply'),
    });
  });

  it('is a text about JSON, data and pages as it is', async () => {
    const texts = ['{ "a": 1 }', '{not json', 'data: is what it has', '[1] and <html> are fine', '<b>so</b>'];
    for (const said of texts)
      expect(await outcomeOf(200, text, said)).toEqual({ kind: 'reply', pieces: [{ text: said }] });
  });

  it('is JSON lines whatever these are called, with a byte order mark too', async () => {
    const body = '\uFEFF{"text":"one"}\r\n{"text":"two","file":null}\n';
    const names = ['application/ndjson', 'Application/JSONL', 'text/x-ndjson', 'application/json', ''];
    for (const name of names) {
      const headers = name === '' ? {} : { 'content-type': name };
      const { url } = await serve((response) => response.writeHead(200, headers).end(body));
      const { agent, root } = agentAt(url);
      const context = contextIn(root);
      expect(await agent.answer(turnWith(), context), name).toEqual({ kind: 'silent' });
      expect(context.emitted, name).toEqual([{ text: 'one' }, { text: 'two' }]);
    }
  });

  it('is files beside the text in every form that people write, and what is not understood is said', async () => {
    const file = join(temporaryFolder(), 'a.txt');
    writeFileSync(file, 'x');
    const { url } = await serve((response, { body }) => {
      response.writeHead(200, json).end((JSON.parse(body) as { text: string }).text);
    });
    const log = recordingLog();
    const { answer, root } = agentAt(url, { log });
    const inReply = join(root, 'reply', '1');
    const bytes = { file: inReply, name: 'file' };
    const cases: [object, object][] = [
      [{ file }, { file, name: null }],
      [
        { file, name: 'b.txt' },
        { file, name: 'b.txt' },
      ],
      [{ file: { path: file, name: 'b.txt', url: null } }, { file, name: 'b.txt' }],
      [{ file: [file] }, { file, name: null }],
      [{ files: [file] }, { file, name: null }],
      [
        { files: null, attachments: [{ path: file }] },
        { file, name: null },
      ],
      [{ attachments: file }, { file, name: null }],
      [{ file: 'data:text/plain;base64,eA==' }, bytes],
      [{ files: [{ base64: 'eA' }] }, bytes],
      [{ files: [{ base64: 'eA=\n=' }] }, bytes],
    ];
    for (const [fields, piece] of cases) {
      const asked = JSON.stringify({ text: 'see', ...fields });
      expect(await answer({ text: asked }), asked).toEqual({
        kind: 'reply',
        pieces: [{ text: 'see' }, piece],
      });
    }
    expect(log.lines).toEqual([]);
    const all = JSON.stringify({
      file,
      files: [{ path: file, name: '2' }],
      attachments: [{ path: file, name: '3' }],
    });
    expect(await answer({ text: all })).toMatchObject({
      pieces: [{ name: '2' }, { name: null }, { name: '3' }],
    });
    const odd = '{"text":"see","image":"a.png","buttons":[1],"typing":true,"data":null}';
    await answer({ text: odd });
    await answer({ text: odd });
    expect(log.lines).toEqual(['ignored unknown fields of the reply: "image", "buttons"']);
  });

  it('is the error that it has instead of a text', async () => {
    expect(await outcomeOf(200, json, '{"error":{"message":"no quota"}}')).toMatchObject({
      reason: 'http',
      detail: 'the service answered with an error: no quota',
    });
  });

  it.each([
    [500, 'Error in workflow'],
    [500, 'Workflow Webhook Error: Workflow could not be started!'],
    [500, 'No Respond to Webhook node found in the workflow'],
    [500, 'Unused Respond to Webhook node found in the workflow'],
    [404, 'The requested webhook "POST x" is not registered.'],
  ])('is final when n8n says so: %i %s', async (status, message) => {
    const outcome = await outcomeOf(status, json, JSON.stringify({ code: 0, message }));
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'http', hint: expect.stringMatching(/n8n/) });
  });

  describe('in lines', () => {
    /** What such an answer comes to, and what was said of it. */
    async function streamed(answer: (response: ServerResponse) => void, changes: Partial<TurnContext> = {}) {
      const { url } = await serve((response) => answer(response.writeHead(200, lines)));
      const { agent, root } = agentAt(url);
      const context = contextIn(root, changes);
      return { outcome: await agent.answer(turnWith(), context), emitted: context.emitted };
    }

    it('is said line by line, in order, the last one without a newline too', async () => {
      const file = join(temporaryFolder(), 'b.png');
      writeFileSync(file, 'x');
      const said = [{ text: 'one' }, { file, name: 'c.png' }, { text: '你好\x1b[0m' }, { file }];
      const body = said.map((line) => JSON.stringify(line)).join('\n\n');
      const { outcome, emitted } = await streamed((response) => response.end(body));
      expect(outcome).toEqual({ kind: 'silent' });
      expect(emitted).toEqual([
        { text: 'one' },
        { file, name: 'c.png' },
        { text: '你好' },
        { file, name: null },
      ]);
    });

    it('is said while it arrives, however it is cut, and not faster than it is taken', async () => {
      const emitted: unknown[] = [];
      let taken = (): void => {};
      const { outcome } = await streamed(
        (response) => {
          const [one, two, three] = ['{"text":"o', 'ne"}\n{"text":"two"}\n', '{"text":"three"}\n'];
          response.write(one);
          setImmediate(() => response.write(two as string));
          taken = () => response.end(three);
        },
        {
          async emit(piece) {
            expect(emitted.at(-1)).not.toBe('busy');
            emitted.push('busy');
            await new Promise((resolve) => setImmediate(resolve));
            emitted.splice(-1, 1, piece);
            if (emitted.length === 2) taken();
          },
        },
      );
      expect(outcome).toEqual({ kind: 'silent' });
      expect(emitted).toEqual([{ text: 'one' }, { text: 'two' }, { text: 'three' }]);
    });

    it('is bad from the first bad line on: the server is not listened to any more', async () => {
      const hungUp: string[] = [];
      const { outcome, emitted } = await streamed((response) => {
        response.on('close', () => hungUp.push('close'));
        response.write('{"text":"one"}\nbad\n{"text":"two"}\n');
      });
      expect(outcome).toMatchObject({ kind: 'failed', reason: 'bad-output' });
      expect(emitted).toEqual([{ text: 'one' }]);
      await eventually(() => hungUp.length === 1);
    });

    it('is bad with a line of more than 1 MiB before that ends, and too large with more than 4 MiB', async () => {
      const long = await streamed((response) => response.write(`{"text":"${'x'.repeat(1_100_000)}`));
      expect(long.outcome).toMatchObject({ reason: 'bad-output', detail: expect.stringMatching(/1 MiB/) });
      const line = `{"text":"${'x'.repeat(1_000_000)}"}\n`;
      const many = await streamed((response) => response.end(line.repeat(5)));
      expect(many.outcome).toMatchObject({ reason: 'too-large', detail: expect.stringMatching(/4 MiB/) });
    });

    it('is bad when it is cut off', async () => {
      const { outcome } = await streamed((response) => response.end('{"text":"on'));
      expect(outcome).toMatchObject({ reason: 'bad-output', detail: expect.stringMatching(/\(cut off\)/) });
    });

    it('goes on behind a file whose path is not whole, or no path', async () => {
      const { outcome, emitted } = await streamed((response) =>
        response.end(
          '{"text":"one","file":7,"name":"x.png"}\n{"file":"sub/a.txt"}\n{"file":"/b.txt"}\n{"text":"two"}',
        ),
      );
      expect(outcome).toEqual({ kind: 'silent' });
      const detail = 'sub/a.txt is not an absolute path';
      expect(emitted).toEqual([
        { text: 'one' },
        { missing: { name: 'x.png', reason: 'unreadable', detail: 'file must be a path' } },
        { missing: { name: 'a.txt', reason: 'not-found', detail } },
        { file: '/b.txt', name: null },
        { text: 'two' },
      ]);
    });

    it('is tried again when the connection breaks; what was said stays said', async () => {
      const { outcome, emitted } = await streamed((response) => {
        response.write('{"text":"one"}\n');
        setTimeout(() => response.destroy(), 50);
      });
      expect(outcome).toMatchObject({ kind: 'retry' });
      expect(emitted).toEqual([{ text: 'one' }]);
    });

    it('is only an error when it comes with one', async () => {
      const { url } = await serve((response) => response.writeHead(400, lines).end('{"text":"no"}\n'));
      const { agent, root } = agentAt(url);
      const context = contextIn(root);
      expect(await agent.answer(turnWith(), context)).toMatchObject({ reason: 'http' });
      expect(context.emitted).toEqual([]);
    });
  });

  it('shows life with everything that arrives', async () => {
    const { url } = await serve(async (response) => {
      response.writeHead(200, text).flushHeaders();
      for (const piece of ['a', 'b']) {
        await delay(30);
        response.write(piece);
      }
      response.end();
    });
    let signs = 0;
    expect(await agentAt(url).answer({}, { alive: () => signs++ })).toMatchObject({ kind: 'reply' });
    expect(signs).toBe(3);
  });

  it('is files by path, as base64 and by url, behind the text, under harmless names', async () => {
    const data = Buffer.from([0, 1, 2, 255]).toString('base64');
    const root = temporaryFolder();
    const local = join(root, 'local.txt');
    writeFileSync(local, 'x');
    const long = `${'名'.repeat(100)}.jpeg`;
    const { url } = await serve((response, { request }) => {
      if (request.method === 'GET') return response.end('chart');
      response.writeHead(200, json).end(
        JSON.stringify({
          text: 'see',
          files: [
            { path: local },
            { base64: data, name: '../../etc/a:b\n.png' },
            { base64: data, name: 'C:\\temp\\..' },
            { base64: data },
            { base64: '', name: long },
            { url: new URL('/chart%201.png?key=secret', url).href },
          ],
        }),
      );
    });
    const agent = agentAt(url);
    const outcome = await agent.answer();
    const reply = join(agent.root, 'reply');
    expect(outcome).toEqual({
      kind: 'reply',
      pieces: [
        { text: 'see' },
        { file: local, name: null },
        { file: join(reply, '2'), name: 'a_b_.png' },
        { file: join(reply, '3'), name: 'file' },
        { file: join(reply, '4'), name: 'file' },
        { file: join(reply, '5'), name: `${'名'.repeat(83)}.jpeg` },
        { file: join(reply, '6'), name: 'chart 1.png' },
      ],
    });
    expect(readFileSync(join(reply, '2')).toString('base64')).toBe(data);
    expect(readFileSync(join(reply, '6'), 'utf8')).toBe('chart');
  });

  it('may be long, within bounds', async () => {
    const MiB = 1024 * 1024;
    expect(await outcomeOf(200, text, 'x'.repeat(MiB))).toMatchObject({ kind: 'reply' });
    expect(await outcomeOf(200, text, 'x'.repeat(MiB + 1))).toMatchObject({ reason: 'too-large' });
    expect(await outcomeOf(200, json, `{"text":"${'x'.repeat(MiB + 1)}"}`)).toMatchObject({
      reason: 'too-large',
    });
    expect(await outcomeOf(200, json, Buffer.alloc(33 * MiB, ' '))).toMatchObject({ reason: 'too-large' });
    const file = Buffer.alloc(3 * MiB).toString('base64');
    expect(await outcomeOf(200, json, `{"files":[{"base64":"${file}"}]}`)).toMatchObject({ kind: 'reply' });
    expect(await outcomeOf(200, lines, `{"text":"${'x'.repeat(MiB)}"}`)).toMatchObject({
      reason: 'bad-output',
    });
  });

  it('is tried again after 429 and 5xx, when the server says so', async () => {
    expect(await outcomeOf(500, text, 'Traceback\nValueError: x\n')).toEqual({
      kind: 'retry',
      afterMs: null,
      reason: 'http',
      detail: 'HTTP 500: ValueError: x',
    });
    expect(await outcomeOf(429, { 'retry-after': '7' })).toEqual({
      kind: 'retry',
      afterMs: 7000,
      reason: 'http',
      detail: 'HTTP 429',
    });
    const flood = `${'x'.repeat(99)}\n`.repeat(1_000);
    for (const body of [`${flood}ValueError: 好\n\n`, `${flood}ValueError: 好 ${'y'.repeat(200_000)}`])
      expect(await outcomeOf(500, text, body)).toMatchObject({
        detail: expect.stringMatching(/^HTTP 500: ValueError: 好/),
      });
    const odd = ['soon', '-1', '99999999999999', '86401', 'NaN', '1e3', 'Sat, 01 Jan 2099 00:00:00 GMT', ''];
    for (const header of odd)
      expect(await outcomeOf(503, { 'retry-after': header }), header).toMatchObject({
        kind: 'retry',
        afterMs: null,
      });
    expect(await outcomeOf(503, { 'retry-after': '0.5' })).toMatchObject({ afterMs: 500 });
    expect(await outcomeOf(503, { 'retry-after': '86400' })).toMatchObject({ afterMs: 86_400_000 });
    const { url } = await serve((response) =>
      response.writeHead(503, { 'retry-after': 'Tue, 14 Nov 2023 22:13:30 GMT' }).end(),
    );
    const at = (nowMs: number) => agentAt(url, { clock: { ...systemClock, now: () => nowMs } }).answer();
    expect(await at(1_700_000_000_000)).toMatchObject({ afterMs: 10_000 });
    expect(await at(1_800_000_000_000)).toMatchObject({ afterMs: 0 });
  });

  it('fails with any other 4xx and with a redirect', async () => {
    expect(await outcomeOf(422, json, '{"detail":"no"}')).toEqual({
      kind: 'failed',
      reason: 'http',
      detail: 'HTTP 422: {"detail":"no"}',
    });
    const { url, seen } = await serve((response) => response.writeHead(307, { location: '/next' }).end());
    expect(await agentAt(url).answer()).toMatchObject({
      reason: 'http',
      hint: expect.stringContaining('--http'),
    });
    expect(seen).toHaveLength(1);
  });
});

it('keeps to itself what only the service should know, when that repeats it in an error', async () => {
  const { url } = await serve((response, { request }) =>
    response
      .writeHead(401, text)
      .end(`${request.url} ${request.headers.authorization} ${request.headers['x-key']}`),
  );
  const address = new URL(`${url}/a?key=in-the-query`);
  const header = ['X-Key', 'in-a-header'] as const;
  const bearer = agentAt(address.href, { headers: [['Authorization', 'Bearer in-another'], header] });
  expect(await bearer.answer()).toMatchObject({ detail: 'HTTP 401: /a?key=*** *** ***' });
  address.username = 'me';
  address.password = 'in-the-url';
  expect(await agentAt(address.href, { headers: [header] }).answer()).toMatchObject({
    detail: 'HTTP 401: /a?key=*** *** ***',
  });
});

describe('an HTTP agent that does not answer', () => {
  it('is tried again when nobody listens or the connection breaks', async () => {
    const { url, server } = await serve((response) => response.destroy());
    expect(await agentAt(url).answer()).toMatchObject({ kind: 'retry', afterMs: null });
    const half = await serve((response) => {
      response.writeHead(200, { ...text, 'content-length': '100' }).write('half');
      setImmediate(() => response.destroy());
    });
    expect(await agentAt(half.url).answer()).toMatchObject({ kind: 'retry' });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await agentAt(url).answer()).toMatchObject({
      kind: 'retry',
      reason: 'http',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('fails with timeout, before the headers and in the body', async () => {
    const hanging = await serve(() => {});
    expect(await agentAt(hanging.url).answer({}, { timeoutMs: 50 })).toMatchObject({ reason: 'timeout' });
    const dripping = await serve((response) => response.writeHead(200, text).write('x'));
    expect(await agentAt(dripping.url).answer({}, { timeoutMs: 50 })).toMatchObject({ reason: 'timeout' });
  });

  it('fails with timeout while its files are fetched, each of which may take minutes', async () => {
    const { url, seen } = await serve((response, { request }) => {
      if (request.method === 'GET') response.writeHead(200).write('x');
      else
        response
          .writeHead(200, json)
          .end(JSON.stringify({ files: [{ url: `${url}/1` }, { url: `${url}/2` }] }));
    });
    expect(await agentAt(url).answer({}, { timeoutMs: 300 })).toMatchObject({ reason: 'timeout' });
    expect(seen.map(({ request }) => request.method)).toEqual(['POST', 'GET']);
  });

  it.each(['stop', 'timeout'])('ends with the signal, for its reason: %s', async (reason) => {
    const controller = new AbortController();
    const { url, seen } = await serve(() => controller.abort(reason));
    expect(await agentAt(url).answer({}, { signal: controller.signal })).toMatchObject({
      kind: 'failed',
      reason: reason === 'stop' ? 'cancelled' : 'timeout',
    });
    await eventually(() => seen[0]?.request.socket.destroyed === true);
  });

  it('is not a network failure when the disk refuses its file', async () => {
    const { url } = await serve((response) =>
      response.writeHead(200, json).end('{"files":[{"base64":"eA=="}]}'),
    );
    const agent = agentAt(url);
    mkdirSync(join(agent.root, 'reply', '1'), { recursive: true });
    await expect(agent.answer()).rejects.toThrow('EISDIR');
  });
});
