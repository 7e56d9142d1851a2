import { expect, test } from 'vitest';
import { encodeMedia, encodeText, type UploadedMedia } from '../../../../src/ilink/message/outbound.ts';

const HEAD = {
  user: 'o9cq80zExampleUser01@im.wechat',
  clientId: 'wxagent:1',
  contextToken: 'AARzJWAFAAABAAAAAAApq1==',
  runId: '5a0d9f3e-4f8e-4f5c-9d0e-1d2f3a4b5c6d',
  version: '0.1.0',
};
const BASE_INFO = { channel_version: '0.1.0', bot_agent: 'wxagent/0.1.0' };
const KEY = 'MDAxMTIyMzM0NDU1NjY3Nzg4OTlhYWJiY2NkZGVlZmY=';

function uploaded(kind: UploadedMedia['kind']): UploadedMedia {
  const md5 = '4032af8d61035123906e58e067140cc5';
  return { kind, param: 'DLPARAM==', key: KEY, encryptedBytes: 32, plainBytes: 16, md5, name: 'notes.txt' };
}

function parse(body: Buffer) {
  return JSON.parse(body.toString('utf8')) as { msg: { item_list: unknown[] }; base_info: unknown };
}

test('a text is the body of protocol 4.5 (1)', () => {
  expect(parse(encodeText({ ...HEAD, text: '你好，我在。' }))).toEqual({
    msg: {
      from_user_id: '',
      to_user_id: HEAD.user,
      client_id: HEAD.clientId,
      message_type: 2,
      message_state: 2,
      item_list: [{ type: 1, text_item: { text: '你好，我在。' } }],
      context_token: HEAD.contextToken,
      run_id: HEAD.runId,
    },
    base_info: BASE_INFO,
  });
});

test('without token and turn the fields are absent', () => {
  const { msg } = parse(encodeText({ ...HEAD, contextToken: null, runId: null, text: 'x' }));
  expect(Object.keys(msg)).not.toEqual(expect.arrayContaining(['context_token']));
  expect(Object.keys(msg)).not.toEqual(expect.arrayContaining(['run_id']));
});

test('the same part has the same bytes', () => {
  const part = { ...HEAD, text: 'a "quoted" \u0000 line\n\ud800' };
  expect(encodeText(part).equals(encodeText({ ...part }))).toBe(true);
  expect(parse(encodeText(part)).msg.item_list).toEqual([{ type: 1, text_item: { text: part.text } }]);
});

const media = { encrypt_query_param: 'DLPARAM==', aes_key: KEY, encrypt_type: 1 };
test.each([
  ['image', { type: 2, image_item: { media, mid_size: 32 } }],
  ['video', { type: 5, video_item: { media, video_size: 32 } }],
  [
    'file',
    {
      type: 4,
      file_item: { media, file_name: 'notes.txt', md5: '4032af8d61035123906e58e067140cc5', len: '16' },
    },
  ],
] as const)('%s is the item of protocol 4.5', (kind, item) => {
  const body = parse(encodeMedia({ ...HEAD, media: uploaded(kind) }));
  expect(body.msg).toMatchObject({
    to_user_id: HEAD.user,
    message_type: 2,
    message_state: 2,
    run_id: HEAD.runId,
  });
  expect(body.msg.item_list).toEqual([item]);
  expect(body.base_info).toEqual(BASE_INFO);
});
