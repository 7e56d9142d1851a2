import { describe, expect, it } from 'vitest';
import { HTTP_PRESETS, type PresetName } from '../../../../src/agents/http/presets.ts';
import { startService, TROUBLE } from '../../../helpers/chat-services.ts';
import { attachment, memoryOf } from '../support.ts';
import { closeLater, termsAgent } from './support.ts';

const NAMES = Object.keys(HTTP_PRESETS) as PresetName[];
const SESSION = '5a0d9f3e-4f8e-4f5c-9d0e-1d2f3a4b5c6d';

async function talkTo(preset: PresetName, { key = 'key' } = {}) {
  const service = await startService(preset);
  closeLater(service.close);
  const http = preset === 'n8n' ? `${service.url}/webhook/7/chat` : service.url;
  const agent = termsAgent(
    http,
    { preset },
    { headers: [['Authorization', `Bearer ${key}`]], environment: { COZE_BOT_ID: '7379462189365198898' } },
  );
  const memory = memoryOf(new Map());
  const lastBody = () => service.requests.at(-1)?.json as Record<string, unknown>;
  return { agent, service, lastBody, say: (text: string) => agent.answer({ text }, { memory }), memory };
}

describe.each(NAMES)('%s', (preset) => {
  it('answers, and stays in one conversation', async () => {
    const { say } = await talkTo(preset);
    const first = await say('Good day "{{user}}"\n你好');
    const id = ['fastgpt', 'n8n'].includes(preset) ? SESSION : 'c-1';
    expect(first).toEqual({ kind: 'reply', pieces: [{ text: `${id} #1: Good day "{{user}}"\n你好` }] });
    expect(await say('again')).toEqual({ kind: 'reply', pieces: [{ text: `${id} #2: again` }] });
  });

  it('says why it takes no key', async () => {
    const { say } = await talkTo(preset, { key: 'wrong' });
    expect(await say('hello')).toMatchObject({
      kind: 'failed',
      reason: 'http',
      detail: expect.stringMatching(
        /token is invalid|authentication is invalid|key is invalid|data is wrong|401: Una/,
      ),
    });
  });
});

it.each([
  ['dify', 'no quota left'],
  ['coze', 'no quota left'],
  ['fastgpt', 'no quota left'],
] as const)('an error of %s is no answer', async (preset, reason) => {
  const { say } = await talkTo(preset);
  const detail = `the service answered with an error: ${reason}`;
  expect(await say(TROUBLE.error)).toEqual({ kind: 'failed', reason: 'http', detail });
});

it('an n8n workflow that fails has run and is not run again, and one of Home Assistant is what it says', async () => {
  expect(await (await talkTo('n8n')).say(TROUBLE.error)).toMatchObject({
    kind: 'failed',
    hint: 'n8n lists under Executions what went wrong',
    detail: expect.stringContaining('Error in workflow'),
  });
  expect(await (await talkTo('home-assistant')).say(TROUBLE.error)).toMatchObject({
    pieces: [{ text: "Sorry, I couldn't understand that" }],
  });
});

it.each(['dify', 'coze'] as const)('a stream of %s that breaks off is tried again', async (preset) => {
  const { say } = await talkTo(preset);
  expect(await say(TROUBLE.cut)).toMatchObject({
    kind: 'retry',
    detail: expect.stringContaining('stream ended'),
  });
});

it('a conversation that Dify has forgotten is an error with a way out', async () => {
  const { say } = await talkTo('dify');
  await say('one');
  await say(TROUBLE.forget);
  expect(await say('two')).toMatchObject({
    detail: expect.stringContaining('Not Exists'),
    hint: expect.stringContaining('/new'),
  });
});

it('Dify is asked with pictures and files by their addresses', async () => {
  const { agent, lastBody } = await talkTo('dify');
  const attachments = [
    attachment({ path: null, url: 'http://h/1/a.jpg' }),
    attachment({ kind: 'file', path: null, url: 'http://h/2/b.pdf' }),
    attachment({ kind: 'voice', path: null, error: 'gone' }),
  ];
  await agent.answer({ text: '', kind: 'mixed', attachments });
  expect(lastBody()).toEqual({
    inputs: {},
    query: '[image: http://h/1/a.jpg]\n[file: http://h/2/b.pdf]\n[voice: not available: gone]',
    user: 'o9cq80z@im.wechat',
    response_mode: 'streaming',
    files: [
      { type: 'image', transfer_method: 'remote_url', url: 'http://h/1/a.jpg' },
      { type: 'document', transfer_method: 'remote_url', url: 'http://h/2/b.pdf' },
    ],
  });
});

it('FastGPT and n8n, too', async () => {
  const attachments = [
    attachment({ path: null, url: 'http://h/1/a.jpg' }),
    attachment({ kind: 'file', path: null, url: 'u', name: null }),
  ];
  const fastgpt = await talkTo('fastgpt');
  await fastgpt.agent.answer({ attachments });
  expect(fastgpt.lastBody().messages).toEqual([
    {
      role: 'user',
      content: [
        { type: 'text', text: 'hello\n[image: http://h/1/a.jpg]\n[file: u]' },
        { type: 'image_url', image_url: { url: 'http://h/1/a.jpg' } },
        { type: 'file_url', url: 'u' },
      ],
    },
  ]);
  const n8n = await talkTo('n8n');
  await n8n.agent.answer({ attachments });
  expect(n8n.lastBody().metadata).toEqual({ user: 'o9cq80z@im.wechat', attachments });
});

it('a flag takes the place of what the preset says', async () => {
  const service = await startService('home-assistant');
  closeLater(service.close);
  const agent = termsAgent(
    service.url,
    { preset: 'home-assistant', body: '{"text":"{{text}}","language":"de"}', reply: 'response.language' },
    { headers: [['Authorization', 'Bearer key']] },
  );
  expect(await agent.answer()).toMatchObject({ pieces: [{ text: 'en' }] });
  expect(service.requests[0]?.json).toEqual({ text: 'hello', language: 'de' });
});
