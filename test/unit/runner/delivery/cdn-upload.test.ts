import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WxError } from '../../../../src/core/errors.ts';
import type { ShownAs } from '../../../../src/core/message/media.ts';
import { createIlinkClient } from '../../../../src/ilink/client.ts';
import { createHostTrust } from '../../../../src/ilink/hosts.ts';
import { createTransport, type Transport } from '../../../../src/ilink/http/transport.ts';
import { encodeMedia } from '../../../../src/ilink/message/outbound.ts';
import { createUploader, type Uploader } from '../../../../src/runner/delivery/cdn-upload.ts';
import { createOutgoing, type Outgoing } from '../../../../src/runner/delivery/outgoing-files.ts';
import { type Simulator, startSimulator } from '../../../../src/simulator/simulator.ts';
import type { FaultInput } from '../../../../src/simulator/world/fault-kinds.ts';
import type { PartFile } from '../../../../src/store/port/port.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';

let folder: string;
let simulator: Simulator;
let transport: Transport;
let clock: ReturnType<typeof createJumpClock>;
let progress: [sentBytes: number, totalBytes: number][];
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wxagent-upload-'));
  simulator = await startSimulator({ seed: 1, burstLimit: 0, scanDelayMs: 0 });
  transport = createTransport();
  clock = createJumpClock();
  progress = [];
});
afterEach(async () => {
  await transport.close();
  await simulator.close();
  rmSync(folder, { recursive: true });
});

const never = new AbortController().signal;

/** A bot that may write, and its uploader. */
function bot(cdnUrl = simulator.cdnUrl, open = createOutgoing(folder).open) {
  const { token, user } = simulator.control.createBot();
  simulator.control.message({ text: 'hi' });
  const client = createIlinkClient({ transport, baseUrl: simulator.baseUrl, token, version: '1.2.3' });
  const uploader: Uploader = createUploader({
    client,
    transport,
    cdnUrl,
    trust: createHostTrust([simulator.baseUrl, cdnUrl]),
    open,
    clock,
  });
  const upload = (file: PartFile, signal = never) =>
    uploader.upload(file, user, signal, (...told) => void progress.push(told));
  /** Uploads and sends; what the phone shows, and the bytes it has. */
  const show = async (file: PartFile) => {
    const end = await upload(file);
    if (end.kind !== 'uploaded') throw new Error(JSON.stringify(end));
    const media = JSON.parse(end.upload);
    const body = encodeMedia({
      user,
      clientId: randomBytes(4).toString('hex'),
      contextToken: null,
      runId: null,
      version: '1',
      media,
    });
    const sent = await client.sendMessage(body);
    if (sent.kind !== 'ok') throw new Error(JSON.stringify(sent));
    const line = simulator.control.phone().shown.at(-1);
    return { line, bytes: simulator.control.file(line?.messageId ?? '') };
  };
  return { upload, show };
}

function fileOf(bytes: Buffer, kind: ShownAs = 'file'): PartFile {
  const path = join(folder, randomBytes(4).toString('hex'));
  writeFileSync(path, bytes);
  return {
    path,
    name: 'a.bin',
    kind,
    sizeBytes: bytes.length,
    md5: createHash('md5').update(bytes).digest('hex'),
  };
}

const fault = (over: Partial<FaultInput>): void =>
  void simulator.control.addFault({ endpoint: 'upload', kind: 'status', status: 500, ...over });
const asked = (endpoint: 'upload' | 'getuploadurl'): number =>
  simulator.control.requests({ endpoint }).length;

test.each([0, 1, 15, 16, 17, 4_095, 4_096, 4_097, 3_000_000])('the phone has all %i bytes', async (size) => {
  const bytes = randomBytes(size);
  const { line, bytes: shown } = await bot().show(fileOf(bytes));
  expect(line).toMatchObject({ kind: 'file', fileName: 'a.bin', sizeBytes: size, grey: null });
  expect(shown?.equals(bytes)).toBe(true);
  const totalBytes = (Math.floor(size / 16) + 1) * 16;
  expect(progress.at(-1)).toEqual([totalBytes, totalBytes]);
  const [request] = simulator.control.requests({ endpoint: 'upload' });
  expect(request?.headers['content-length']).toBe(String(totalBytes));
  expect(request?.headers.authorization).toBeUndefined();
});

test.each([
  ['image', 1],
  ['video', 2],
  ['file', 3],
] as const)('%s is uploaded as media type %i and shown as such', async (kind, type) => {
  const { line } = await bot().show(fileOf(Buffer.from('x'), kind));
  expect(line).toMatchObject({ kind, grey: null });
  const [request] = simulator.control.requests({ endpoint: 'getuploadurl' });
  expect(request?.body).toMatchObject({ media_type: type, no_need_thumb: true, rawsize: 1, filesize: 16 });
});

test.each([
  ['data', 'refused', 'reason'],
  ['storage', 'retry', 'detail'],
  ['network', 'retry', 'detail'],
] as const)('a copy in a database that fails as %s: %s', async (kind, end, field) => {
  const open = async (): ReturnType<Outgoing['open']> => ({
    // biome-ignore lint/correctness/useYield: it fails at its first chunk.
    async *chunks() {
      throw new WxError(kind, 'no bytes');
    },
    async close() {},
  });
  const { upload } = bot(simulator.cdnUrl, open);
  expect(await upload(fileOf(Buffer.from('x')))).toEqual({
    kind: end,
    [field]: 'our copy of a.bin cannot be sent: no bytes',
  });
});

test('a part of a version that kept no size and md5', async () => {
  const { line } = await bot().show({ ...fileOf(Buffer.from('old')), sizeBytes: null, md5: null });
  expect(line).toMatchObject({ sizeBytes: 3, grey: null });
});

test.each(['both', 'full-url', 'param'] as const)('where the server names %s', async (uploadAnswer) => {
  simulator.control.changeSettings({ uploadAnswer });
  expect((await bot().show(fileOf(Buffer.from('x')))).line?.grey).toBeNull();
});

test.each<[string, Partial<FaultInput>]>([
  ['5xx', { count: 2 }],
  ['429', { status: 429, count: 2 }],
  ['200 without the header', { kind: 'garbage', garbage: 'empty', count: 2 }],
  ['a connection that is reset', { kind: 'reset', count: 2 }],
  ['an answer that is lost', { kind: 'reset', processed: true, count: 2 }],
])('%s twice, then 200: once more under the same file key', async (_, over) => {
  fault(over);
  const bytes = randomBytes(700_000);
  expect((await bot().show(fileOf(bytes))).bytes?.equals(bytes)).toBe(true);
  expect([asked('upload'), asked('getuploadurl')]).toEqual([3, 1]);
  expect(clock.slept).toEqual([500, 1_000]);
  expect(new Set(simulator.control.requests({ endpoint: 'upload' }).map(({ search }) => search)).size).toBe(
    1,
  );
});

test('the third failure is for another time', async () => {
  fault({});
  const { upload } = bot();
  expect(await upload(fileOf(Buffer.from('x')))).toEqual({ kind: 'retry', detail: 'CDN: HTTP 500' });
  expect(asked('upload')).toBe(3);
  simulator.control.clearFaults();
  fault({ kind: 'garbage', garbage: 'empty' });
  expect(await upload(fileOf(Buffer.from('x')))).toEqual({
    kind: 'retry',
    detail: 'CDN: no x-encrypted-param in its answer',
  });
  fault({ endpoint: 'getuploadurl', status: 502 });
  expect(await upload(fileOf(Buffer.from('x')))).toMatchObject({ detail: 'getuploadurl: HTTP 502' });
});

test('4xx is final, with the reason in the words of the CDN', async () => {
  fault({ status: 413, headers: { 'x-error-message': 'too large' } });
  const { upload } = bot();
  expect(await upload(fileOf(randomBytes(3_000_000)))).toEqual({
    kind: 'refused',
    reason: 'the CDN refused the file: too large',
  });
  expect(asked('upload')).toBe(1);
  simulator.control.clearFaults();
  fault({ status: 403, headers: { 'x-error-message': '' }, body: 'denied by rule 7\nmore' });
  expect(await upload(fileOf(Buffer.from('x')))).toMatchObject({
    reason: 'the CDN refused the file: denied by rule 7',
  });
});

test.each([
  [{ ret: -1 }, { kind: 'refused', reason: 'the server refused the upload (code -1)' }],
  [{ errcode: -14 }, { kind: 'expired' }],
  [{}, { kind: 'refused', reason: 'the server gave no address for the upload' }],
  [
    { upload_full_url: 'https://cdn.example.com/up' },
    { kind: 'refused', reason: expect.stringContaining('cdn.example.com, which is not trusted') },
  ],
])('getuploadurl that answers %j', async (body, end) => {
  fault({ endpoint: 'getuploadurl', kind: 'answer', body });
  expect(await bot().upload(fileOf(Buffer.from('x')))).toEqual(end);
  expect(asked('upload')).toBe(0);
});

test('our copy that is gone or was cut is refused in words; the CDN never has half of it', async () => {
  const { upload } = bot();
  const file = fileOf(randomBytes(2_000_000));
  truncateSync(file.path, 1_500_000);
  expect(await upload(file)).toEqual({
    kind: 'refused',
    reason: 'our copy of a.bin cannot be sent: it has become shorter than the 2000000 bytes it had',
  });
  rmSync(file.path);
  expect(await upload(file)).toMatchObject({ kind: 'refused', reason: expect.stringContaining('ENOENT') });
  expect(simulator.control.stats().blobBytes).toBe(0);
});

test('a stop cuts it at any step', async () => {
  const { upload } = bot();
  fault({ endpoint: 'getuploadurl', kind: 'hang' });
  for (const endpoint of ['getuploadurl', 'upload'] as const) {
    const stop = new AbortController();
    const end = upload(fileOf(Buffer.from('x')), stop.signal);
    await pollUntil(`a request to ${endpoint}`, () => asked(endpoint) > 0);
    stop.abort();
    expect(await end).toEqual({ kind: 'stopped' });
    simulator.control.clearFaults();
    fault({ kind: 'hang' });
  }
  expect(await upload(fileOf(Buffer.from('x')), AbortSignal.abort())).toEqual({ kind: 'stopped' });
});

test('a stop cuts a CDN that takes the file slowly', async () => {
  const cdn = createServer((request) => request.pause());
  await new Promise<void>((resolve) => void cdn.listen(0, '127.0.0.1', resolve));
  simulator.control.changeSettings({ uploadAnswer: 'param' });
  const { upload } = bot(`http://127.0.0.1:${(cdn.address() as AddressInfo).port}/c2c`);
  const stop = new AbortController();
  const end = upload(fileOf(Buffer.alloc(64 * 1024 * 1024)), stop.signal);
  await pollUntil('the connection to be full', () => progress.length > 2);
  stop.abort();
  expect(await end).toEqual({ kind: 'stopped' });
  cdn.closeAllConnections();
  await new Promise((resolve) => cdn.close(resolve));
});
