import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createIlinkClient, type IlinkClient } from '../../../src/ilink/client.ts';
import { createTransport, type Transport } from '../../../src/ilink/http/transport.ts';
import { encodeText } from '../../../src/ilink/message/outbound.ts';
import { TYPING_STATUS } from '../../../src/ilink/wire/wire.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import {
  type Answer,
  hang,
  type ScriptedServer,
  startScriptedServer,
} from '../../helpers/scripted-server.ts';

/** Answers with a status and a body. */
function withStatus(status: number, body: unknown): Answer {
  return (response) => response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** Answers with a body in an encoding that it names, or does not. */
function encodedAs(name: string | null, body: Buffer): Answer {
  return (response) => response.writeHead(200, name === null ? {} : { 'content-encoding': name }).end(body);
}

const TOKEN = 'c41f09aa77be@im.bot:0600aa11bb22cc33';
const USER = 'o9cq80zExampleUser01@im.wechat';
const BASE_INFO = { channel_version: '0.1.0', bot_agent: 'wxagent/0.1.0' };

let answer: Answer;
let server: ScriptedServer;
let transport: Transport;
let client: IlinkClient;

beforeEach(async () => {
  answer = {};
  server = await startScriptedServer(() => answer);
  transport = createTransport();
  client = createIlinkClient({ transport, baseUrl: `${server.url}/prefix`, token: TOKEN, version: '0.1.0' });
});
afterEach(async () => {
  await transport.close();
  await server.close();
});

function lastRequest() {
  const request = server.requests.at(-1);
  if (!request) throw new Error('nothing was asked');
  return request;
}

describe('requests', () => {
  const upload = {
    filekey: '0f1e2d3c4b5a69788796a5b4c3d2e1f0',
    media_type: 3,
    to_user_id: USER,
    rawsize: 16,
    rawfilemd5: '4032af8d61035123906e58e067140cc5',
    filesize: 32,
    no_need_thumb: true,
    aeskey: '00112233445566778899aabbccddeeff',
  };
  test.each<[string, (client: IlinkClient) => Promise<unknown>, object]>([
    ['getupdates', (c) => c.getUpdates({ cursor: 'Cg==', timeoutMs: 1000 }), { get_updates_buf: 'Cg==' }],
    ['getuploadurl', (c) => c.getUploadUrl(upload), upload],
    [
      'getconfig',
      (c) => c.getConfig({ user: USER, contextToken: 'AARz==' }),
      { ilink_user_id: USER, context_token: 'AARz==' },
    ],
    ['getconfig', (c) => c.getConfig({ user: USER, contextToken: null }), { ilink_user_id: USER }],
    [
      'sendtyping',
      (c) => c.sendTyping({ user: USER, ticket: 'AART', status: TYPING_STATUS.cancel }),
      { ilink_user_id: USER, typing_ticket: 'AART', status: 2 },
    ],
    ['msg/notifystart', (c) => c.notifyStart(), {}],
    ['msg/notifystop', (c) => c.notifyStop(), {}],
  ])('%s is a POST with token and base_info', async (path, call, body) => {
    expect(await call(client)).toEqual({ kind: 'ok', body: {} });
    const request = lastRequest();
    expect(request).toMatchObject({ method: 'POST', path: `/prefix/ilink/bot/${path}` });
    expect(request.json).toEqual({ ...body, base_info: BASE_INFO });
    expect(request.headers).toMatchObject({
      authorization: `Bearer ${TOKEN}`,
      authorizationtype: 'ilink_bot_token',
      'content-type': 'application/json',
      'ilink-app-id': 'bot',
      'ilink-app-clientversion': '256',
    });
    expect(request.headers['x-wechat-uin']).toMatch(/^[A-Za-z0-9+/]+=*$/);
  });

  test('sendmessage sends the stored body byte for byte', async () => {
    const body = encodeText({
      user: USER,
      clientId: 'c-1',
      contextToken: 'AARz==',
      runId: null,
      text: '你好',
      version: '0.1.0',
    });
    await client.sendMessage(body);
    expect(lastRequest()).toMatchObject({
      path: '/prefix/ilink/bot/sendmessage',
      body: body.toString('utf8'),
    });
    expect(lastRequest().headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  test('the QR code is asked for without token and base_info, with at most ten local tokens', async () => {
    const tokens = Array.from({ length: 12 }, (_, n) => `t${n}`);
    await client.getQrCode(tokens);
    expect(lastRequest()).toMatchObject({ method: 'POST', path: '/prefix/ilink/bot/get_bot_qrcode' });
    expect(lastRequest().query.get('bot_type')).toBe('3');
    expect(lastRequest().json).toEqual({ local_token_list: tokens.slice(0, 10) });
    expect(lastRequest().headers).not.toHaveProperty('authorization');
    expect(lastRequest().headers.authorizationtype).toBe('ilink_bot_token');
  });

  test('the status of a QR code is a GET without content', async () => {
    await client.getQrStatus('q/5+f 1', { verifyCode: '48 20' });
    expect(lastRequest()).toMatchObject({
      method: 'GET',
      path: '/prefix/ilink/bot/get_qrcode_status',
      body: '',
    });
    expect(Object.fromEntries(lastRequest().query)).toEqual({ qrcode: 'q/5+f 1', verify_code: '48 20' });
    expect(lastRequest().headers).toMatchObject({ 'ilink-app-id': 'bot', 'ilink-app-clientversion': '256' });
    for (const name of ['authorization', 'authorizationtype', 'content-type', 'x-wechat-uin']) {
      expect(lastRequest().headers).not.toHaveProperty(name);
    }
    await client.getQrStatus('q');
    expect(lastRequest().query.has('verify_code')).toBe(false);
  });

  test("the guide's shape puts everything into the body", async () => {
    await client.getGuideQrCode();
    expect(lastRequest()).toMatchObject({ method: 'POST', path: '/prefix/ilink/bot/get_bot_qrcode' });
    expect(lastRequest().query.has('bot_type')).toBe(false);
    expect(lastRequest().json).toEqual({ bot_type: 3 });
    await client.getGuideQrStatus('bot-1');
    expect(lastRequest()).toMatchObject({ method: 'POST', path: '/prefix/ilink/bot/get_qrcode_status' });
    expect(lastRequest().json).toEqual({ bot_id: 'bot-1' });
  });
});

describe('answers', () => {
  const ok = (body: object) => ({ kind: 'ok', body });
  const refused = (code: number, errmsg = '') => ({ kind: 'refused', code, errmsg });
  test.each<[string, Answer, object]>([
    ['empty', '', ok({})],
    ['white space', ' \r\n', ok({})],
    ['{}', {}, ok({})],
    ['ret 0', { ret: 0 }, ok({ ret: 0 })],
    ['both 0', { ret: 0, errcode: 0 }, ok({ ret: 0, errcode: 0 })],
    ['ret null', { ret: null }, ok({ ret: null })],
    ['a byte order mark', '\ufeff{"ret":0}', ok({ ret: 0 })],
    ['a uint64 id', '{"message_id":18446744073709551615}', ok({ message_id: '18446744073709551615' })],
    ['unknown fields', { sync_buf: 'x', new: [1] }, ok({ sync_buf: 'x', new: [1] })],
    ['ret -2', { ret: -2, errmsg: 'prepare failed' }, refused(-2, 'prepare failed')],
    ['only errcode', { errcode: -14, errmsg: 'session timeout' }, refused(-14, 'session timeout')],
    ['errcode beside ret 0', { ret: 0, errcode: -6 }, refused(-6)],
    ['-14 in errcode beside another ret', { ret: -2, errcode: -14 }, refused(-14)],
    ['-14 in ret beside another errcode', { ret: -14, errcode: -2 }, refused(-14)],
    ['ret beside errcode', { ret: -2, errcode: -6 }, refused(-2)],
    ['a code as text', { ret: '-2' }, refused(-2)],
    ['errmsg of a wrong type', { ret: 1, errmsg: { a: 1 } }, refused(1)],
    ['-14 with 401', withStatus(401, { errcode: -14 }), refused(-14)],
    ['-14 with 403', withStatus(403, { errcode: -14, errmsg: 'gone' }), refused(-14, 'gone')],
    ['-14 as text with 500', withStatus(500, '\ufeff{"ret":"-14"}'), refused(-14)],
    [
      'ret -2 with 400',
      withStatus(400, { ret: -2, errmsg: 'prepare failed' }),
      refused(-2, 'prepare failed'),
    ],
    ['-14 with 429', withStatus(429, { ret: -14 }), refused(-14)],
    ['401 alone is about the token', 401, refused(-14)],
    ['401 with a page', withStatus(401, '<html>'), refused(-14)],
    ['401 as its own code', withStatus(401, { ret: 401, errmsg: 'no' }), refused(-14, 'no')],
    ['403 alone', 403, { kind: 'http', status: 403 }],
    ['400 with ret 0', withStatus(400, { ret: 0 }), { kind: 'http', status: 400 }],
    ['400 with a list', withStatus(400, [-14]), { kind: 'http', status: 400 }],
    ['503 as its own code', withStatus(503, { ret: 503 }), { kind: 'http', status: 503 }],
    ['502 with a code that is none', withStatus(502, { ret: 'bad' }), { kind: 'http', status: 502 }],
    ['gzip that nobody asked for', encodedAs('gzip', gzipSync('{"ret":0}')), ok({ ret: 0 })],
    ['gzip that says nothing', encodedAs(null, gzipSync('{"ret":0}')), ok({ ret: 0 })],
    ['deflate', encodedAs('deflate', deflateSync('{"ret":0}')), ok({ ret: 0 })],
    ['deflate without its frame', encodedAs('deflate', deflateRawSync('{"ret":0}')), ok({ ret: 0 })],
    ['brotli', encodedAs('br', brotliCompressSync('{"ret":0}')), ok({ ret: 0 })],
    ['an empty body called gzip', encodedAs('gzip', Buffer.alloc(0)), ok({})],
    ['an encoding nobody knows', encodedAs('snappy', Buffer.from('abc')), { kind: 'unreadable' }],
    ['half a gzip', encodedAs('gzip', gzipSync('{"ret":0}').subarray(0, 20)), { kind: 'unreadable' }],
    ['a status', 502, { kind: 'http', status: 502 }],
    ['524 of a gateway', 524, { kind: 'http', status: 524 }],
    ['HTML with 200', '<html>hello</html>', { kind: 'unreadable' }],
    ['half a JSON', '{"msgs":[{"message_id":73', { kind: 'unreadable' }],
    ['a list', [], { kind: 'unreadable' }],
    ['null', 'null', { kind: 'unreadable' }],
    ['a number', '17', { kind: 'unreadable' }],
    ['a code that is none', { ret: 'no' }, { kind: 'unreadable' }],
  ])('%s', async (_, given, expected) => {
    answer = given;
    const result = await client.sendMessage(Buffer.from('{}'));
    if ('body' in expected || 'code' in expected) expect(result).toEqual(expected);
    else expect(result).toMatchObject(expected);
  });

  test('what cannot be read is handed on as it came', async () => {
    const half = gzipSync('{"msgs":[]}').subarray(0, 20);
    for (const bytes of [Buffer.from('{"msgs":[{"me'), half, Buffer.from([0xff, 0xfe, 0x00])]) {
      answer = (response) => response.writeHead(200).end(bytes);
      const result = await client.getUpdates({ cursor: '', timeoutMs: 5_000 });
      expect(result).toMatchObject({ kind: 'unreadable', bytes });
    }
  });

  test('no detail of a garbled answer repeats what the server said', async () => {
    answer = '{"bot_token":"very-secret"';
    expect(JSON.stringify(await client.getQrCode([]))).not.toContain('very-secret');
  });

  test('an answer over 16 MiB is garbled; of a poll it is kept, up to 64 MiB', async () => {
    const mebibyte = 1024 * 1024;
    answer = (response) => {
      response.writeHead(200, { 'content-length': String(16 * mebibyte + 1) }).write('{');
    };
    expect(await client.notifyStart()).toMatchObject({ kind: 'unreadable' });
    for (const [sentMiB, keptMiB] of [
      [17, 17],
      [66, 64],
    ] as const) {
      answer = (response) => response.writeHead(200).end(Buffer.alloc(sentMiB * mebibyte, '['));
      const result = await client.getUpdates({ cursor: '', timeoutMs: 60_000 });
      if (result.kind !== 'unreadable') throw new Error(result.kind);
      expect(result.detail).toBe('the answer is longer than 16 MiB');
      // What came last may have been cut at any byte.
      expect(Math.round((result.bytes?.length ?? 0) / mebibyte)).toBe(keptMiB);
    }
  });

  test('a server that hangs: unreachable, timed out', async () => {
    answer = hang;
    // Long enough for the connection, on any machine.
    expect(await client.notifyStart({ timeoutMs: 1_000 })).toMatchObject({
      kind: 'unreachable',
      timedOut: true,
    });
  });

  test('a server that is gone: unreachable, not timed out', async () => {
    await server.close();
    expect(await client.notifyStart()).toMatchObject({ kind: 'unreachable', timedOut: false });
  });

  test('a stop: aborted', async () => {
    answer = hang;
    const stop = new AbortController();
    const polling = client.getUpdates({ cursor: '', timeoutMs: 5_000, signal: stop.signal });
    await pollUntil('the poll arrives', () => server.requests.length === 1);
    stop.abort();
    expect(await polling).toEqual({ kind: 'aborted' });
  });
});
