import { describe, expect, it, test } from 'vitest';
import { eventOf } from '../../../src/core/message/message.ts';
import { allPages, blocksOf, readPage } from '../../helpers/pages.ts';

/** Types that JSON of wxagent may have: what it prints, and what it posts. */
const TYPES = [
  'accounts',
  'agents',
  'allow',
  'ask',
  'audit',
  'backup',
  'cancel',
  'code',
  'config',
  'doctor',
  'download',
  'error',
  'expected',
  'expired',
  'invitation',
  'invitations',
  'login',
  'login-status',
  'message',
  'messages',
  'migrate',
  'outbox',
  'outcome',
  'part',
  'qr',
  'ready',
  'retry',
  'scheduled',
  'send',
  'simulate',
  'source',
  'sources',
  'status',
  'stopped',
  'token',
  'tokens',
  'undelivered',
  'web',
  'worker',
  'restore',
];

const examples = allPages().flatMap((path) =>
  blocksOf(readPage(path))
    .filter(({ language }) => language === 'json' || language === 'jsonl')
    .flatMap(({ text }) =>
      text
        .trim()
        .split('\n')
        .map((line) => ({ path, line })),
    ),
);

test.each(examples)('$path: $line', ({ line }) => {
  const value = JSON.parse(line) as Record<string, unknown>;
  expect(value).toBeTypeOf('object');
  if ('v' in value) expect([value.v, TYPES.includes(value.type as string)]).toEqual([1, true]);
});

describe('the event', () => {
  const event = eventOf({
    id: '1',
    account: 'a@im.bot',
    accountName: null,
    user: 'u@im.wechat',
    sessionId: 's',
    turn: 1,
    timeMs: 0,
    kind: 'text',
    text: '',
    attachments: [],
    quote: { id: null, text: '', attachments: [] },
    attempt: 1,
  });

  it.each(['docs/agents.md', 'docs/zh-CN/agents.md', 'docs/commands.md'])('has its fields in %s', (path) => {
    const shown = examples
      .filter((example) => example.path === path)
      .map(({ line }) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ type }) => type === 'message');
    expect(shown.length).toBeGreaterThan(0);
    for (const one of shown) {
      expect(Object.keys(one)).toEqual(Object.keys(event));
      if (one.quote) expect(Object.keys(one.quote)).toEqual(Object.keys(event.quote as object));
    }
  });
});
