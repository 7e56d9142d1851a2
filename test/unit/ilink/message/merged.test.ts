import { describe, expect, test } from 'vitest';
import { encodeRaw, readInbound } from '../../../../src/ilink/message/inbound.ts';
import { mergeStored } from '../../../../src/ilink/message/merged.ts';
import type { MessageItem, WeixinMessage } from '../../../../src/ilink/wire/wire.ts';

const text = (value: string): MessageItem => ({ type: 1, text_item: { text: value } });
const stored = (items: MessageItem[], textFrom = 0, over: Partial<WeixinMessage> = {}) => ({
  raw: encodeRaw({
    message_id: '1',
    from_user_id: 'u',
    create_time_ms: 1_789_000_000_005,
    item_list: items,
    ...over,
  }),
  textFrom,
});

describe('several messages as one', () => {
  test('texts joined by newlines, all items in order, the rest from the first', () => {
    const joined = mergeStored([
      stored([text('one')]),
      stored([{ type: 2, image_item: { aeskey: 'k' } }], 0, {
        message_id: '2',
        create_time_ms: 1_789_000_000_009,
      }),
      stored([text('two')], 0, { message_id: '3' }),
    ]);
    expect(joined.item_list?.map((item) => item.type)).toEqual([1, 2, 1]);
    expect(readInbound(joined)).toMatchObject({
      id: '1',
      createdAtMs: 1_789_000_000_005,
      kind: 'mixed',
      text: 'one\ntwo',
      media: [{ kind: 'image' }],
    });
  });

  test('of one message nothing is changed', () => {
    const one = { unknown_field: 1, item_list: [text('x')] } as WeixinMessage;
    expect(mergeStored([{ raw: encodeRaw(one), textFrom: 0 }])).toEqual(one);
  });

  test('a message without items, or with nonsense for them, adds nothing', () => {
    const nonsense = [null, 'x'] as unknown as MessageItem[];
    const joined = mergeStored([
      stored([text('a')]),
      stored(nonsense, 1),
      { raw: Buffer.from('{}'), textFrom: 3 },
    ]);
    expect(readInbound(joined).text).toBe('a');
  });
});

describe('a text without its beginning', () => {
  test.each([
    [['//x'], 1, '/x'],
    [['/new hello'], 5, 'hello'],
    [['/new', 'hello'], 5, 'hello'],
    [['/new', 'hello', 'you'], 7, 'llo\nyou'],
    [['abc'], 0, 'abc'],
  ])('%j from %i on is %j', (texts, from, expected) => {
    expect(readInbound(mergeStored([stored(texts.map(text), from)])).text).toBe(expected);
  });

  test('each message has its own beginning', () => {
    const joined = mergeStored([stored([text('//a')], 1), stored([text('//b')])]);
    expect(readInbound(joined).text).toBe('/a\n//b');
  });

  test('a transcript is not touched', () => {
    const said: MessageItem = { type: 3, voice_item: { text: '//x' } };
    expect(readInbound(mergeStored([stored([said], 1)])).text).toBe('//x');
  });
});
