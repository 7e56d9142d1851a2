import { expect, test } from 'vitest';
import { encodeMediaKey } from '../../../../src/core/message/media-key.ts';
import { readInbound } from '../../../../src/ilink/message/inbound.ts';
import { mediaOf } from '../../../../src/ilink/message/media.ts';
import type { MessageItem } from '../../../../src/ilink/wire/wire.ts';

const KEY = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
const OTHER = Buffer.alloc(16, 7);
const NOTHING = {
  fullUrl: null,
  param: null,
  keys: [],
  isPlain: false,
  name: null,
  sizeBytes: null,
  md5: null,
  durationMs: null,
  transcript: null,
};
const of = (item: unknown) => mediaOf(item as MessageItem);

test('a file tells its name, plain size and md5', () => {
  const media = { encrypt_query_param: 'P==', full_url: 'https://cdn/x', aes_key: encodeMediaKey(KEY) };
  const md5 = '4032AF8D61035123906E58E067140CC5';
  expect(of({ type: 4, file_item: { media, file_name: 'report.pdf', md5, len: '16' } })).toEqual({
    ...NOTHING,
    kind: 'file',
    fullUrl: 'https://cdn/x',
    param: 'P==',
    keys: [KEY],
    name: 'report.pdf',
    sizeBytes: 16,
    md5: md5.toLowerCase(),
  });
});

test('a voice tells its length and what WeChat heard', () => {
  const voice_item = { media: { aes_key: KEY.toString('base64') }, playtime: 2380, text: '你好' };
  const expected = { ...NOTHING, kind: 'voice', keys: [KEY], durationMs: 2380, transcript: '你好' };
  expect(of({ type: 3, voice_item })).toEqual(expected);
});

test('a video tells its md5, but neither size nor length: one is of the ciphertext, the other of unknown unit', () => {
  const video_item = { media: {}, video_md5: 'a'.repeat(32), video_size: 48, play_length: 3 };
  expect(of({ type: 5, video_item })).toEqual({ ...NOTHING, kind: 'video', md5: 'a'.repeat(32) });
});

test.each([
  ['its own field first', KEY.toString('hex'), encodeMediaKey(OTHER), [KEY, OTHER], false],
  ['the same key twice', KEY.toString('hex'), KEY.toString('base64'), [KEY], false],
  ['only the key of the blob', undefined, OTHER.toString('base64'), [OTHER], false],
  ['its own field unusable', 'zz', encodeMediaKey(OTHER), [OTHER], false],
  ['a key of the wrong length', undefined, Buffer.alloc(15).toString('base64'), [], false],
  ['no key at all: plain', undefined, undefined, [], true],
  ['empty keys: plain', '', '', [], true],
])('keys of a picture: %s', (_, aeskey, aes_key, keys, isPlain) => {
  expect(of({ type: 2, image_item: { aeskey, media: { aes_key } } })).toMatchObject({ keys, isPlain });
});

test.each([
  [3, 'voice_item'],
  [4, 'file_item'],
  [5, 'video_item'],
])('type %i without a key is not plain, whatever aeskey says', (type, body) => {
  const item = { type, [body]: { aeskey: KEY.toString('hex'), media: { encrypt_query_param: 'p' } } };
  expect(of(item)).toMatchObject({ keys: [], isPlain: false, param: 'p' });
});

test.each([
  ['no body', { type: 4 }],
  ['wrong types', { type: 4, file_item: { media: [], file_name: [5], md5: 'short', len: {} } }],
  ['empty texts', { type: 4, file_item: { media: { full_url: '' }, file_name: '', len: '0', md5: '' } }],
])('a file with %s', (_, item) => {
  expect(of(item)).toEqual({ ...NOTHING, kind: 'file' });
});

test.each([[{ type: 1, text_item: { text: 'a' } }], [{ type: 99 }], [{}]])('%j has none', (item) => {
  expect(of(item)).toBeNull();
});

test('media are in the order of the items, and those of the quote apart', () => {
  const quoted = { type: 5, video_item: {} };
  const inbound = readInbound({
    item_list: [
      { type: 4, file_item: { file_name: 'a' }, ref_msg: { message_item: quoted } },
      { type: 1, text_item: { text: 'look' } },
      { type: 2 },
    ],
  });
  expect(inbound.media.map(({ kind, name }) => [kind, name])).toEqual([
    ['file', 'a'],
    ['image', null],
  ]);
  expect(inbound.quoteMedia.map(({ kind }) => kind)).toEqual(['video']);
});

test('items of no known kind are counted by type', () => {
  const items = [{ type: 42 }, { type: 1 }, { type: '8' }, {}, { type: { toString: 5 } }] as MessageItem[];
  expect(readInbound({ item_list: items })).toMatchObject({
    unknownItems: ['42', '8', 'none', 'none'],
    media: [],
  });
});
