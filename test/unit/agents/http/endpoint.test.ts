import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type EndpointFlags, readEndpoint } from '../../../../src/agents/http/endpoint.ts';
import { HTTP_PRESETS, type PresetName } from '../../../../src/agents/http/presets.ts';
import { SETTINGS } from '../../../../src/settings/settings-table.ts';
import { memoryOf } from '../support.ts';
import { serve, termsAgent } from './support.ts';

const NONE = { preset: null, body: null, reply: null, conversation: null, error: null };
const read = (flags: Partial<EndpointFlags>, files: Record<string, string> = {}) =>
  readEndpoint({ ...NONE, http: 'http://h/x', ...flags }, { COZE_BOT_ID: 'b' }, (path) => files[path] ?? '');

describe('what an endpoint wants', () => {
  it.each([
    [{ body: 'hello' }, /--http-body is not a JSON object or list/],
    [{ body: '"{{text}}"' }, /is not a JSON object/],
    [{ body: '@b.json' }, /b.json is not a JSON object/],
    [{ body: '{"a":"{{nope}}"}' }, /--http-body has {{nope}}/],
    [{ body: '{"a":"{{conversation}}"}' }, /path of the conversation ID/],
    [{ body: '{"a":"{{conversation}}"}', reply: 'a' }, /path of the conversation ID/],
    [{ reply: 'a', conversation: 'b' }, /--http-conversation needs {{conversation}}/],
    [{ conversation: 'b' }, /--http-conversation goes with --http-reply/],
    [{ error: 'b' }, /--http-error goes with --http-reply/],
    [{ reply: '' }, /--http-reply takes a path/],
    [{ reply: 'a', error: 'b..' }, /--http-error takes a path/],
    [{ preset: 'n8n', http: 'http://h' }, /--http-preset n8n needs the whole address/],
    [{ reply: 'a', http: 'http://h/{{user}}' }, /the path of --http cannot have placeholders/],
    [{ reply: 'a', http: 'http://h/?x={{nope}}' }, /--http has {{nope}}/],
  ] as [Partial<EndpointFlags>, RegExp][])('are refused: %j', (flags, message) => {
    expect(() => read(flags)).toThrow(
      expect.objectContaining({ kind: 'usage', exit: 64, message: expect.stringMatching(message) }),
    );
  });

  it('may come from a file', () => {
    expect(read({ body: '@b.json' }, { 'b.json': '{"q":"{{text}}"}' }).body?.names).toEqual(
      new Set(['text']),
    );
    // With the byte order mark of some editors, too.
    const marked = read({ body: '@b.json' }, { 'b.json': '\uFEFF{"q":"{{text}}"}' });
    expect(marked.body?.names).toEqual(new Set(['text']));
  });

  it('are left alone where nobody gave any', () => {
    const { url, ...endpoint } = read({ http: 'http://h/{{a}}?b={{c}}' });
    expect(endpoint).toEqual({ query: [], body: null, answer: null });
    expect(url.search).toBe('?b={{c}}');
  });

  it.each([
    ['dify', 'https://api.dify.ai', 'https://api.dify.ai/v1/chat-messages'],
    ['dify', 'https://api.dify.ai/v1', 'https://api.dify.ai/v1/chat-messages'],
    ['dify', 'https://api.dify.ai/v1/', 'https://api.dify.ai/v1/chat-messages'],
    ['dify', 'http://h/dify/v1/chat-messages', 'http://h/dify/v1/chat-messages'],
    ['dify', 'http://h/v', 'http://h/v'],
    ['fastgpt', 'http://h:3000/api', 'http://h:3000/api/v1/chat/completions'],
    ['fastgpt', 'http://h:3000/api/v1', 'http://h:3000/api/v1/chat/completions'],
    ['home-assistant', 'http://h:8123/', 'http://h:8123/api/conversation/process'],
    ['n8n', 'http://h/webhook/1/chat?a=b', 'http://h/webhook/1/chat?a=b'],
    ['coze', 'https://api.coze.cn', 'https://api.coze.cn/v3/chat?conversation_id=%7B%7Bconversation%7D%7D'],
  ] as [PresetName, string, string][])('of %s complete %s', (preset, http, whole) => {
    expect(read({ preset, http }).url.href).toBe(whole);
  });

  it('have a preset for every name that the flag takes', () => {
    expect(Object.keys(HTTP_PRESETS)).toEqual(SETTINGS.httpPreset.choices);
  });
});

describe('an endpoint with a shape of its own', () => {
  const answers = (...list: object[]) =>
    serve((response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(list.shift())),
    );

  it('gets what the template says, and its answer is read where the path says', async () => {
    const { url, seen } = await answers({ data: { outputs: [{ text: 'It rains.' }] } });
    const agent = termsAgent(`${url}/run?session={{sessionId}}&key=k`, {
      body: '{"inputs":{"q":"{{text}}"},"user":"{{user}}"}',
      reply: 'data.outputs.0.text',
    });
    expect(await agent.answer({ text: '"}{' })).toEqual({ kind: 'reply', pieces: [{ text: 'It rains.' }] });
    expect(seen[0]?.request.url).toBe('/run?session=5a0d9f3e-4f8e-4f5c-9d0e-1d2f3a4b5c6d&key=k');
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ inputs: { q: '"}{' }, user: 'o9cq80z@im.wechat' });
  });

  it('may get the event, and may answer in our forms', async () => {
    const one = await answers({ a: 'b' });
    expect(await termsAgent(one.url, { reply: 'a' }).answer()).toMatchObject({ pieces: [{ text: 'b' }] });
    expect(JSON.parse(one.seen[0]?.body ?? '')).toMatchObject({ v: 1, type: 'message', text: 'hello' });
    const two = await answers({ text: 'ours' });
    expect(await termsAgent(two.url, { body: '{"q":"{{text}}"}' }).answer()).toMatchObject({
      pieces: [{ text: 'ours' }],
    });
  });

  it('is asked within the conversation that it named last, in each session and at this address', async () => {
    const { url, seen } = await answers(
      { a: '1', id: 'c1' },
      { a: '2', id: 'c2' },
      { a: '3' },
      { a: '4', id: 9 },
      { a: '5' },
    );
    const flags = {
      body: '{"q":"{{text}}","id":"{{conversation}}"}',
      reply: 'a',
      conversation: 'id',
    };
    const values = new Map<string, string>();
    const memory = memoryOf(values);
    const agent = termsAgent(`${url}/one?c={{conversation}}`, flags);
    for (let nth = 0; nth < 4; nth++) await agent.answer({}, { memory });
    const sent = seen.map(({ request, body }) => [request.url, (JSON.parse(body) as { id?: string }).id]);
    expect(sent).toEqual([
      ['/one', undefined],
      ['/one?c=c1', 'c1'],
      ['/one?c=c2', 'c2'],
      ['/one?c=c2', 'c2'],
    ]);
    expect([...values.values()]).toEqual(['9']);
    await termsAgent(`${url}/two`, flags).answer({}, { memory });
    expect(JSON.parse(seen[4]?.body ?? '') as object).toEqual({ q: 'hello' });
  });

  it('that names no conversation where it should is asked without one, and the log says so once', async () => {
    const { url, seen } = await answers({ a: '1', id: null }, { a: '2', id: 'x'.repeat(600) });
    const flags = { body: '{"id":"{{conversation}}"}', reply: 'a', conversation: 'id' };
    const agent = termsAgent(url, flags);
    expect(await agent.answer()).toMatchObject({ kind: 'reply' });
    expect(await agent.answer()).toMatchObject({ kind: 'reply' });
    expect(seen.map(({ body }) => body)).toEqual(['{}', '{}']);
    expect(agent.log.lines).toEqual([expect.stringContaining('has no conversation ID at id')]);
  });

  it('that has forgotten the conversation is an error with a way out', async () => {
    const { url } = await serve((response) =>
      response.writeHead(404).end('{"message":"Conversation Not Exists."}'),
    );
    const memory = memoryOf(new Map([[`conversation ${url}/`, 'gone']]));
    const flags = { body: '{"id":"{{conversation}}"}', reply: 'a', conversation: 'id' };
    expect(await termsAgent(url, flags).answer({}, { memory })).toEqual({
      kind: 'failed',
      reason: 'http',
      detail: expect.stringContaining('HTTP 404: {"message":"Conversation Not Exists."}'),
      hint: expect.stringContaining('/new'),
    });
  });
});

describe('an answer by the rules of its endpoint', () => {
  const events = (texts: string[]) =>
    texts.map((answer) => `data: ${JSON.stringify({ event: 'message', answer })}\n\n`);
  const end = 'data: {"event":"message_end"}\n\n';
  const dify = { preset: 'dify' } as const;
  const plain = { reply: 'answer' };

  it.each([
    ['text/event-stream', [...events(['<thi', 'nk>hm</th', 'ink>\n\nIt is 391']), end].join(''), dify],
    [
      'text/event-stream',
      [...events(['<details open><summary> Thinking... </summary>\nhm</details>It is 391']), end].join(''),
      dify,
    ],
    ['', [...events(['It is', ' 391']), end].join('').replaceAll('\n', '\r\n'), dify],
    ['application/json', [...events(['It is', ' 391']), end].join(''), dify],
    ['TEXT/Event-Stream;charset=utf-8', `\uFEFF${[...events(['It is', ' 391']), end].join('')}`, dify],
    ['text/html', '\uFEFF{"answer":"So 391.</think>It is 391"}', plain],
    ['application/json', gzipSync('{"answer":"It is 391"}'), plain],
  ] as [string, string | Buffer, Partial<EndpointFlags>][])(
    'is read without its thinking: %s %s',
    async (type, body, flags) => {
      const { url } = await serve((response) =>
        response.writeHead(200, type === '' ? {} : { 'content-type': type }).end(body),
      );
      expect(await termsAgent(`${url}/v1`, flags).answer()).toEqual({
        kind: 'reply',
        pieces: [{ text: 'It is 391' }],
      });
    },
  );
});

it('an answer and a refusal are read in the encoding that their type names', async () => {
  const type = { 'content-type': 'application/json; charset=GBK' };
  for (const [status, body, expected] of [
    [200, '{"answer":"\xc4\xe3\xba\xc3"}', { kind: 'reply', pieces: [{ text: '你好' }] }],
    [400, '{"error":"\xc4\xe3\xba\xc3"}', { detail: 'HTTP 400: {"error":"你好"}' }],
  ] as const) {
    const { url } = await serve((response) =>
      response.writeHead(status, type).end(Buffer.from(body, 'latin1')),
    );
    expect(await termsAgent(`${url}/v1`, { reply: 'answer' }).answer()).toMatchObject(expected);
  }
});

describe('a stream whose connection stays open', () => {
  const chat = (name: string, data: object | string) =>
    `event: ${name}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
  const said = chat('conversation.message.completed', {
    type: 'answer',
    content_type: 'text',
    content: 'hi',
  });
  const dify = `data: ${JSON.stringify({ event: 'message', answer: 'hi' })}\n\n`;
  const parts = (text: string) => `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;

  it.each([
    ['dify', { preset: 'dify' }, `${dify}data: {"event":"message_end","metadata":{}}\n\n`],
    ['dify without an empty line', { preset: 'dify' }, `${dify}data: {"event":"message_end"}`],
    ['dify behind a gateway that ends it in its own way', { preset: 'dify' }, `${dify}data: [DONE]\n\n`],
    ['coze', { preset: 'coze' }, said + chat('conversation.chat.completed', { status: 'completed' })],
    ['coze, only done', { preset: 'coze' }, said + chat('done', '"[DONE]"')],
    ['coze, done without JSON', { preset: 'coze' }, `${said}event:done\ndata:[DONE]`],
    ['a path', { reply: 'choices[0].delta.content' }, `${parts('h')}${parts('i')}data: [DONE]\n\n`],
    [
      'a path, with more behind it',
      { reply: 'choices[0].delta.content' },
      `${parts('hi')}data: [DONE]\n\n${parts('x')}`,
    ],
    [
      'a preset that does not stream',
      { preset: 'home-assistant', reply: 'a' },
      'data: {"a":"hi"}\n\ndata: [DONE]',
    ],
  ] as [string, Partial<EndpointFlags>, string][])('is whole at its end: %s', async (_, flags, body) => {
    const { url } = await serve((response) =>
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(body),
    );
    const agent = termsAgent(url, flags, { environment: { COZE_BOT_ID: 'b' } });
    expect(await agent.answer()).toEqual({ kind: 'reply', pieces: [{ text: 'hi' }] });
  });

  it.each([
    ['dify', `${dify}data: {"event":"error","message":"no quota left"}\n\n`],
    ['coze', chat('conversation.chat.failed', { last_error: { code: 1, msg: 'no quota left' } })],
    ['coze', chat('error', { code: 1, msg: 'no quota left' })],
  ] as [PresetName, string][])('has failed when %s says so', async (preset, body) => {
    const { url } = await serve((response) =>
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(body),
    );
    const agent = termsAgent(url, { preset }, { environment: { COZE_BOT_ID: 'b' } });
    expect(await agent.answer()).toMatchObject({
      kind: 'failed',
      detail: expect.stringContaining('no quota left'),
    });
  });
});

describe('an answer that is not as it should be', () => {
  const HTML = '<!doctype html>\n<title>Log in</title>';
  const flags = { reply: 'data.text', error: 'msg' };

  it.each([
    [200, 'application/json', '{"a":1,"b":{"data":{}}}', 'bad-output', /no text at data.text/, /has a, b;/],
    [200, 'application/json', '[]', 'bad-output', /no text at data.text/, /is not an object/],
    [200, 'application/json', '{"data":{"text":{"a":1}}}', 'bad-output', /no text at data.text/, /has data;/],
    [200, 'text/html', HTML, 'bad-output', /a web page: Log in/, /address that answers in JSON/],
    [200, '', 'x', 'bad-output', /not JSON but of no type: x/, null],
    [200, 'application/json', '{"code":4100,"msg":"no\\u001b[1m key"}', 'http', /an error: no key$/, null],
    [
      200,
      'application/json',
      '{"data":{"text":" "},"msg":"out of credit"}',
      'http',
      /an error: out of credit/,
      null,
    ],
    [
      401,
      'application/json',
      '{"msg":"who?"}',
      'http',
      /HTTP 401: {"msg":"who\?"}/,
      /--header 'Authorization/,
    ],
    [403, 'text/plain', '', 'http', /HTTP 403/, /--header 'Authorization/],
    [302, 'text/plain', '', 'http', /redirects/, /final URL/],
    [200, 'application/json', `{"data":{"text":"${'x'.repeat(1_100_000)}"}}`, 'too-large', /1 MiB/, null],
    [200, 'text/event-stream', 'data: {"x":1}\n\ndata: {"y":2}\n\n', 'bad-output', /no text/, /has x;/],
    [200, 'text/event-stream', 'data: {"msg":"busy"}\n\n', 'http', /an error: busy/, null],
    [200, 'text/event-stream', 'data: [DONE]\n\n', 'bad-output', /no text/, /is not an object/],
  ] as [number, string, string, string, RegExp, RegExp | null][])(
    '%i %s %s',
    async (status, type, body, reason, detail, hint) => {
      const { url } = await serve((response) =>
        response.writeHead(status, type === '' ? {} : { 'content-type': type }).end(body),
      );
      const outcome = await termsAgent(url, flags).answer();
      expect(outcome).toMatchObject({ kind: 'failed', reason, detail: expect.stringMatching(detail) });
      expect('hint' in outcome ? outcome.hint : null).toEqual(
        hint === null ? null : expect.stringMatching(hint),
      );
    },
  );

  it('is read as JSON whatever its type says', async () => {
    const { url } = await serve((response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('{"data":{"text":"yes"}}'),
    );
    expect(await termsAgent(url, flags).answer()).toMatchObject({ pieces: [{ text: 'yes' }] });
  });

  it('is tried again when the server is busy, and silent when it says nothing', async () => {
    const busy = await serve((response) => response.writeHead(429, { 'retry-after': '7' }).end());
    expect(await termsAgent(busy.url, flags).answer()).toMatchObject({ kind: 'retry', afterMs: 7000 });
    const empty = await serve((response) => response.writeHead(200).end());
    expect(await termsAgent(empty.url, flags).answer()).toEqual({ kind: 'silent' });
    const blank = await serve((response) => response.writeHead(200).end('{"data":{"text":""}}'));
    expect(await termsAgent(blank.url, flags).answer()).toEqual({ kind: 'silent' });
  });
});
