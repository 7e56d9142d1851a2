import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEndWatch, parseEventStream } from '../../../../src/agents/http/response/event-stream.ts';
import { createStreamReader } from '../../../../src/agents/http/response/stream-answer.ts';

describe('a stream of events', () => {
  it('is read as the standard says', () => {
    const text = [
      '\uFEFF: a comment',
      'event: one',
      'data: {"a":',
      'data:  1}',
      'id: 7',
      '',
      'event: no data',
      '',
      'data:{"b":2}',
      'retry: 1000',
      '',
      'data',
      '',
      'data: [DONE]',
      'event:late',
    ].join('\r\n');
    expect(parseEventStream(text)).toEqual([
      { name: 'one', data: { a: 1 }, isDone: false },
      { name: '', data: { b: 2 }, isDone: false },
      { name: '', data: undefined, isDone: false },
      { name: 'late', data: undefined, isDone: true },
    ]);
    expect(parseEventStream('')).toEqual([]);
  });

  it('is taken apart where the empty lines are left out', () => {
    const text = 'event: a\ndata: {"n":\ndata: 1}\nevent: b\ndata: {"n":2}\ndata: {"n":3}\ndata: [DONE]\n';
    expect(parseEventStream(text).map(({ name, data, isDone }) => [name, data, isDone])).toEqual([
      ['a', { n: 1 }, false],
      ['b', { n: 2 }, false],
      ['', { n: 3 }, false],
      ['', undefined, true],
    ]);
  });

  it('gives back every text, whatever ends its lines and whether empty ones are left out', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        (texts, eol, isSpaced) => {
          const end = isSpaced ? eol + eol : eol;
          const stream = texts.map((text) => `data: ${JSON.stringify({ text })}${end}`).join('');
          const read = createStreamReader([{ does: 'append', path: 'text' }]).read(parseEventStream(stream));
          expect(read).toEqual({
            texts: texts.length === 0 ? null : [texts.join('')],
            error: null,
            isWhole: true,
          });
        },
      ),
      // No line end to JSON nor to the stream, though one to a regular expression.
      { examples: [[['a\u2028b\u2029'], '\n', true]] },
    );
  });

  const { read, isLast } = createStreamReader([
    { name: ['say'], where: { type: ['answer', 'note'] }, does: 'say', path: 'text' },
    { where: { type: ['delta'] }, does: 'append', path: 'text' },
    { where: { type: ['replace'] }, does: 'replace', path: 'text' },
    { name: ['error'], does: 'fail', path: 'why' },
    { name: ['end'], does: 'end' },
  ]);
  const event = (name: string, data: unknown) => ({ name, data, isDone: false });

  it('is taken apart by rules', () => {
    const events = [
      event('say', { type: 'answer', text: '1' }),
      event('say', { type: 'other', text: 'no' }),
      event('', { type: 'delta', text: 'a' }),
      event('', { type: 'delta', text: 'b' }),
      event('say', { type: 'note', text: '2' }),
      event('', undefined),
    ];
    expect(read(events)).toEqual({ texts: ['ab', '1', '2'], error: null, isWhole: false });
    expect(read([...events, event('', { type: 'replace', text: 'R' }), event('end', undefined)])).toEqual({
      texts: ['R', '1', '2'],
      error: null,
      isWhole: true,
    });
    expect(read([event('error', { why: 'broken' })])).toMatchObject({ texts: null, error: 'broken' });
    expect(read([event('error', undefined)]).error).toBe('error');
  });

  it.each([
    ['an event of its rules', 'event: end\ndata: bye\n\n'],
    ['one whose data is whole', 'event: end\ndata: {"a":[1,\ndata: 2]}'],
    ['one that is named behind its data', 'data: {}\nevent: end\n'],
    ['one that says what went wrong', 'event: error\ndata: {"why":"no"}'],
    ['[DONE]', 'data: [DONE]'],
    ['[DONE] as JSON', 'event: whatever\ndata:"[DONE]"'],
    ['[DONE] behind an event without its empty line', 'id: 7\ndata: [DONE]\n\n'],
  ])('ends with %s, wherever its bytes are parted', (_, end) => {
    const before = '\uFEFF: [DONE]\n\ndata: {"type":"delta","text":"[DONE]嗯"}\n\nevent: end\n\ndata: [\n\n';
    for (const eol of ['\n', '\r\n', '\r']) {
      const bytes = Buffer.from(`${before}${end}`.replaceAll('\n', eol));
      const byByte = createEndWatch(isLast);
      const ended = [...bytes].map((byte) => byByte(Buffer.of(byte)));
      // Of an empty line a carriage return is enough.
      expect(ended.indexOf(true)).toBeGreaterThanOrEqual(Buffer.byteLength(before.replaceAll('\n', eol)));
      expect(ended.includes(true)).toBe(true);
      expect(createEndWatch(isLast)(bytes)).toBe(true);
      expect(createEndWatch(isLast)(Buffer.concat([bytes, Buffer.from(`${eol}${eol}data: {"type`)]))).toBe(
        true,
      );
    }
  });
});
