import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Attachment } from '../../../../src/core/message/message.ts';
import { eventually, groupAlive, memoryOf, temporaryFolder } from '../support.ts';
import { acpAgent, misbehaving, PARROT, textOf } from './support.ts';

const PICTURE: Attachment = {
  kind: 'image',
  path: null,
  name: 'photo.png',
  mime: 'image/png',
  sizeBytes: 3,
  durationMs: null,
  error: null,
};

describe('an ACP agent', () => {
  it('has one process and a session for each user', async () => {
    const { answer, pids, agent, gone } = acpAgent(PARROT);
    const other = { user: 'other@im.wechat', sessionId: 'other', id: '2' };
    const memory = { memory: memoryOf(new Map()) };
    expect(textOf(await answer('hello'))).toBe('s1/1: hello');
    const both = [answer('again'), answer('hi', memory, other)];
    expect((await Promise.all(both)).map(textOf)).toEqual(['s1/2: again', 's2/1: hi']);
    expect(pids).toHaveLength(1);
    await agent.close?.();
    expect(gone).toEqual(pids);
    expect(groupAlive(pids[0] ?? 0)).toBe(false);
  });

  it('starts before its first message when it is told to', async () => {
    const { agent, pids, answer } = acpAgent(PARROT);
    agent.start?.();
    await eventually(() => pids.length === 1);
    expect(textOf(await answer())).toBe('s1/1: hello');
    expect(pids).toHaveLength(1);
  });

  it('begins a new session with a new sessionId, and closes the one before', async () => {
    const { answer, log } = acpAgent(misbehaving('fine'));
    await answer();
    const memory = memoryOf(new Map());
    await answer('of the first session, again', {}, { attempt: 2 });
    expect(log.lines).not.toContain('agent: closed session 1');
    await answer('hello', { memory }, { sessionId: 'new', turn: 1 });
    await eventually(() => log.lines.includes('agent: closed session 1'));
    const parrot = acpAgent(PARROT);
    await parrot.answer();
    expect(textOf(await parrot.answer('hi', { memory }, { sessionId: 'new', turn: 1 }))).toBe('s2/1: hi');
  });

  it('takes the session up again after a restart, without what was said before', async () => {
    const sessions = temporaryFolder();
    const cwd = temporaryFolder();
    const parentEnv = { PATH: process.env.PATH, SESSIONS: sessions };
    const memory = memoryOf(new Map());
    const first = acpAgent(PARROT, { parentEnv, cwd });
    expect(textOf(await first.answer('hello', { memory }))).toBe('s1/1: hello');
    await first.agent.close?.();

    const second = acpAgent(PARROT, { parentEnv, cwd });
    expect(textOf(await second.answer('hello', { memory }))).toBe('s1/1: hello');
    await second.agent.close?.();

    // Of another agent, or in another folder, it would be another session.
    const elsewhere = acpAgent(PARROT, { parentEnv });
    const values = new Map([['acp', (await memory.get('acp')) ?? '']]);
    expect(textOf(await elsewhere.answer('hello', { memory: memoryOf(values) }))).toBe('s2/1: hello');

    for (const name of readdirSync(sessions)) rmSync(join(sessions, name));
    const third = acpAgent(PARROT, { parentEnv, cwd });
    expect(textOf(await third.answer('hello', { memory }))).toBe('s1/1: hello');
    expect(third.log.lines.join('\n')).toContain('its session is lost, starting a new one');
  });

  it('gets the quote first, pictures as such, other files as links, and what is missing as text', async () => {
    const { answer, folder } = acpAgent(PARROT);
    const path = join(folder, 'photo.png');
    writeFileSync(path, 'png');
    const url = pathToFileURL(path).href;
    const outcome = await answer(
      'look',
      {},
      {
        quote: { id: null, text: 'said\nbefore', attachments: [] },
        attachments: [
          { ...PICTURE, path },
          { ...PICTURE, path, kind: 'file', mime: null, name: null },
          { ...PICTURE, error: 'gone from the server' },
        ],
      },
    );
    expect(textOf(outcome)).toBe(
      `s1/1: > said\n> before\nlook\n[image: not available: gone from the server]<image ${url}><resource_link ${url}>`,
    );
  });

  it('sends pictures that cannot be read, and too large ones, as links', async () => {
    const { answer, folder } = acpAgent(PARROT);
    const large = join(folder, 'large.png');
    writeFileSync(large, Buffer.alloc(6 * 1024 * 1024));
    const gone = join(folder, 'gone.png');
    const attachments = [large, gone].map((path) => ({ ...PICTURE, path }));
    expect(textOf(await answer('', {}, { attachments }))).toBe(
      `s1/1: ${attachments.map(({ path }) => `<resource_link ${pathToFileURL(path).href}>`).join('')}`,
    );
  });

  it('answers with whole messages; thoughts and tool calls are not shown', async () => {
    const { answer } = acpAgent(misbehaving('messages'));
    expect(await answer()).toEqual({
      kind: 'reply',
      pieces: [{ text: 'I look at it.\n\nIt is well.\n\nBye.' }],
    });
  });

  it('answers with the files that are in its messages', async () => {
    const { answer } = acpAgent(misbehaving('files'));
    const outcome = await answer();
    expect(textOf(outcome)).toBe(
      'See: | <2.jpg> | <résumé.pdf> | <4.txt> | a note\nmore: https://example.com/',
    );
    if (outcome.kind !== 'reply') return;
    const contents = outcome.pieces.flatMap((piece) =>
      'file' in piece ? readFileSync(piece.file, 'utf8') : [],
    );
    expect(contents).toEqual(['a picture', 'a picture', 'a picture']);
  });

  it.each([
    ['end_turn', 'bye', { kind: 'reply', pieces: [{ text: 'bye' }] }],
    ['end_turn', '', { kind: 'silent' }],
    [
      'max_tokens',
      'so fa',
      { kind: 'reply', pieces: [{ text: 'so fa' }, { text: expect.stringMatching(/limit/) }] },
    ],
    [
      'max_turn_requests',
      '',
      { kind: 'failed', reason: 'exit', detail: expect.stringMatching(/max_turn_requests/) },
    ],
    ['refusal', 'I will not.', { kind: 'reply', pieces: [{ text: 'I will not.' }] }],
    ['refusal', '', { kind: 'failed', reason: 'exit', detail: 'it refused to answer' }],
    [
      'cancelled',
      'half',
      { kind: 'reply', pieces: [{ text: expect.stringMatching(/^half\n\n\(It was not done/) }] },
    ],
  ])('stops for %s with "%s"', async (reason, text, outcome) => {
    const { answer } = acpAgent(misbehaving('stop', reason, text));
    expect(await answer()).toEqual(outcome);
  });

  it('tells a Chinese user in Chinese that the answer was cut', async () => {
    const { answer } = acpAgent(misbehaving('stop', 'max_tokens', 'so fa'));
    expect(textOf(await answer('你好', { language: 'zh' }))).toContain('到达上限');
  });

  it('is told nothing of our secrets, nor of a turn', async () => {
    const { folder } = acpAgent(PARROT);
    const out = join(folder, 'env.json');
    mkdirSync(folder, { recursive: true });
    const script = `require('fs').writeFileSync(${JSON.stringify(out)}, JSON.stringify(process.env))`;
    const { answer } = acpAgent([process.execPath, '-e', script], {
      parentEnv: {
        PATH: process.env.PATH,
        WXAGENT_TOKEN: 'secret',
        WXAGENT_TEXT: 'of another turn',
        MINE: '1',
      },
    });
    await answer();
    const env = JSON.parse(readFileSync(out, 'utf8')) as Record<string, string>;
    expect(env).toMatchObject({
      MINE: '1',
      WXAGENT_BIN: 'wxagent',
      WXAGENT_ACCOUNT: 'bot@im.bot',
      NO_COLOR: '1',
    });
    expect(env.WXAGENT_TOKEN ?? env.WXAGENT_TEXT).toBeUndefined();
  });
});
