import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeRaw,
  encodeRaw,
  excessOf,
  fingerprintOf,
  readInbound,
  writtenAtMs,
} from '../../../../src/ilink/message/inbound.ts';
import { parseLossless } from '../../../../src/ilink/wire/json.ts';
import type { MessageItem, WeixinMessage } from '../../../../src/ilink/wire/wire.ts';

const USER = 'o9cq80zExampleUser01@im.wechat';

function message(items: unknown[], rest: object = {}): WeixinMessage {
  return {
    message_id: '7312345678901234567',
    from_user_id: USER,
    create_time_ms: 1789000000123,
    message_type: 1,
    message_state: 2,
    context_token: 'AARz==',
    item_list: items as MessageItem[],
    ...rest,
  };
}
const text = (content: string, rest: object = {}) => ({ type: 1, text_item: { text: content }, ...rest });
const image = {
  type: 2,
  image_item: { aeskey: '00112233445566778899aabbccddeeff', media: { full_url: 'u' } },
};
const voice = { type: 3, voice_item: { playtime: 2380, text: '明天提醒我开会' } };
const file = {
  type: 4,
  file_item: { file_name: 'report.pdf', md5: '4032', len: '16', media: { aes_key: 'k1' } },
};
const video = { type: 5, video_item: { video_md5: 'v', media: { aes_key: 'k2' } } };

test('a text message (protocol 3.4 (2))', () => {
  expect(readInbound(message([text('你好')]))).toMatchObject({
    id: '7312345678901234567',
    user: USER,
    createdAtMs: 1789000000123,
    contextToken: 'AARz==',
    kind: 'text',
    text: '你好',
    quoteText: null,
    quoteTitle: null,
    quoteAtMs: null,
    quoteId: null,
    quotePartial: null,
    skip: null,
    media: [],
    quoteMedia: [],
    unknownItems: [],
  });
});

test.each([
  ['a picture', [image], { kind: 'image', text: '' }],
  ['a voice with its transcript', [voice], { kind: 'voice', text: '明天提醒我开会' }],
  ['a voice without', [{ type: 3 }], { kind: 'voice', text: '' }],
  ['a file', [file], { kind: 'file', text: '' }],
  ['a video', [video], { kind: 'video', text: '' }],
  ['text and picture', [text('look'), image], { kind: 'mixed', text: 'look' }],
  ['two texts', [text('a'), text('b')], { kind: 'text', text: 'a\nb' }],
  ['text and something new', [{ type: 99 }, text('a')], { kind: 'text', text: 'a' }],
  ['something new', [{ type: 99, new_item: {} }], { kind: 'unknown', text: '' }],
  ['no items', [], { kind: 'unknown', text: '' }],
])('%s', (_, items, expected) => {
  expect(readInbound(message(items))).toMatchObject({ ...expected, skip: null });
});

test.each([
  ['of a bot', { message_type: 2 }, 'own'],
  ['of a bot, as text', { message_type: '2' }, 'own'],
  ['from nobody', { from_user_id: '' }, 'no-sender'],
  ['from null', { from_user_id: null }, 'no-sender'],
  ['from an object', { from_user_id: { id: 1 } }, 'no-sender'],
  ['from 0', { from_user_id: 0 }, 'no-sender'],
  ['from an id with NUL', { from_user_id: 'a\0b@im.wechat' }, 'no-sender'],
  ['from half a character', { from_user_id: '\ud800@im.wechat' }, 'no-sender'],
  ['from an id without end', { from_user_id: 'u'.repeat(513) }, 'no-sender'],
  ['from an id of 512 characters', { from_user_id: 'u'.repeat(512) }, null],
  ['from a number that JSON has rounded', { from_user_id: 1e300 }, 'no-sender'],
  ['from a number', { from_user_id: 12345 }, null],
  ['from the bot itself', { from_user_id: 'b', to_user_id: 'b' }, 'bot'],
  ['from any bot', { from_user_id: 'c41f09aa77be@im.bot' }, 'bot'],
  ['of an unknown type', { message_type: 7 }, 'type:7'],
  ['of an unknown type, as text', { message_type: 'poke' }, 'type:poke'],
  ['of a type that is none', { message_type: {} }, 'type:none'],
  ['of type 1 as text', { message_type: '1' }, null],
  ['without a type, as null', { message_type: null }, null],
  ['to a group', { group_id: 'g1' }, 'group'],
  ['to a group with a number', { group_id: 5 }, 'group'],
  ['to a group that is an object', { group_id: { id: 'g' } }, 'group'],
  ['to group 0', { group_id: 0 }, null],
  ['to group "0"', { group_id: '0' }, null],
  ['to group null', { group_id: null }, null],
  ['to a blank group', { group_id: ' ' }, null],
  ['still being written, as text', { message_state: '1' }, 'unfinished'],
  ['from a chat room', { from_user_id: '123@chatroom' }, 'group'],
  ['still being written', { message_state: 1 }, 'unfinished'],
  ['without a type', { message_type: undefined }, null],
  ['of type 0', { message_type: 0 }, null],
  ['with an empty group', { group_id: '' }, null],
  ['of state 0', { message_state: 0 }, null],
  ['without a state', { message_state: undefined }, null],
])('%s', (_, rest, skip) => {
  expect(readInbound(message([text('x')], rest)).skip).toBe(skip);
});

test.each([
  [' as text', ' ', ''],
  ['a transcript of blanks', ' \n\t', ''],
])('%s is nothing that was heard', (_, heard, said) => {
  const inbound = readInbound(message([{ type: '3', voice_item: { text: heard } }]));
  expect(inbound).toMatchObject({ kind: 'voice', text: said, media: [{ transcript: null }] });
});

test.each([
  ['missing', undefined, null],
  ['blank', ' ', null],
  ['Infinity', Number.POSITIVE_INFINITY, null],
  ['a fraction', 1.5, null],
  ['too long', '9'.repeat(600), null],
  ['with NUL in it', '1\0', null],
  ['false', false, null],
  ['zero', 0, null],
  ['zero as text', '0', null],
  ['empty', '', null],
  ['a small number', 12, '12'],
])('an id that is %s', (_, id, expected) => {
  expect(readInbound(message([], { message_id: id })).id).toBe(expected);
});

test.each([
  [1789000000123, 1789000000123],
  ['1789000000123', 1789000000123],
  [1_789_000_000, null],
  [1_789_000_000_123_456_000, null],
  [Number.POSITIVE_INFINITY, null],
  [0, null],
  [-5, null],
  ['soon', null],
  [null, null],
])('create_time_ms %j', (time, expected) => {
  expect(readInbound(message([], { create_time_ms: time })).createdAtMs).toBe(expected);
});

test('a time more than a year ahead, or in microseconds, is none', () => {
  const NOW = 1_789_000_000_000;
  const DAY_MS = 86_400_000;
  const writtenAt = (time: unknown) =>
    writtenAtMs(readInbound(message([], { create_time_ms: time as number })), NOW);
  const times = [NOW, NOW + 2 * DAY_MS, NOW + 400 * DAY_MS, NOW * 1_000, NOW - 400 * DAY_MS];
  expect(times.map(writtenAt)).toEqual([NOW, NOW + 2 * DAY_MS, null, null, NOW - 400 * DAY_MS]);
});

test.each([null, 5, 'x', [], true])('%j is no message, and does not throw', (given) => {
  const odd = given as unknown as WeixinMessage;
  expect(readInbound(odd)).toMatchObject({ skip: 'no-sender', kind: 'unknown', user: '' });
  expect(decodeRaw(encodeRaw(odd))).toEqual({});
  expect(excessOf(odd, encodeRaw(odd))).toBeNull();
});

test.each<[unknown, string]>([
  [5, '5'],
  [0, '0'],
  [-1.5, '-1.5'],
  [['a', 'b'], ''],
  [{ content: 'a' }, ''],
  [true, ''],
  [null, ''],
  [undefined, ''],
])('a text of %j is read as %j; of none the agent is not asked', (given, read) => {
  const inbound = readInbound(message([{ type: 1, text_item: { text: given } }]));
  expect([inbound.text, inbound.skip]).toEqual([read, read === '' ? 'no-text' : null]);
});

test.each([
  ['no text_item', [{ type: 1 }], 'no-text'],
  ['a text_item that is a text', [{ type: 1, text_item: 'hello' }], 'no-text'],
  ['empty texts', [text(''), text('')], 'no-text'],
  ['blanks', [text(' ')], null],
  ['empty text and a quote', [text('', { ref_msg: { svr_id: '1' } })], null],
  ['an unknown item beside it', [{ type: 1 }, { type: 99 }], 'no-text'],
  ['a quote of nothing', [{ type: 1, ref_msg: { title: [], message_item: 'x' } }], 'no-text'],
  ['a quote', [{ type: 1, ref_msg: { svr_id: '1' } }], null],
  ['a picture', [{ type: 1 }, image], null],
  ['another text', [{ type: 1 }, text('a')], null],
])('a text item without words: %s, skipped as %s', (_, items, skip) => {
  expect(readInbound(message(items)).skip).toBe(skip);
});

test('numbers where words belong are read as their digits', () => {
  const ref = {
    title: 7,
    message_item: { type: 1, text_item: { text: 2026 } },
    partial_text: { start: 2, end: 0, startindex: '0', endindex: '0' },
  };
  const items = [
    { type: 3, voice_item: { text: 42 }, ref_msg: ref },
    { type: 4, file_item: { file_name: 2026 } },
  ];
  expect(readInbound(message(items))).toMatchObject({
    text: '42',
    quoteTitle: '7',
    quoteText: '20',
    media: [{ transcript: '42' }, { name: '2026' }],
  });
});

describe('limits', () => {
  const nested = (levels: number) => {
    let value: unknown = 1;
    for (let n = 0; n < levels; n++) value = n % 2 === 0 ? [value] : { a: value };
    return value;
  };
  test.each([
    ['1,000 items', message(Array.from({ length: 1_000 }, () => text('a'))), null],
    ['1,001 items', message(Array.from({ length: 1_001 }, () => text('a'))), 'oversized'],
    ['11,000 items', message(Array.from({ length: 11_000 }, () => text('a'))), 'oversized'],
    ['200,000 unknown items', message(Array.from({ length: 200_000 }, () => ({ type: 'x' }))), 'oversized'],
    ['all but 1 KiB of 4 MiB', message([text('a'.repeat(4 * 1024 * 1024 - 1024))]), null],
    ['4 MiB of text', message([text('a'.repeat(4 * 1024 * 1024))]), 'oversized'],
    // The message itself is one of them.
    ['1,000 levels', message([], { extra: nested(999) }), null],
    ['1,001 levels', message([], { extra: nested(1_000) }), 'too-deep'],
    ['6,000 levels', message([], { extra: nested(6_000) }), 'too-deep'],
    ['100,000 levels', message([], { extra: nested(100_000) }), 'too-deep'],
    ['an item of 100,000 levels', message([nested(100_000)]), 'too-deep'],
  ])('%s', (_, given, excess) => {
    const raw = encodeRaw(given);
    expect(excessOf(given, raw)).toBe(excess);
    expect(fingerprintOf(given)).toMatch(/^[0-9a-f]{64}$/);
    expect(readInbound(decodeRaw(raw)).user).toBe(USER);
  });

  test('what is nested too deep for the stack is written whole all the same', () => {
    const deep = `${'{"a":['.repeat(20_000)}1${']}'.repeat(20_000)}`;
    const given = { b: [1, 'x', null, { '\u0000': true }], ['__proto__']: {}, c: JSON.parse(deep) };
    const written = encodeRaw(given as WeixinMessage).toString('utf8');
    expect(written).toBe(`{"b":[1,"x",null,{"\\u0000":true}],"__proto__":{},"c":${deep}}`);
  });
});

describe('quotes', () => {
  const FULL = '明天上午十点开会，下午三点开会，请准时。';
  const partial = { start: '下午', end: '开会', startindex: 0, endindex: 1 };
  test.each([
    ['an id alone', { svr_id: '7312345678901234999' }, null, '7312345678901234999'],
    ['the whole item', { message_item: text('hello', { msg_id: '5' }) }, 'hello', '5'],
    ['svr_id before msg_id', { svr_id: '6', message_item: text('hello', { msg_id: '5' }) }, 'hello', '6'],
    ['a voice', { message_item: voice }, '明天提醒我开会', null],
    ['a summary', { title: '[图片]', message_item: image }, null, null],
    ['content withheld', { message_item: { type: 0, msg_id: '0' } }, null, null],
    ['a selection', { message_item: text(FULL), partial_text: partial }, '下午三点开会', null],
    ['a selection not found', { message_item: text('短'), partial_text: partial }, '短', null],
    ['garbage', { message_item: 'x', svr_id: {}, title: 5, partial_text: [] }, null, null],
  ])('%s', (_, ref, quoteText, quoteId) => {
    expect(readInbound(message([text('几点？', { ref_msg: ref })]))).toMatchObject({ quoteText, quoteId });
  });

  test('of several items that quote, the first counts', () => {
    const quoting = (words: string, id: string) => text(words, { ref_msg: { svr_id: id } });
    const inbound = readInbound(message([text('a'), quoting('b', '1'), quoting('c', '2')]));
    expect(inbound).toMatchObject({ text: 'a\nb\nc', quoteId: '1' });
  });

  test('the summary and the time are told apart from the text', () => {
    const ref = { title: '[图片]', message_item: { type: 0, create_time_ms: 1_789_000_000_000 } };
    const inbound = readInbound(message([text('x', { ref_msg: ref })]));
    expect(inbound).toMatchObject({ quoteText: null, quoteTitle: '[图片]', quoteAtMs: 1_789_000_000_000 });
  });

  test('a selection of an id-only quote is kept for later', () => {
    const inbound = readInbound(message([text('x', { ref_msg: { svr_id: '1', partial_text: partial } })]));
    expect(inbound).toMatchObject({ quoteText: null, quoteId: '1', quotePartial: partial });
  });

  test('a voice can quote', () => {
    const item = { ...voice, ref_msg: { svr_id: '1' } };
    expect(readInbound(message([item])).quoteId).toBe('1');
  });
});

describe('fingerprint', () => {
  const of = (items: unknown[], rest: object = {}) => fingerprintOf(message(items, rest));

  test('a second delivery has the same', () => {
    const again = { message_id: '9', create_time_ms: 5, context_token: 'other', seq: 4, client_id: 'c' };
    const moved = { ...image, msg_id: '8', create_time_ms: 7, image_item: { ...image.image_item, url: 'v' } };
    moved.image_item.media = { full_url: 'w' };
    expect(of([text('a', { msg_id: '1' }), moved], again)).toBe(of([text('a', { msg_id: '2' }), image]));
    const ref_msg = { svr_id: '1', message_item: { ...image, create_time_ms: 7 } };
    expect(of([text('a', { ref_msg })])).toBe(
      of([text('a', { ref_msg: { ...ref_msg, message_item: moved } })]),
    );
  });

  test('different content has another', () => {
    const contents = [
      [],
      [text('a')],
      [text('b')],
      [text('a'), text('a')],
      [text('ab')],
      [text('a'), text('b')],
      [{ type: 2 }],
      [image],
      [voice],
      [{ type: 3, voice_item: { text: 'a' } }],
      [file],
      [{ ...file, file_item: { ...file.file_item, file_name: 'other.pdf' } }],
      [{ ...file, file_item: { ...file.file_item, md5: 'x' } }],
      [{ ...file, file_item: { ...file.file_item, len: '17' } }],
      [{ ...file, file_item: { ...file.file_item, media: { aes_key: 'k9' } } }],
      [video],
      [text('a', { ref_msg: { svr_id: '1' } })],
      [text('a', { ref_msg: { svr_id: '2' } })],
      [text('a', { ref_msg: { message_item: text('b') } })],
      [text('a', { ref_msg: { message_item: { ...text('b'), create_time_ms: 7 } } })],
      [text('a', { ref_msg: { message_item: text('b'), partial_text: { start: 'b', end: 'b' } } })],
      [text('a', { ref_msg: { message_item: null, partial_text: null } })],
    ];
    expect(new Set(contents.map((items) => of(items))).size).toBe(contents.length);
  });
});

describe('raw messages', () => {
  test('keep unknown fields, and ids as strings', () => {
    const parsed = parseLossless(
      '{"message_id":18446744073709551615,"future":{"a":[1]},"item_list":[{"type":1,"button_item_list":[]}]}',
    ) as WeixinMessage;
    expect(decodeRaw(encodeRaw(parsed))).toEqual({
      message_id: '18446744073709551615',
      future: { a: [1] },
      item_list: [{ type: 1, button_item_list: [] }],
    });
  });

  test('survive NUL, lone surrogates and everything JSON can hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.jsonValue(), (content, extra) => {
        const given = message([text(`${content}\u0000\ud800`)], { extra });
        expect(decodeRaw(encodeRaw(given))).toEqual(JSON.parse(JSON.stringify(given)));
      }),
    );
  });
});

test('garbage in any field never throws', () => {
  const value = fc.jsonValue({ maxDepth: 3 });
  const shaped = fc.record(
    {
      message_id: value,
      from_user_id: value,
      create_time_ms: value,
      group_id: value,
      message_type: value,
      message_state: value,
      context_token: value,
      item_list: fc.oneof(
        value,
        fc.array(
          fc.oneof(
            value,
            fc.record(
              {
                type: fc.oneof(fc.integer({ min: 0, max: 12 }), value),
                text_item: value,
                image_item: fc.oneof(value, fc.record({ media: value, aeskey: value })),
                voice_item: fc.oneof(value, fc.record({ media: value, text: value })),
                file_item: value,
                video_item: value,
                ref_msg: fc.oneof(
                  value,
                  fc.record({ message_item: value, svr_id: value, partial_text: value }),
                ),
              },
              { requiredKeys: [] },
            ),
          ),
        ),
      ),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(shaped, (given) => {
      const inbound = readInbound(given as unknown as WeixinMessage);
      expect(typeof inbound.text).toBe('string');
      expect(typeof inbound.user).toBe('string');
      expect(fingerprintOf(given as unknown as WeixinMessage)).toMatch(/^[0-9a-f]{64}$/);
      expect(inbound.id === null || typeof inbound.id === 'string').toBe(true);
    }),
    { numRuns: 500 },
  );
});
