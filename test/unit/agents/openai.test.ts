import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { createOpenAiAgent, type OpenAiAgentOptions } from '../../../src/agents/openai/agent.ts';
import { bounded } from '../../../src/agents/openai/memory.ts';
import { parseBaseUrl, requireModel } from '../../../src/agents/openai/options.ts';
import type { Agent, TurnContext } from '../../../src/agents/port/port.ts';
import type { Attachment, Turn } from '../../../src/core/message/message.ts';
import { systemClock } from '../../../src/core/time/clock.ts';
import { chunkOf, startChatServer, stream } from '../../helpers/chat-server.ts';
import { contextIn, memoryOf, recordingLog, temporaryFolder, turnWith } from './support.ts';

let server: Awaited<ReturnType<typeof startChatServer>>;
/** What each session remembers, by its id. */
let sessions: Map<string, Map<string, string>>;
const agents: Agent[] = [];
const log = recordingLog();

beforeEach(async () => {
  server = await startChatServer();
  sessions = new Map();
  log.lines.length = 0;
});

afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.close?.();
  await server.stop();
});

function answer(
  turn: Partial<Turn> = {},
  changes: Partial<OpenAiAgentOptions> = {},
  context: Partial<TurnContext> = {},
) {
  const agent = createOpenAiAgent({
    baseUrl: new URL(server.url),
    model: 'qwen3',
    system: null,
    apiKey: null,
    environment: {},
    clock: systemClock,
    log,
    ...changes,
  });
  agents.push(agent);
  const asked = turnWith(turn);
  const values = sessions.get(asked.sessionId) ?? new Map<string, string>();
  sessions.set(asked.sessionId, values);
  return agent.answer(asked, contextIn(temporaryFolder(), { memory: memoryOf(values), ...context }));
}

const reply = (text: string) => ({ kind: 'reply', pieces: [{ text }] });

describe('a request', () => {
  it('goes to the model as the published API wants it, without a key nobody gave', async () => {
    expect(await answer({ text: '你好' })).toEqual(reply('echo: 你好'));
    const [asked] = server.asked;
    expect(asked?.path).toBe('/v1/chat/completions');
    expect(asked?.headers.authorization).toBeUndefined();
    expect(asked?.body).toEqual({
      model: 'qwen3',
      stream: true,
      messages: [{ role: 'user', content: '你好' }],
    });
  });

  it('carries the key and the system prompt', async () => {
    await answer({ text: 'hi' }, { apiKey: 'sk-1', system: 'be brief' });
    const [asked] = server.asked;
    expect(asked?.headers.authorization).toBe('Bearer sk-1');
    expect(asked?.body.messages[0]).toEqual({ role: 'system', content: 'be brief' });
  });

  it('has the quote before the text, pictures as image parts, and names what a model cannot read', async () => {
    const folder = temporaryFolder();
    const path = join(folder, '1-photo.jpg');
    writeFileSync(path, 'JPEG');
    const base = { name: null, mime: null, sizeBytes: 4, durationMs: null, error: null };
    const picture: Attachment = { ...base, kind: 'image', path, mime: 'image/jpeg', name: 'photo.jpg' };
    await answer({
      text: 'what is this?',
      quote: { id: '1', text: 'look', attachments: [picture] },
      attachments: [
        { ...base, kind: 'file', path: '/x/notes.pdf', name: 'notes.pdf', mime: 'application/pdf' },
        { ...base, kind: 'image', path: null, error: 'gone from the server' },
        { ...picture, sizeBytes: 11 * 1024 * 1024, name: 'huge.jpg' },
        { ...picture, path: join(folder, 'lost.jpg'), name: 'lost.jpg' },
      ],
    });
    const content = server.asked[0]?.body.messages[0]?.content as { type: string; text: string }[];
    expect(content[1]).toEqual({
      type: 'image_url',
      image_url: { url: `data:image/jpeg;base64,${Buffer.from('JPEG').toString('base64')}` },
    });
    expect(content).toHaveLength(2);
    const lines = content[0]?.text.split('\n');
    expect(lines?.slice(0, 6)).toEqual([
      '> look',
      '> [image: photo.jpg]',
      'what is this?',
      '[file: notes.pdf]',
      '[image: gone from the server]',
      '[image: huge.jpg: too large to be shown]',
    ]);
    expect(lines?.[6]).toMatch(/^\[image: lost\.jpg: .*no such file/i);
  });
});

describe('the memory', () => {
  it('holds what was said in the session, and only there', async () => {
    await answer({ id: '1', text: 'one' }, { system: 's' });
    await answer({ id: '2', text: 'two' }, { system: 's' });
    await answer({ id: '3', text: 'new', sessionId: 'other' }, { system: 's' });
    expect(server.asked[1]?.body.messages).toEqual([
      { role: 'system', content: 's' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'echo: one' },
      { role: 'user', content: 'two' },
    ]);
    expect(server.asked[2]?.body.messages).toHaveLength(2);
  });

  it('has one answer for a message that is run twice', async () => {
    await answer({ id: '1', text: 'one' });
    await answer({ id: '1', text: 'one', attempt: 2 });
    expect(server.asked[1]?.body.messages).toHaveLength(1);
    await answer({ id: '2', text: 'two' });
    expect(server.asked[2]?.body.messages).toHaveLength(3);
  });

  it('keeps nothing of what failed, and begins anew where it cannot be read', async () => {
    server.answers.push((response) => response.writeHead(400).end('{"error":{"message":"no"}}'));
    await answer({ text: 'bad' });
    expect(sessions.get(turnWith().sessionId)?.size).toBe(0);
    sessions.set(turnWith().sessionId, new Map([['openai', '[{"id":1}, "garbage", {']]));
    expect(await answer({ text: 'hi' })).toEqual(reply('echo: hi'));
  });

  test('the newest exchanges within both bounds, the last one always', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const all = lengths.map((n, index) => ({ id: String(index), user: 'x'.repeat(n), assistant: '' }));
        const kept = bounded(all);
        expect(kept).toEqual(all.slice(all.length - kept.length));
        const sizeBytes = kept.reduce((sum, { user }) => sum + user.length, 0);
        expect(kept.length >= 1 && kept.length <= 20).toBe(true);
        if (kept.length > 1) expect(sizeBytes).toBeLessThanOrEqual(64 * 1024);
        const more = all.at(-kept.length - 1);
        if (more && kept.length < 20) expect(sizeBytes + more.user.length).toBeGreaterThan(64 * 1024);
      }),
    );
  });
});

describe('an answer', () => {
  it('is put together from pieces that end anywhere', async () => {
    server.answers.push((response) => stream(response, ['<th', 'ink>a</thi', 'nk>\n', '你', '好']));
    expect(await answer()).toEqual(reply('你好'));
  });

  it('may come whole from a server that does not stream', async () => {
    server.answers.push((response) => {
      const choices = [{ index: 0, message: { role: 'assistant', content: 'whole' }, finish_reason: 'stop' }];
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices }));
    });
    expect(await answer()).toEqual(reply('whole'));
  });

  /** What is said when a server answers so, whole or in a piece. */
  async function said(message: unknown, choice: object = {}) {
    server.answers.push((response) => {
      const choices = [{ index: 0, message, finish_reason: 'stop', ...choice }];
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices }));
    });
    const whole = await answer();
    server.answers.push((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const choices = [{ index: 0, delta: message, finish_reason: 'stop', ...choice }];
      response.end(`data: ${JSON.stringify({ choices })}\n\ndata: [DONE]\n\n`);
    });
    expect(await answer()).toEqual(whole);
    return whole;
  }

  it.each([
    ['hi'],
    [['hi']],
    [
      [
        { type: 'text', text: 'h' },
        { type: 'text', text: 'i' },
      ],
    ],
    [[{ type: 'output_text', text: 'hi', annotations: [] }]],
    [[{ type: 'text', text: { value: 'hi' } }]],
    [
      [
        { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
        { type: 'text', text: 'hi' },
      ],
    ],
    [
      [
        { type: 'reasoning', text: 'hm' },
        { type: 'redacted_thinking', data: 'x' },
        { type: 'text', text: 'hi' },
      ],
    ],
    [{ type: 'text', text: 'hi' }],
    [[{ type: 'refusal', refusal: 'hi' }]],
    ['<think>hm</think>hi'],
  ])('has its text in a content of %j', async (content) => {
    expect(await said({ role: 'assistant', content, reasoning_content: 'hm', tool_calls: [] })).toEqual(
      reply('hi'),
    );
  });

  it('has it in the fields of a refusal and of older servers too', async () => {
    expect(await said({ content: null, refusal: 'hi' })).toEqual(reply('hi'));
    expect(await said({ content: '', refusal: 'hi' })).toEqual(reply('hi'));
    expect(await said(undefined, { text: 'hi' })).toEqual(reply('hi'));
    expect(await said({ content: 'hi' }, { finish_reason: null })).toEqual(reply('hi'));
    expect(await said({ content: 'hi' }, { finish_reason: '' })).toEqual(reply('hi'));
  });

  it.each([
    [{ content: 391 }, {}, /content of the answer is a number/],
    [{ content: true }, {}, /content of the answer is a boolean/],
    [{ content: [{ type: 'image_url', image_url: {} }] }, {}, /a part of the type image_url/],
    [{ content: [[{ text: 'hi' }]] }, {}, /a part that is \[\{"text":"hi"\}\]/],
    [{ content: {} }, {}, /a part of the type undefined/],
    [{ content: null, tool_calls: [{}] }, { finish_reason: 'tool_calls' }, /no tools were offered/],
    [{ content: '', reasoning_content: 'hm' }, {}, /returned reasoning but no reply/],
    [{ content: '<think>hm</think>\n' }, {}, /returned reasoning but no reply/],
    [{ content: '' }, { finish_reason: 'content_filter' }, /no text came back, but content_filter/],
    [{ content: '', images: [{ type: 'image_url' }] }, {}, /no text came back, but images/],
    [{ content: null, audio: { id: 'a', data: 'UklGRg==' } }, {}, /no text came back, but audio/],
  ])('is bad output with a message of %j', async (message, choice, detail) => {
    expect(await said(message, choice)).toMatchObject({
      reason: 'bad-output',
      detail: expect.stringMatching(detail),
    });
  });

  it('is silence with nothing in it, or with empty thoughts', async () => {
    expect(await said({ content: null })).toEqual({ kind: 'silent' });
    expect(await said({ content: [] })).toEqual({ kind: 'silent' });
    expect(await said({ content: '<think>\n\n</think>\n\n' })).toEqual({ kind: 'silent' });
  });

  const hi = { choices: [{ message: { content: 'hi' } }] };
  const piece = chunkOf({ content: 'hi' }, null);
  const end = chunkOf({}, 'stop');
  const line = (frame: string) => frame.slice('data: '.length, -1);
  it.each([
    ['JSON of another type', 'text/plain', JSON.stringify(hi)],
    ['JSON of another case', 'Application/JSON; charset=UTF-8', JSON.stringify(hi)],
    ['JSON of a stream', 'text/event-stream', JSON.stringify(hi)],
    ['JSON of no type, with a byte order mark', '', `\uFEFF${JSON.stringify(hi, null, 2)}`],
    ['JSON in a list', 'application/json', JSON.stringify([hi])],
    ['JSON lines', 'application/x-ndjson', line(piece) + line(end)],
    ['a stream of another type', 'application/json', piece + end],
    ['a stream of no type, with CRLF', '', (piece + end).replaceAll('\n', '\r\n')],
    ['a stream with CR', 'text/event-stream', (piece + end).replaceAll('\n', '\r')],
    [
      'a stream with signs of life',
      'text/event-stream',
      `: ping\n\nevent: ping\ndata: {}\n\ndata:\n\ndata: ping\n\n${piece}${end}`,
    ],
    ['a stream without spaces', 'text/event-stream', (piece + end).replaceAll('data: ', 'data:')],
    ['a stream without its last empty line', 'text/event-stream', piece + end.trimEnd()],
    ['a stream without empty lines', 'text/event-stream', `${piece}${end}`.replaceAll('\n\n', '\n')],
    [
      'a stream without empty lines, up to [DONE]',
      'text/event-stream',
      `${piece}${chunkOf({ content: '' }, null)}data: [DONE]\n`.replaceAll('\n\n', '\n'),
    ],
    [
      'a stream with an error of null',
      'text/event-stream',
      `data: {"error":null,"choices":[]}\n\n${piece}${end}`,
    ],
    ['a stream with nulls', 'text/event-stream', `data: null\n\n${piece}data: null\n\n${end}`],
    ['a stream that ends with [DONE] and no reason', 'text/event-stream', `${piece}data: [DONE]\n\n`],
    ['what comes behind [DONE]', 'text/event-stream', `${piece}data: [DONE]\n\n${piece}data: {"err\n\n`],
  ])('is read as what it is: %s', async (_, type, body) => {
    server.answers.push((response) =>
      response.writeHead(200, type === '' ? {} : { 'content-type': type }).end(body),
    );
    expect(await answer()).toEqual(reply('hi'));
  });

  it('comes compressed although nobody asked for it', async () => {
    for (const [encoding, pack] of [
      ['gzip', gzipSync],
      ['br', brotliCompressSync],
    ] as const) {
      server.answers.push((response) =>
        response
          .writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': encoding })
          .end(pack(piece + end)),
      );
      expect(await answer()).toEqual(reply('hi'));
    }
    expect(server.asked[0]?.headers['accept-encoding']).toBe('identity');
  });

  it.each([
    ['[DONE]', `${piece}data: [DONE]\n`],
    ['[DONE] without a newline', `${piece}data: [DONE]`],
    ['[DONE] behind carriage returns', `${piece}data: [DONE]`.replaceAll('\n', '\r')],
    ['the reason to stop without an empty line', `${piece}${end.trimEnd()}\n`],
    ['the reason to stop without a newline', piece + end.trimEnd()],
    ['the reason to stop', piece + end],
  ])('is whole at %s, also when the connection stays open', async (_, body) => {
    server.answers.push((response) =>
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(body),
    );
    expect(await answer()).toEqual(reply('hi'));
  });

  it('is the same wherever its bytes are parted', async () => {
    const bytes = Buffer.from(
      `${chunkOf({ content: '<thi' }, null)}${chunkOf({ content: 'nk>嗯</think>你' }, null)}${chunkOf({ content: '好' }, 'stop')}`,
    );
    server.answers.push(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const byte of bytes) await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
      response.end();
    });
    expect(await answer()).toEqual(reply('你好'));
  });

  it('that is cut by its tokens is said, and warned of; one that says nothing is silence', async () => {
    server.answers.push((response) => stream(response, ['half'], 'length'));
    expect(await answer()).toEqual(reply('half'));
    expect(log.lines.join()).toContain('ran out of tokens');
    server.answers.push((response) => stream(response, [' \n']));
    expect(await answer()).toEqual({ kind: 'silent' });
    server.answers.push((response) => stream(response, ['<think>so'], 'length'));
    expect(await answer()).toMatchObject({ kind: 'failed', reason: 'bad-output' });
  });

  it('that has pictures beside its text is its text, and warned of; too large ones are told from much text', async () => {
    const picture = (size: number) => ({
      images: [{ type: 'image_url', image_url: { url: 'x'.repeat(size) } }],
    });
    server.answers.push((response) =>
      response.end(
        chunkOf({ content: 'hi' }, null) + chunkOf({ content: '', ...picture(9), audio: null }, 'stop'),
      ),
    );
    expect(await answer()).toEqual(reply('hi'));
    expect(log.lines.join()).toContain('not its images');
    server.answers.push((response) => response.end(chunkOf(picture(2 * 1024 * 1024), 'stop')));
    expect(await answer()).toMatchObject({
      reason: 'too-large',
      detail: 'a piece of the response is longer than 1 MiB',
    });
  });

  it('that never ends is too large', async () => {
    server.answers.push((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const piece = chunkOf({ content: 'x'.repeat(60_000) }, null);
      const write = (): void => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once('drain', write);
      };
      write();
    });
    expect(await answer()).toMatchObject({ kind: 'failed', reason: 'too-large' });
  });
});

describe('a conversation that has grown too long', () => {
  /** The messages of real servers. */
  const REFUSALS: [string, number, string][] = [
    [
      'OpenAI',
      400,
      '{"error":{"message":"This model\'s maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}',
    ],
    [
      'OpenAI, newer',
      400,
      '{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","code":"context_length_exceeded"}}',
    ],
    [
      'vLLM, older',
      400,
      '{"object":"error","message":"This model\'s maximum context length is 4096 tokens. However, you requested 5000 tokens","type":"BadRequestError","code":400}',
    ],
    [
      'vLLM',
      400,
      '{"error":{"message":"The decoder prompt (length 5000) is longer than the maximum model length of 4096.","type":"BadRequestError","code":400}}',
    ],
    [
      'llama.cpp',
      400,
      '{"error":{"code":400,"message":"request (9000 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}',
    ],
    [
      'llama.cpp, older',
      500,
      '{"error":{"code":500,"message":"the request exceeds the available context size. try increasing the context size or enable context shift","type":"server_error"}}',
    ],
    ['Ollama', 400, '{"error":{"message":"the input length exceeds the context length","type":"api_error"}}'],
    [
      'Ollama, newer',
      400,
      '{"error":{"message":"input length exceeds maximum context length","type":"invalid_request_error"}}',
    ],
    [
      'LM Studio',
      400,
      '{"error":"The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 5000>= n_ctx: 4096)."}',
    ],
    [
      'LM Studio, older',
      400,
      '{"error":"Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens."}',
    ],
    [
      'DeepSeek',
      400,
      '{"error":{"message":"This model\'s maximum context length is 65536 tokens. However, you requested 70000 tokens (66000 in the messages, 4000 in the completion). Please reduce the length of the messages or completion.","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}',
    ],
    [
      'TGI',
      422,
      '{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 1000 `max_new_tokens`","error_type":"validation"}',
    ],
    [
      'Anthropic behind a gateway',
      400,
      '{"error":{"message":"prompt is too long: 213462 tokens > 200000 maximum","type":"invalid_request_error"}}',
    ],
    [
      'Gemini',
      400,
      '[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]',
    ],
    [
      'Groq',
      413,
      '{"error":{"message":"Request too large for model on tokens per minute (TPM)","type":"tokens","code":"rate_limit_exceeded"}}',
    ],
    [
      'Mistral',
      400,
      '{"object":"error","message":"Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length","type":"invalid_request_prompt","code":3051}',
    ],
    [
      'DashScope',
      400,
      '{"error":{"code":"invalid_parameter_error","message":"Range of input length should be [1, 30720]","type":"invalid_request_error"}}',
    ],
    [
      'Moonshot',
      400,
      '{"error":{"message":"Invalid request: Your request exceeded model token limit: 8192","type":"invalid_request_error"}}',
    ],
    ['Zhipu', 400, '{"error":{"code":"1261","message":"Prompt 超长"}}'],
    [
      'Azure',
      400,
      '{"error":{"message":"Input tokens exceed the configured limit of 272000 tokens.","type":"invalid_request_error","code":"context_limit"}}',
    ],
    [
      'Grok',
      400,
      '{"code":"Client specified an invalid argument","error":"This model\'s maximum prompt length is 131072 but the request contains 200000 tokens."}',
    ],
    [
      'MiniMax',
      200,
      '{"base_resp":{"status_code":2013,"status_msg":"invalid params, context window exceeds limit"}}',
    ],
    [
      'OpenRouter',
      400,
      '{"error":{"message":"This endpoint\'s maximum context length is 32768 tokens. However, you requested about 40000 tokens (40000 of text input). Please reduce the length of either one","code":400}}',
    ],
    [
      'LiteLLM',
      400,
      '{"error":{"message":"litellm.ContextWindowExceededError: BadRequestError","type":null,"param":null,"code":"400"}}',
    ],
    [
      'in a stream',
      200,
      'data: {"error":{"message":"context length exceeded","code":"context_length_exceeded"}}\n\n',
    ],
  ];

  it.each(REFUSALS)('is asked again in its newer half, and kept so: %s', async (_, status, body) => {
    for (const id of ['1', '2', '3']) await answer({ id, text: id });
    server.answers.push((response) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(body),
    );
    expect(await answer({ id: '4', text: 'four' })).toEqual(reply('echo: four'));
    const lengths = server.asked.map((one) => one.body.messages.length);
    expect(lengths).toEqual([1, 3, 5, 7, 3]);
    expect(server.asked.at(-1)?.body.messages[0]?.content).toBe('3');
    expect(log.lines.join()).toContain('too long for the model');
    await answer({ id: '5', text: 'five' });
    expect(server.asked.at(-1)?.body.messages).toHaveLength(5);
  });

  it('ends with nothing before the message; one that is too long by itself fails, as does what is another refusal', async () => {
    for (const id of ['1', '2', '3']) await answer({ id, text: id });
    const tooLong = (response: ServerResponse) => response.writeHead(400).end(REFUSALS[0]?.[2]);
    server.answers.push(tooLong, tooLong, tooLong);
    expect(await answer({ id: '4', text: 'four' })).toMatchObject({
      kind: 'failed',
      reason: 'http',
      hint: 'the message itself is too long for this model',
    });
    expect(server.asked.slice(3).map((one) => one.body.messages.length)).toEqual([7, 3, 1]);
    const others = [
      [400, 'max_tokens is too large: 9000'],
      [400, 'Unsupported parameter: messages'],
      [
        429,
        'Request too large for gpt-4: Limit 10000, Requested 20000. The input or output tokens must be reduced',
      ],
      [401, 'Incorrect API key'],
    ] as const;
    for (const [status, message] of others) {
      const before = server.asked.length;
      server.answers.push((response) =>
        response.writeHead(status).end(JSON.stringify({ error: { message } })),
      );
      expect(await answer({ id: '5', text: 'x' })).toMatchObject({ detail: `${status} ${message}` });
      expect(server.asked.length).toBe(before + 1);
    }
  });
});

describe('a server in trouble', () => {
  const error = (status: number, headers = {}) => {
    server.answers.push((response) =>
      response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end('{"error":{"message":"the reason"}}'),
    );
  };

  it.each([
    [429, { 'retry-after': '7' }, 7_000],
    [500, {}, null],
    [503, {}, null],
  ])('%i is tried again', async (status, headers, afterMs) => {
    error(status, headers);
    expect(await answer()).toMatchObject({
      kind: 'retry',
      reason: 'http',
      afterMs,
      detail: `${status} the reason`,
    });
    expect(server.asked).toHaveLength(1);
  });

  it.each([
    [400, undefined],
    [401, /OPENAI_API_KEY/],
    [404, /qwen3/],
  ])('%i is final', async (status, hint) => {
    error(status);
    const outcome = await answer();
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'http', detail: `${status} the reason` });
    if (hint) expect(outcome).toMatchObject({ hint: expect.stringMatching(hint) });
  });

  it('that repeats the key in its error does not get it into ours', async () => {
    server.answers.push((response, { headers }) => {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: `no such key: ${headers.authorization}` } }));
    });
    expect(await answer({}, { apiKey: 'sk-secret-1' })).toMatchObject({
      detail: '401 no such key: Bearer ***',
    });
  });

  it('a stream that is cut, by a broken connection or a quiet end, is tried again; so is an error within it', async () => {
    server.answers.push((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunkOf({ content: 'ha' }, null), () => response.destroy());
    });
    expect(await answer()).toMatchObject({ kind: 'retry' });
    server.answers.push((response) => stream(response, ['half'], null));
    expect(await answer()).toMatchObject({ kind: 'retry', detail: expect.stringContaining('cut') });
    server.answers.push((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${JSON.stringify({ error: { message: 'out of memory' } })}\n\n`);
    });
    expect(await answer()).toMatchObject({ kind: 'retry', detail: expect.stringContaining('out of memory') });
    expect(sessions.get(turnWith().sessionId)?.size).toBe(0);
  });

  it('garbage, a web page and a redirect are told as what they are', async () => {
    server.answers.push((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: {"choi\n\n');
    });
    expect(await answer()).toMatchObject({ kind: 'failed', reason: 'bad-output' });
    server.answers.push((response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    });
    expect(await answer()).toMatchObject({ kind: 'failed', reason: 'bad-output', hint: expect.any(String) });
    server.answers.push((response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end());
    expect(await answer()).toMatchObject({
      kind: 'failed',
      reason: 'http',
      hint: 'redirects are not followed: give --openai the final URL',
    });
  });

  const quota = { message: 'slow down', code: 429 };
  it.each([
    ['{"error":{"message":"slow down","code":429}}', 'retry', '429 slow down'],
    ['{"error":{"message":"slow down","type":"rate_limit_error"}}', 'retry', 'slow down'],
    ['{"error":{"message":"no such key","code":"invalid_api_key"}}', 'failed', 'no such key'],
    ['{"error":{"message":"no such model","code":404}}', 'failed', '404 no such model'],
    ['{"error":{"code":503,"status":"UNAVAILABLE"}}', 'retry', '{"code":503,"status":"UNAVAILABLE"}'],
    ['{"error":"out of memory"}', 'retry', 'out of memory'],
    ['[{"error":{"message":"slow down","code":429}}]', 'retry', '429 slow down'],
    ['{"errors":[{"message":"bad","code":400}]}', 'failed', '400 bad'],
    ['{"object":"error","message":"bad","code":400}', 'failed', '400 bad'],
    ['{"detail":"Not Found"}', 'failed', 'Not Found'],
    ['{"code":"InvalidApiKey","message":"no such key"}', 'failed', 'no such key'],
    ['{"base_resp":{"status_code":1004,"status_msg":"login fail: auth"}}', 'failed', 'login fail: auth'],
    [
      '{"choices":[{"finish_reason":"error","error":{"message":"upstream","code":502}}]}',
      'retry',
      '502 upstream',
    ],
  ])('an error with 200 is that error: %s', async (body, kind, detail) => {
    const streamed = [
      `data: ${body}\n\n`,
      `${chunkOf({ content: 'hi' }, null)}event: error\ndata: ${body}\n\n`,
    ];
    for (const one of [body, ...streamed]) {
      server.answers.push((response) => response.writeHead(200).end(one));
      expect(await answer(), one).toMatchObject({ kind, detail });
    }
    expect(sessions.get(turnWith().sessionId)?.size).toBe(0);
  });

  it('names its reason in every form', async () => {
    for (const body of [
      { error: quota },
      { message: 'slow down' },
      { detail: 'slow down' },
      [{ error: quota }],
    ]) {
      server.answers.push((response) => response.writeHead(429).end(JSON.stringify(body)));
      expect(await answer()).toMatchObject({ kind: 'retry', detail: '429 slow down' });
    }
    server.answers.push((response) => response.writeHead(502).end('<html>\n<h1>Bad Gateway</h1>'));
    expect(await answer()).toMatchObject({ kind: 'retry', detail: 'HTTP 502: <h1>Bad Gateway</h1>' });
  });

  it.each([
    ['{"choices":[]}', /no choices, but nothing/],
    ['{"id":"a","choices":null}', /no choices, but id/],
    ['{"message":{"content":"hi"},"done":true}', /no choices, but message, done/],
    ['"hi"', /not JSON: "hi"/],
    ['hello', /not JSON: hello/],
    ['[]', /is a list/],
    ['<!doctype html><html></html>', /web page/],
    ['{"choices":', /not JSON/],
  ])('an answer of %s is bad output with a hint', async (body, detail) => {
    server.answers.push((response) => response.writeHead(200).end(body));
    expect(await answer()).toMatchObject({
      reason: 'bad-output',
      detail: expect.stringMatching(detail),
      hint: expect.stringContaining('--openai'),
    });
  });

  it('what is no answer is told at once, also when the connection stays open', async () => {
    server.answers.push((response) => response.writeHead(200).write('Loading the model ...\n'));
    const outcome = await answer();
    expect(outcome).toMatchObject({
      reason: 'bad-output',
      detail: expect.stringMatching(/not JSON: Loading/),
    });
  });

  it('nobody at home is tried again', async () => {
    const outcome = await answer({}, { baseUrl: new URL('http://127.0.0.1:9/v1') });
    expect(outcome).toMatchObject({
      kind: 'retry',
      detail: expect.stringMatching(/^not reached: (?!fetch failed)/),
    });
  });
});

it.each([
  ['timeout', 'timeout'],
  ['cancel', 'cancelled'],
  ['stop', 'cancelled'],
] as const)('%s ends a request, before its answer and in the middle of it', async (end, reason) => {
  for (const begun of [false, true]) {
    const stop = new AbortController();
    server.answers.push((response) => {
      if (begun) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(chunkOf({ content: 'ha' }, null));
      }
      setTimeout(() => stop.abort(end), 30);
    });
    expect(await answer({}, {}, { signal: stop.signal })).toMatchObject({ kind: 'failed', reason });
  }
});

describe('the base URL', () => {
  it.each([
    ['http://127.0.0.1:11434', 'http://127.0.0.1:11434/v1'],
    ['http://127.0.0.1:11434/v1/', 'http://127.0.0.1:11434/v1'],
    ['https://api.example.com/v1/chat/completions', 'https://api.example.com/v1'],
    ['https://api.example.com/compatible-mode/v1', 'https://api.example.com/compatible-mode/v1'],
  ])('%s', (text, href) => {
    expect(parseBaseUrl(text).href).toBe(href);
  });

  it.each(['', 'localhost:11434', 'ftp://x/', 'https://sk-1@x/', 'https://x/?key=1'])('not "%s"', (text) => {
    expect(() => parseBaseUrl(text)).toThrow(expect.objectContaining({ kind: 'usage' }));
  });

  it('needs a model', () => {
    expect(() => requireModel(null)).toThrow(/--model/);
    expect(() => requireModel(' ')).toThrow(/--model/);
  });
});
