import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { runHere } from '../../helpers/in-this-process.ts';
import { simulate } from '../../helpers/simulated.ts';
import { startWeb } from '../../helpers/web.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

const JSON_TYPE = 'application/json';
const json = (text: string): string => JSON.stringify({ text });

test('a push that comes compressed is read as it is; what is none is refused with the reason', async () => {
  const [simulator, home] = [await simulate(), makeFolder()];
  const wx = (...args: string[]) => runHere(args, { home });
  await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
  const web = await startWeb({ home });
  const { token } = jsonLines((await wx('source', 'add', 'tool', '--json')).stdout)[0] as { token: string };
  const push = async (encoding: string, body: Buffer, type = JSON_TYPE, path = '') => {
    const headers = { 'content-encoding': encoding, 'content-type': type };
    const { status, text } = await web.ask(`//push/${token}${path}`, { method: 'POST', headers, body });
    return status === 200 ? status : `${status} ${JSON.parse(text).detail}`;
  };

  expect(await push('gzip', gzipSync(json('by gzip')))).toBe(200);
  expect(await push('deflate', deflateSync(json('by deflate')))).toBe(200);
  expect(await push('br', brotliCompressSync(json('by br')))).toBe(200);
  expect(await push('gzip', Buffer.from(json('named only')))).toBe(200);
  const form = 'application/x-www-form-urlencoded';
  expect(await push('gzip', gzipSync('text=of+a+form'), form)).toBe(200);
  expect(await push('gzip', gzipSync('to a topic'), 'text/plain', '/ntfy/topic')).toBe(200);
  const withFile =
    '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\n';
  expect(await push('gzip', gzipSync(withFile), 'multipart/form-data; boundary=b')).toBe(200);

  expect(await push('snappy', Buffer.from('x'))).toMatch(/^415 .*snappy/);
  const cut = gzipSync(json('cut')).subarray(0, 15);
  expect(await push('gzip', cut)).toMatch(/^400 .*gzip/);
  expect(await push('gzip', cut, 'multipart/form-data; boundary=b')).toMatch(/^400 .*gzip/);
  expect(await push('gzip', gzipSync(Buffer.alloc(9 * 1024 * 1024, 97)))).toMatch(/^413 /);

  const [listed] = jsonLines((await wx('outbox', '--json')).stdout);
  const { parts } = listed as { parts: { name: string | null; text: string }[] };
  const texts = parts.map(({ name, text }) => name ?? text);
  expect(texts.sort()).toEqual(
    ['by gzip', 'by deflate', 'by br', 'named only', 'of a form', 'to a topic', 'a.txt'].sort(),
  );
});

test('a push in another charset is read if it says so, or begins with the mark of UTF-16', async () => {
  const [simulator, home] = [await simulate(), makeFolder()];
  const wx = (...args: string[]) => runHere(args, { home });
  await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
  const web = await startWeb({ home });
  const { token } = jsonLines((await wx('source', 'add', 'tool', '--json')).stdout)[0] as { token: string };
  const push = async (type: string, body: Buffer) => {
    const headers = { 'content-type': type };
    const { status, text } = await web.ask(`//push/${token}`, { method: 'POST', headers, body });
    return status === 200 ? status : `${status} ${JSON.parse(text).detail}`;
  };
  const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
  const gbk = Buffer.from('b4c5c5ccc2fa', 'hex');

  expect(await push(JSON_TYPE, utf16(`\ufeff${json('按标记')}`))).toBe(200);
  expect(await push('text/plain', utf16('\ufeff大端').swap16())).toBe(200);
  expect(await push(`${JSON_TYPE}; charset=utf-16le`, utf16(json('按类型')))).toBe(200);
  expect(await push('text/plain; charset="GBK"', gbk)).toBe(200);
  expect(await push('text/plain; charset=iso-8859-1', Buffer.from('其实是 UTF-8'))).toBe(200);

  expect(await push(JSON_TYPE, utf16(json('x')))).toMatch(/^400 .*UTF-16/);
  expect(await push('text/plain', gbk)).toBe('400 the body is not UTF-8');
  expect(await push('text/plain; charset=klingon', gbk)).toMatch(/^400 .*klingon/);
  const [listed] = jsonLines((await wx('outbox', '--json')).stdout);
  const texts = (listed as { parts: { text: string }[] }).parts.map(({ text }) => text);
  expect(texts.sort()).toEqual(['按标记', '大端', '按类型', '磁盘满', '其实是 UTF-8'].sort());
});
