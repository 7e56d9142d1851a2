import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { createOpenAiAgent, type OpenAiAgentOptions } from '../../../src/agents/openai/agent.ts';
import { withoutThinking } from '../../../src/agents/openai/answer.ts';
import { bounded } from '../../../src/agents/openai/memory.ts';
import { parseBaseUrl, requireModel } from '../../../src/agents/openai/options.ts';
import type { Agent, TurnContext } from '../../../src/agents/port.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Attachment, Turn } from '../../../src/core/message.ts';
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
  it.each([
    ['<think>hm\n\nhm</think>\n\nYes.', 'Yes.'],
    ['\n<think>\n</think>Yes.', 'Yes.'],
    ['<think>never ends', ''],
    ['let me see\n</think>\n\nYes.', 'Yes.'],
    ['Write `<think>a</think>` so.', 'Write `<think>a</think>` so.'],
    ['plain', 'plain'],
  ])('%j loses its thinking', (text, said) => {
    expect(withoutThinking(text)).toBe(said);
  });

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

  it('that is cut by its tokens is said, and warned of; one that says nothing is silence', async () => {
    server.answers.push((response) => stream(response, ['half'], 'length'));
    expect(await answer()).toEqual(reply('half'));
    expect(log.lines.join()).toContain('ran out of tokens');
    server.answers.push((response) => stream(response, [' \n']));
    expect(await answer()).toEqual({ kind: 'silent' });
    server.answers.push((response) => stream(response, ['<think>so'], 'length'));
    expect(await answer()).toMatchObject({ kind: 'failed', reason: 'bad-output' });
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
    expect(await answer()).toMatchObject({ kind: 'retry', afterMs, detail: `${status} the reason` });
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
