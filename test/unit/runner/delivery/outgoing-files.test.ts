import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createOutgoingBlobs } from '../../../../src/runner/delivery/outgoing-blobs.ts';
import { createOutgoing, type Outgoing } from '../../../../src/runner/delivery/outgoing-files.ts';
import { createMemoryBlobs } from '../../../helpers/memory-blobs.ts';

let folder: string;
let outgoing: Outgoing;
let blobs: ReturnType<typeof createMemoryBlobs>;
let inBlobs: Outgoing;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wxagent-outgoing-'));
  outgoing = createOutgoing(join(folder, 'out'));
  blobs = createMemoryBlobs();
  inBlobs = createOutgoingBlobs('bot', blobs);
});
afterEach(() => rmSync(folder, { recursive: true }));

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');
const left = (): string[] => readdirSync(join(folder, 'out'));

function source(name: string, content: Buffer | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const isByteNamed = process.platform === 'linux';

test.runIf(isByteNamed)(
  'a name that is no UTF-8 is found by how it reads, where only one reads so',
  async () => {
    const odd = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9]), Buffer.from('/a')]);
    mkdirSync(odd.subarray(0, -2));
    writeFileSync(Buffer.concat([odd, Buffer.from([0xff]), Buffer.from('.txt')]), 'found');
    const kept = await outgoing.keepCopy(join(folder, 'caf\ufffd', 'a\ufffd.txt'), 'a\ufffd.txt');
    expect(readFileSync(kept.path, 'utf8')).toBe('found');

    writeFileSync(Buffer.concat([odd, Buffer.from([0xfe]), Buffer.from('.txt')]), 'another');
    await expect(outgoing.keepCopy(join(folder, 'caf\ufffd', 'a\ufffd.txt'), 'x')).rejects.toMatchObject({
      kind: 'data',
      message: expect.stringContaining('2 files are called'),
    });
    await expect(outgoing.keepCopy(join(folder, 'b\ufffd'), 'x')).rejects.toMatchObject({
      kind: 'not-found',
    });
    // One that is really called so.
    writeFileSync(join(folder, 'c\ufffd'), 'itself');
    expect(readFileSync((await outgoing.keepCopy(join(folder, 'c\ufffd'), 'c')).path, 'utf8')).toBe('itself');
  },
);

/** A file of the MP4 family: its first box says which. */
const mp4 = (brand: string): Buffer =>
  Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from(`ftyp${brand}`), Buffer.alloc(12)]);
const box = (type: string, ...content: Buffer[]): Buffer => {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + Buffer.concat(content).length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, ...content]);
};
/** One whose tracks are of these kinds, behind the bulk of it, as cameras write it. */
const filmOf = (...kinds: string[]): Buffer => {
  const track = (kind: string): Buffer =>
    box(
      'trak',
      box('tkhd', Buffer.alloc(8)),
      box('mdia', box('hdlr', Buffer.from(`\0\0\0\0\0\0\0\0${kind}`))),
    );
  const large = Buffer.concat([Buffer.from('\0\0\0\x01mdat\0\0\0\0\0\0\0\x18', 'latin1'), Buffer.alloc(8)]);
  return Buffer.concat([mp4('isom'), large, box('moov', box('mvhd', Buffer.alloc(4)), ...kinds.map(track))]);
};
const riff = (kind: string): Buffer => Buffer.from(`RIFF\x04\0\0\0${kind}`);

test.each([
  ['image', 'a.bin', PNG.sync.write(new PNG({ width: 1, height: 1 }))],
  ['image', 'a', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, ...Buffer.from('JFIF\0')])],
  ['image', 'a.gif', Buffer.from('GIF89a\x01\0\x01\0')],
  ['image', 'a.webp', riff('WEBPVP8 ')],
  ['image', 'a.bmp', Buffer.from('BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0')],
  ['file', 'a.heic', mp4('heic')],
  ['file', 'a.svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  ['video', 'a.mp4', mp4('isom')],
  ['video', 'a.mov', mp4('qt  ')],
  ['file', 'a.m4a', mp4('isom')],
  ['file', 'a.mp4', mp4('M4A ')],
  ['file', 'sound.mp4', filmOf('soun')],
  ['file', 'sound.mov', filmOf('soun', 'text')],
  ['video', 'film.mp4', filmOf('soun', 'vide')],
  ['video', 'silent.m4a', filmOf('vide')],
  ['video', 'cut.mp4', filmOf('vide').subarray(0, -30)],
  ['video', 'zeros.mp4', Buffer.concat([mp4('isom'), Buffer.alloc(100)])],
  [
    'video',
    'endless.mp4',
    Buffer.concat([mp4('isom'), Buffer.from('ffffffff6d6f6f76', 'hex'), Buffer.alloc(9)]),
  ],
  ['file', 'a.mp3', Buffer.from('ID3\x03\0\0\0\0\0\0')],
  ['file', 'a.wav', riff('WAVEfmt ')],
  ['file', 'a.webm', Buffer.from([0x1a, 0x45, 0xdf, 0xa3, 0x87, 0x42, 0x82, 0x84, ...Buffer.from('webm')])],
  ['file', 'photo.jpg', Buffer.from('only called a photo')],
  ['file', 'empty.png', Buffer.alloc(0)],
] as const)('the phone gets %s of %s, whatever its name says', async (kind, name, content) => {
  const kept = await outgoing.keepCopy(source(name, content), name);
  expect(kept).toEqual({
    path: expect.any(String),
    name,
    kind,
    sizeBytes: content.length,
    md5: md5(content),
  });
  expect(readFileSync(kept.path).equals(content)).toBe(true);
  expect(statSync(kept.path).mode & 0o777).toBe(0o600);
  // As a blob it has the same facts and bytes, from a file and from a stream.
  const path = source(name, content);
  for (const blob of [
    await inBlobs.keepCopy(path, name),
    await inBlobs.keepStream(createReadStream(path), name),
  ]) {
    expect(blob).toEqual({ ...kept, path: expect.stringMatching(/^blob:/) });
    for await (const bytes of (await inBlobs.open(blob)).chunks()) expect(bytes.equals(content)).toBe(true);
  }
});

test('a text and a stream are kept with the same facts, under a name that phones can show', async () => {
  const bytes = Buffer.from('你好');
  const facts = { name: 'passwd', kind: 'file', sizeBytes: 6, md5: md5(bytes) };
  expect(outgoing.keepText('你好', '../../etc/passwd')).toMatchObject(facts);
  expect(inBlobs.keepText('你好', '../../etc/passwd')).toMatchObject({ ...facts, content: bytes });
  async function* chunks() {
    yield bytes.subarray(0, 2);
    yield bytes.subarray(2);
  }
  const kept = await outgoing.keepStream(chunks(), '../../etc/passwd');
  expect(kept).toMatchObject(facts);
  expect(readFileSync(kept.path)).toEqual(bytes);
  expect(await outgoing.keepStream((async function* () {})(), '..')).toMatchObject({
    name: 'file',
    sizeBytes: 0,
  });
});

test('a link is followed; what is no file is refused in words, and nothing is left of it', async () => {
  const path = source('a.txt', 'x');
  symlinkSync(path, join(folder, 'link'));
  expect(await outgoing.keepCopy(join(folder, 'link'), 'l')).toMatchObject({ sizeBytes: 1 });
  const before = left();
  mkdirSync(join(folder, 'folder'));
  execFileSync('/bin/sh', ['-c', 'mkfifo "$0"', join(folder, 'pipe')]);
  const kinds: [string, string, RegExp][] = [
    ['none', 'not-found', /there is no file/],
    ['a.txt/none', 'not-found', /there is no file/],
    ['folder', 'data', /is a folder/],
    ['pipe', 'data', /is not a regular file/],
  ];
  if (process.getuid?.() !== 0) {
    chmodSync(source('secret', 'x'), 0);
    kinds.push(['secret', 'data', /cannot be read/]);
  }
  for (const [name, kind, message] of kinds) {
    const refused = outgoing.keepCopy(join(folder, name), name);
    await expect(refused, name).rejects.toMatchObject({ kind, message: expect.stringMatching(message) });
  }
  expect(left()).toEqual(before);
});

test('a file that is written to while it is copied is noticed', async () => {
  const path = source('log', Buffer.alloc(20 * 1024 * 1024));
  const file = openSync(path, 'r+');
  for (const write of [
    () => appendFileSync(path, 'one more line\n'),
    () => void writeSync(file, 'as long as it was', 0),
  ]) {
    const kept = outgoing.keepCopy(path, 'log');
    const writing = setInterval(write, 1);
    await expect(kept).rejects.toMatchObject({
      kind: 'data',
      message: expect.stringContaining('written to while'),
    });
    clearInterval(writing);
    expect(left()).toEqual([]);
  }
  const kept = inBlobs.keepCopy(path, 'log');
  const writing = setInterval(() => appendFileSync(path, 'one more line\n'), 1);
  await expect(kept).rejects.toMatchObject({ kind: 'data' });
  clearInterval(writing);
  expect(blobs.contents.size).toBe(0);
  closeSync(file);
});

test.runIf(existsSync('/proc/version'))(
  'what the system makes while it is read is no file to be copied',
  async () => {
    for (const one of [outgoing, inBlobs])
      await expect(one.keepCopy('/proc/version', 'version')).rejects.toMatchObject({
        kind: 'data',
        message: '/proc/version is not a regular file',
      });
    expect(left()).toEqual([]);
  },
);

test('a stream that breaks off leaves nothing', async () => {
  async function* chunks() {
    yield Buffer.alloc(10);
    throw new Error('the pipe broke');
  }
  await expect(outgoing.keepStream(chunks(), 'x')).rejects.toThrow('the pipe broke');
  expect(left()).toEqual([]);
});

test('what cannot be written is a matter of the disk, in words', async () => {
  writeFileSync(join(folder, 'out'), 'in the way');
  await expect(outgoing.keepCopy(source('a', 'x'), 'a')).rejects.toMatchObject({
    kind: 'storage',
    message: expect.stringContaining('no copy of the file can be kept'),
  });
});

test('a sweep bears that others remove their copies meanwhile', async () => {
  const kept: string[] = [];
  for (const name of ['a', 'b', 'c']) kept.push((await outgoing.keepCopy(source(name, 'x'), name)).path);
  const [needed = '', gone = ''] = kept;
  const outbox = {
    unneededFiles: async (paths: readonly string[]) => {
      expect([...paths].sort()).toEqual([...kept].sort());
      rmSync(gone);
      return paths.filter((path) => path !== needed);
    },
  };
  await outgoing.sweep(outbox, Date.now() + 2 * 60 * 60_000);
  expect(left()).toEqual([needed.split('/').at(-1)]);
});

test('copies are removed by path, but for those that a part needs', async () => {
  const { path } = await outgoing.keepCopy(source('a', 'x'), 'a');
  const needed = await outgoing.keepCopy(source('b', 'x'), 'b');
  const outbox = {
    unneededFiles: async (paths: readonly string[]) => paths.filter((one) => one !== needed.path),
  };
  await outgoing.discard(outbox, [path, needed.path, join(folder, 'out', 'gone')]);
  expect(left()).toEqual([needed.path.split('/').at(-1)]);
});
