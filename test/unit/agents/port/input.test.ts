import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stdinOf } from '../../../../src/agents/port/input.ts';
import type { Attachment } from '../../../../src/core/message/message.ts';
import { turnWith } from '../support.ts';

const photo: Attachment = {
  kind: 'image',
  path: '/m/1-photo.jpg',
  name: 'photo.jpg',
  mime: 'image/jpeg',
  sizeBytes: 204_800,
  durationMs: null,
  error: null,
};
const lost: Attachment = { ...photo, kind: 'file', path: null, error: 'gone from\nthe server' };

describe('--input text', () => {
  it('gives a plain text message byte for byte', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(stdinOf(turnWith({ text }), 'text').equals(Buffer.from(text, 'utf8'))).toBe(true);
      }),
    );
    expect(stdinOf(turnWith({ text: '$(rm -rf ~)`\0\r\n' }), 'text').toString()).toBe('$(rm -rf ~)`\0\r\n');
  });

  it('puts the quote before the text and the attachments behind it', () => {
    const turn = turnWith({
      kind: 'mixed',
      text: 'and this?',
      quote: { id: '1', text: 'first\nsecond', attachments: [{ ...photo, path: '/m/q.jpg' }] },
      attachments: [photo, lost],
    });
    expect(stdinOf(turn, 'text').toString()).toBe(
      [
        '> first',
        '> second',
        '> [image: /m/q.jpg]',
        'and this?',
        '[image: /m/1-photo.jpg]',
        '[file: not available: gone from the server]',
      ].join('\n'),
    );
  });

  it('is only the attachment where there is no text', () => {
    expect(stdinOf(turnWith({ text: '', attachments: [photo] }), 'text').toString()).toBe(
      '[image: /m/1-photo.jpg]',
    );
  });
});

describe('the other forms', () => {
  const turn = turnWith({
    text: 'a\n\u2028\0\ud800z',
    quote: { id: null, text: 'q', attachments: [] },
    attachments: [photo],
  });

  it('raw is the text alone', () => {
    expect(stdinOf(turn, 'raw').toString()).toBe('a\n\u2028\0\uFFFDz');
  });

  it('json is the event on one line', () => {
    const line = stdinOf(turn, 'json').toString();
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(line).not.toMatch(/\\ud800/i);
    expect(JSON.parse(line)).toEqual({
      v: 1,
      type: 'message',
      id: '7312345678901234567',
      account: 'c41f09aa77be@im.bot',
      user: 'o9cq80z@im.wechat',
      sessionId: '5a0d9f3e-4f8e-4f5c-9d0e-1d2f3a4b5c6d',
      turn: 3,
      time: '2026-11-22T13:00:00.123Z',
      kind: 'text',
      text: 'a\n\u2028\0\uFFFDz',
      attachments: [photo],
      quote: { id: null, text: 'q', attachments: [] },
      attempt: 1,
    });
  });

  it('raw and json turn a lone surrogate into U+FFFD and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const whole = Buffer.from(text, 'utf8').toString('utf8');
        expect(stdinOf(turnWith({ text }), 'raw').toString()).toBe(whole);
        expect(JSON.parse(stdinOf(turnWith({ text }), 'json').toString()).text).toBe(whole);
      }),
    );
  });
});
