import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inheritEnvironment, turnEnvironment } from '../../../../src/agents/child/environment.ts';
import { contextIn, temporaryFolder, turnWith } from '../support.ts';

const constants = {
  store: null,
  home: '/srv/wx',
  baseUrl: 'https://ilinkai.weixin.qq.com',
  cdnUrl: 'https://cdn.example',
  bin: '/usr/bin/wxagent',
  version: '1.2.3',
};

function environmentOf(changes: Parameters<typeof turnWith>[0] = {}, parent: Record<string, string> = {}) {
  const folders = contextIn(temporaryFolder()).folders();
  return { folders, env: turnEnvironment(turnWith(changes), folders, inheritEnvironment(parent), constants) };
}

function attachment(path: string | null) {
  return {
    kind: 'image' as const,
    path,
    name: null,
    mime: null,
    sizeBytes: null,
    durationMs: null,
    error: null,
  };
}

describe('the environment of a turn', () => {
  it('has every name of the contract', () => {
    const { env, folders } = environmentOf({ quote: { id: null, text: 'earlier', attachments: [] } });
    expect(env).toEqual({
      WXAGENT_MESSAGE_ID: '7312345678901234567',
      WXAGENT_ACCOUNT: 'c41f09aa77be@im.bot',
      WXAGENT_ACCOUNT_NAME: 'home',
      WXAGENT_USER: 'o9cq80z@im.wechat',
      WXAGENT_SESSION_ID: '5a0d9f3e-4f8e-4f5c-9d0e-1d2f3a4b5c6d',
      WXAGENT_TURN: '3',
      WXAGENT_KIND: 'text',
      WXAGENT_TIME: '2026-11-22T13:00:00.123Z',
      WXAGENT_TEXT: 'hello',
      WXAGENT_FILE: '',
      WXAGENT_FILE_COUNT: '0',
      WXAGENT_MEDIA_DIR: folders.media,
      WXAGENT_REPLY_DIR: folders.reply,
      WXAGENT_STATE_DIR: folders.state,
      WXAGENT_QUOTE: 'earlier',
      WXAGENT_ATTEMPT: '1',
      WXAGENT_HOME: '/srv/wx',
      WXAGENT_BASE_URL: 'https://ilinkai.weixin.qq.com',
      WXAGENT_CDN_URL: 'https://cdn.example',
      WXAGENT_BIN: '/usr/bin/wxagent',
      WXAGENT_VERSION: '1.2.3',
      NO_COLOR: '1',
      TERM: 'dumb',
      PYTHONUTF8: '1',
      PYTHONUNBUFFERED: '1',
    });
  });

  it('keeps what the parent has, but neither our secrets nor what another turn was told', () => {
    const { env } = environmentOf(
      {},
      {
        PATH: '/bin',
        TERM: 'xterm',
        NO_COLOR: '',
        WXAGENT_TOKEN: 'a@im.bot:secret',
        wxagent_http_secret: 'whsec_x',
        WXAGENT_LANG: 'zh',
        WXAGENT_TEXT: 'of an outer turn',
        WXAGENT_TEXT_TRUNCATED: '1',
        WXAGENT_FILE: '/outer.jpg',
      },
    );
    expect(env).toMatchObject({ PATH: '/bin', TERM: 'xterm', NO_COLOR: '', WXAGENT_LANG: 'zh' });
    expect(env).toMatchObject({ WXAGENT_TEXT: 'hello', WXAGENT_FILE: '' });
    expect(Object.keys(env).map((name) => name.toUpperCase())).not.toContain('WXAGENT_TOKEN');
    expect(Object.keys(env).map((name) => name.toUpperCase())).not.toContain('WXAGENT_HTTP_SECRET');
    expect(env).not.toHaveProperty('WXAGENT_TEXT_TRUNCATED');
  });

  it('names the first attachment that is there', () => {
    const { env } = environmentOf({
      attachments: [attachment(null), attachment('/m/1-a.jpg'), attachment('/m/2-b.jpg')],
    });
    expect(env).toMatchObject({ WXAGENT_FILE: '/m/1-a.jpg', WXAGENT_FILE_COUNT: '2' });
  });

  it('leaves out a constant that is not known', () => {
    const folders = contextIn(temporaryFolder()).folders();
    const inherited = inheritEnvironment({ WXAGENT_HOME: '/outer' });
    const env = turnEnvironment(turnWith(), folders, inherited, { ...constants, home: null });
    expect(env).not.toHaveProperty('WXAGENT_HOME');
  });

  it('has 32 KiB of text and says when that is not all', () => {
    expect(environmentOf({ text: 'x'.repeat(32_768) }).env).not.toHaveProperty('WXAGENT_TEXT_TRUNCATED');
    const { env } = environmentOf({ text: `${'好'.repeat(10_922)}😀` });
    expect(env.WXAGENT_TEXT).toBe('好'.repeat(10_922));
    expect(env.WXAGENT_TEXT_TRUNCATED).toBe('1');
  });

  it('is whole text, free of NUL, whatever the user wrote', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 100 }),
      fc.string({
        unit: fc.constantFrom('\0', '\ud800', '\udc00', '好', '😀', 'a'),
        maxLength: 60_000,
        minLength: 8_000,
      }),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const { env } = environmentOf({ text, quote: { id: null, text, attachments: [] } });
        const cut = env.WXAGENT_TEXT ?? '';
        const whole = Buffer.from(text.replaceAll('\0', ''), 'utf8').toString('utf8');
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(32_768);
        expect(whole.startsWith(Buffer.from(cut, 'utf8').toString('utf8'))).toBe(true);
        expect('WXAGENT_TEXT_TRUNCATED' in env).toBe(Buffer.byteLength(whole) > 32_768);
      }),
      { numRuns: 60 },
    );
  });

  it('can start a child however much the parent has and the user writes', () => {
    const parent: Record<string, string> = { PATH: process.env.PATH ?? '', HUGE: 'h'.repeat(140_000) };
    for (let i = 0; i < 300; i += 1) parent[`BIG_${i}`] = 'b'.repeat(10_000);
    const inherited = inheritEnvironment(parent);
    const text = '字'.repeat(100_000);
    const turn = turnWith({
      text,
      user: text,
      accountName: text,
      quote: { id: null, text, attachments: [] },
    });
    const env = turnEnvironment(turn, contextIn(temporaryFolder()).folders(), inherited, constants);

    expect(spawnSync('/bin/sh', ['-c', 'exit 7'], { env }).status).toBe(7);
    expect(env.PATH).toBe(parent.PATH);
    expect(inherited.dropped).toContain('HUGE');
    expect(Buffer.byteLength(JSON.stringify(env))).toBeLessThan(800_000);
  });
});
