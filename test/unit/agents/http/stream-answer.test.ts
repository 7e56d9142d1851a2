import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEventStream } from '../../../../src/agents/http/response/event-stream.ts';
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
      { name: 'one', data: { a: 1 } },
      { name: '', data: { b: 2 } },
      { name: '', data: undefined },
      { name: 'late', data: undefined },
    ]);
    expect(parseEventStream('')).toEqual([]);
  });

  it('gives back every text, whatever ends its lines', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' })),
        fc.constantFrom('\n', '\r\n', '\r'),
        (texts, eol) => {
          const stream = texts.map((text) => `data: ${JSON.stringify({ text })}${eol}${eol}`).join('');
          const read = createStreamReader([{ does: 'append', path: 'text' }])(parseEventStream(stream));
          expect(read).toEqual({
            texts: texts.length === 0 ? null : [texts.join('')],
            error: null,
            isWhole: true,
          });
        },
      ),
      // No line end to JSON nor to the stream, though one to a regular expression.
      { examples: [[['a\u2028b\u2029'], '\n']] },
    );
  });

  const read = createStreamReader([
    { name: ['say'], where: { type: ['answer', 'note'] }, does: 'say', path: 'text' },
    { where: { type: ['delta'] }, does: 'append', path: 'text' },
    { where: { type: ['replace'] }, does: 'replace', path: 'text' },
    { name: ['error'], does: 'fail', path: 'why' },
    { name: ['end'], does: 'end' },
  ]);
  const event = (name: string, data: unknown) => ({ name, data });

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
});
