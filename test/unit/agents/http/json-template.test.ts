import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prepareTemplate } from '../../../../src/agents/http/request/json-template.ts';
import { templateValues } from '../../../../src/agents/http/request/template-values.ts';
import { wellFormedJson } from '../../../../src/agents/port/input.ts';
import type { Turn } from '../../../../src/core/message/message.ts';
import { attachment, turnWith } from '../support.ts';

function fill(document: unknown, turn: Partial<Turn> = {}, conversation: string | null = null): unknown {
  const template = prepareTemplate(document, '--http-body', { KEY: 'k{{text}}', EMPTY: '' });
  return JSON.parse(wellFormedJson(template.fill(templateValues(turnWith(turn), conversation))));
}

describe('a template', () => {
  it('is filled in with what the turn has', () => {
    const names = ['text', 'user', 'account', 'sessionId', 'turn', 'id', 'time', 'kind', 'attempt'];
    const filled = fill(Object.fromEntries(names.map((name) => [name, `{{ ${name} }}`])));
    expect(filled).toEqual({
      text: 'hello',
      user: 'o9cq80z@im.wechat',
      account: 'c41f09aa77be@im.bot',
      sessionId: '5a0d9f3e-4f8e-4f5c-9d0e-1d2f3a4b5c6d',
      turn: 3,
      id: '7312345678901234567',
      time: '2026-11-22T13:00:00.123Z',
      kind: 'text',
      attempt: 1,
    });
    expect(fill({ e: '{{event}}' })).toMatchObject({ e: { v: 1, type: 'message', text: 'hello' } });
    expect(fill(['{{text}}, {{user}}: {{turn}}', 1, null, true, {}, []])).toEqual([
      'hello, o9cq80z@im.wechat: 3',
      1,
      null,
      true,
      {},
      [],
    ]);
  });

  it('leaves out the key or the list element of what has no value, and is empty for it inside a string', () => {
    const document = {
      c: '{{conversation}}',
      l: ['{{conversation}}', 'x'],
      t: '<{{conversation}}>',
      q: '{{quote}}',
    };
    expect(fill(document)).toEqual({ l: ['x'], t: '<>' });
    const quote = { id: null, text: 'said before', attachments: [] };
    expect(fill(document, { quote }, 'c-1')).toEqual({
      c: 'c-1',
      l: ['c-1', 'x'],
      t: '<c-1>',
      q: 'said before',
    });
  });

  it('takes variables of the environment, and does not look into them', () => {
    expect(fill({ a: `\${KEY}`, b: `<\${KEY}\${EMPTY}>`, c: '$KEY' })).toEqual({
      a: 'k{{text}}',
      b: '<k{{text}}>',
      c: '$KEY',
    });
  });

  it('has the message as commands read it, with the quote and the attachments', () => {
    const quote = { id: null, text: 'one\ntwo', attachments: [] };
    const attachments = [
      attachment(),
      attachment({ path: null, url: 'http://h/x' }),
      attachment({ path: null, base64: 'YQ==', name: 'b.png' }),
      attachment({ path: null, error: 'gone' }),
    ];
    expect(fill({ m: '{{message}}' }, { quote, attachments })).toEqual({
      m: '> one\n> two\nhello\n[image: /tmp/a.jpg]\n[image: http://h/x]\n[image: b.png]\n[image: not available: gone]',
    });
  });

  it('repeats a list element for every attachment that it can speak of, those of the quote first', () => {
    const element = { t: 'image', u: { url: '{{image.url}}' }, n: '{{image.name}}' };
    const attachments = [
      attachment({ path: null, url: 'http://h/1' }),
      attachment({ kind: 'file', path: null, url: 'http://h/2' }),
      attachment({ path: null, error: 'gone' }),
    ];
    const quote = {
      id: null,
      text: '',
      attachments: [attachment({ path: null, url: 'http://h/0', name: null })],
    };
    expect(fill({ f: ['x', element, '{{file.url}}'] }, { attachments, quote })).toEqual({
      f: [
        'x',
        { t: 'image', u: { url: 'http://h/0' } },
        { t: 'image', u: { url: 'http://h/1' }, n: 'a.jpg' },
        'http://h/2',
      ],
    });
    expect(fill({ f: [element] })).toEqual({ f: [] });
    // In lists of lists the innermost one is meant.
    const messages = [{ role: 'user', content: [{ text: '{{text}}' }, { url: '{{attachment.url}}' }] }];
    expect(fill({ messages }, { attachments })).toEqual({
      messages: [
        { role: 'user', content: [{ text: 'hello' }, { url: 'http://h/1' }, { url: 'http://h/2' }] },
      ],
    });
  });

  it('means the first attachment that fits outside of lists', () => {
    const document = { p: '{{image.path}}', u: '{{image.url}}', a: '{{attachments}}' };
    const attachments = [
      attachment({ kind: 'voice' }),
      attachment({ path: null }),
      attachment({ path: '/2' }),
    ];
    expect(fill(document, { attachments })).toEqual({ p: '/2', a: attachments });
    expect(fill(document)).toEqual({ a: [] });
  });

  it.each([
    [{ a: '{{txt}}' }, /has {{txt}}, which is not a placeholder/],
    [{ a: '{{constructor}}' }, /is not a placeholder/],
    [{ a: '{{image.secret}}' }, /is not a placeholder/],
    [{ a: '{{}}' }, /is not a placeholder/],
    [{ a: ['{{text'] }, /a {{ that is not closed/],
    [{ '{{text}}': 1 }, /placeholder in the name of a key/],
    [{ a: 'all: {{attachments}}' }, /{{attachments}} inside a string/],
    [{ a: ['{{image.url}} {{file.url}}'] }, /attachments of two kinds/],
    [{ a: `\${NOT_SET}` }, /NOT_SET}, which is not set/],
  ])('is refused: %j', (document, message) => {
    expect(() => fill(document)).toThrow(
      expect.objectContaining({ kind: 'usage', exit: 64, message: expect.stringMatching(message) }),
    );
  });

  it('carries any text unchanged, as a value and never as JSON or as a template', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '","admin":true,"x":"',
        '{{user}}',
        `\${KEY}`,
        '\\u0000',
        '"}]}',
        '{{image.url}}',
        '__proto__',
        '\ud800',
      ),
    );
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 3 }), (parts) => {
        const text = parts.join('');
        const arrives = text.replace(/\p{Surrogate}/gu, '\uFFFD');
        const document = { a: '{{text}}', deep: [{ b: '<{{text}}|{{conversation}}>' }], c: 'kept' };
        expect(fill(document, { text }, text)).toEqual({
          a: arrives,
          deep: [{ b: `<${arrives}|${arrives}>`.replace(/\p{Surrogate}/gu, '\uFFFD') }],
          c: 'kept',
        });
      }),
    );
  });
});
