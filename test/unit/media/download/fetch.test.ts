import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MediaSource } from '../../../../src/core/message/media.ts';
import { openTemporary } from '../../../../src/media/download/new-file.ts';
import type { FetchResult } from '../../../../src/media/download/port.ts';
import type { Flaw } from '../../../../src/simulator/phone/flawed-media.ts';
import { type Simulator, startSimulator } from '../../../../src/simulator/simulator.ts';
import { type Fetching, fetchingFrom, namesIn, sentMedia } from '../../../helpers/fetching.ts';
import { opens, wrongKeyFor } from '../../../helpers/wrong-key.ts';
import { makeFolder } from '../../../helpers/wxagent.ts';

let sim: Simulator;
let fetching: Fetching;
beforeAll(async () => {
  sim = await startSimulator({ seed: 1, holdMs: 0 });
  fetching = fetchingFrom(sim.cdnUrl);
});
afterAll(async () => {
  await fetching.close();
  await sim.close();
});
beforeEach(() => sim.control.reset());

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');

async function fileOf(bytes: Buffer, more: { name?: string; flaw?: Flaw } = {}): Promise<MediaSource> {
  const [source] = await sentMedia(sim, [{ file: { bytes, ...more } }]);
  return source as MediaSource;
}

/** The bytes of what was fetched; nothing else may be in its folder. */
function bytesOf(result: FetchResult, folder: string): Buffer {
  if (!result.ok) throw new Error(`${result.failure}: ${result.detail}`);
  expect(namesIn(folder)).toEqual([result.file.name]);
  return readFileSync(result.file.path);
}

const requestsSeen = () => sim.control.requests({ endpoint: 'download' });

describe('what comes back is what was sent', () => {
  test.each([0, 1, 15, 16, 17, 4095, 4096, 4097, 1_000_003])('%i bytes', async (sizeBytes) => {
    const [bytes, folder] = [randomBytes(sizeBytes), makeFolder()];
    const result = await fetching.fetch(await fileOf(bytes, { name: 'a.bin' }), folder);
    expect(bytesOf(result, folder).equals(bytes)).toBe(true);
    expect(result).toMatchObject({ ok: true, file: { name: 'a.bin', sizeBytes, md5: md5(bytes) } });
    expect(requestsSeen()).toMatchObject([{ headers: { 'accept-encoding': 'identity' } }]);
    expect(requestsSeen()[0]?.headers.authorization).toBeUndefined();
  });

  test('any bytes, with either form of key and either address', async () => {
    const form = fc.record({ mediaKey: fc.constantFrom('hex', 'raw'), fullUrl: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), form, async (bytes, settings) => {
        const folder = makeFolder();
        sim.control.changeSettings(settings);
        const result = await fetching.fetch(await fileOf(Buffer.from(bytes)), folder);
        expect([...bytesOf(result, folder)]).toEqual([...bytes]);
      }),
      { numRuns: 40 },
    );
  });

  test('a file whose md5 is computed beside the main thread', async () => {
    const [bytes, folder] = [Buffer.alloc(40 * 1024 * 1024 + 5, randomBytes(1_000)), makeFolder()];
    const result = await fetching.fetch(await fileOf(bytes), folder);
    expect(result).toMatchObject({ ok: true, file: { md5: md5(bytes) } });
    expect(bytesOf(result, folder).equals(bytes)).toBe(true);
  });

  test('every kind, named by its content where its sender named nothing', async () => {
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==', 'base64'); // biome-ignore format: one line
    const sources = await sentMedia(sim, [
      { image: { bytes: png } },
      { image: { bytes: png, plain: true } },
      { voice: { bytes: Buffer.from('voice') } },
      { video: { bytes: Buffer.from('video') } },
    ]);
    const folder = makeFolder();
    const results: FetchResult[] = [];
    for (const source of sources) results.push(await fetching.fetch(source, folder, { wantsMd5: true }));
    expect(results.map((one) => one.ok && [one.file.name, one.file.mime, one.file.sizeBytes])).toEqual([
      ['image.png', 'image/png', png.length],
      ['image (1).png', 'image/png', png.length],
      ['voice', null, 5],
      ['video', null, 5],
    ]);
    expect(results.every((one) => one.ok && one.file.md5?.length === 32)).toBe(true);
  });

  test('without an md5 in the message and without asking for one there is none', async () => {
    const [source] = await sentMedia(sim, [{ voice: { bytes: Buffer.from('x') } }]);
    const result = await fetching.fetch(source as MediaSource, makeFolder());
    expect(result).toMatchObject({ ok: true, file: { md5: null } });
  });
});

describe('names', () => {
  test.each([
    ['../../escape.txt', 'escape.txt'],
    ['a\u0000b.txt', 'a_b.txt'],
    ['CON', '_CON'],
    ['.hidden', 'hidden'],
    [`${'文'.repeat(85)}.docx`, `${'文'.repeat(83)}.docx`],
    ['..', 'file'],
  ])('%j lies as %j', async (given, expected) => {
    const folder = makeFolder();
    const result = await fetching.fetch(await fileOf(Buffer.from('x'), { name: given }), folder);
    expect(bytesOf(result, folder).toString()).toBe('x');
    expect(namesIn(folder)).toEqual([expected]);
  });

  test('nothing is overwritten, and no link at the name is followed', async () => {
    const folder = makeFolder();
    const outside = join(makeFolder(), 'outside');
    writeFileSync(join(folder, 'a.txt'), 'mine');
    symlinkSync(outside, join(folder, 'a (1).txt'));
    mkdirSync(join(folder, 'a (2).txt'));
    const source = await fileOf(Buffer.from('theirs'), { name: 'a.txt' });
    expect(await fetching.fetch(source, folder)).toMatchObject({ ok: true, file: { name: 'a (3).txt' } });
    expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('mine');
    expect(() => statSync(outside)).toThrow();
  });

  test.skipIf(process.platform === 'win32')('files and made folders are for their owner alone', async () => {
    const folder = join(makeFolder(), 'new', 'deep');
    const result = await fetching.fetch(await fileOf(Buffer.from('x')), folder, { name: 'named.bin' });
    expect(result).toMatchObject({ ok: true, file: { path: join(folder, 'named.bin') } });
    expect([folder, join(folder, 'named.bin')].map((path) => statSync(path).mode & 0o777)).toEqual([
      0o700, 0o600,
    ]);
  });

  test('several at once with one name', async () => {
    const folder = makeFolder();
    const source = await fileOf(randomBytes(100_000), { name: 'same.bin' });
    const results = await Promise.all([1, 2, 3, 4].map(() => fetching.fetch(source, folder)));
    expect(results.every((one) => one.ok)).toBe(true);
    expect(namesIn(folder)).toEqual(['same (1).bin', 'same (2).bin', 'same (3).bin', 'same.bin']);
  });
});

describe('a CDN that breaks', () => {
  test.each([true, false])('cut at any byte, it goes on from there (ranges: %s)', async (ranges) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(70_000), fc.array(fc.nat(80_000), { maxLength: 3 }), async (size, cuts) => {
        const [bytes, folder] = [randomBytes(size), makeFolder()];
        sim.control.clearFaults();
        sim.control.changeSettings({ ranges });
        for (const at of cuts)
          sim.control.addFault({ endpoint: 'download', kind: 'cut', bytes: at, count: 1 });
        expect(bytesOf(await fetching.fetch(await fileOf(bytes), folder), folder).equals(bytes)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  test('what has come is not asked for again', async () => {
    const [bytes, folder] = [randomBytes(50_000), makeFolder()];
    const source = await fileOf(bytes);
    sim.control.addFault({ endpoint: 'download', kind: 'cut', bytes: 20_001, count: 1 });
    expect(bytesOf(await fetching.fetch(source, folder), folder).equals(bytes)).toBe(true);
    expect(requestsSeen().map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=20001-']);
  });

  test('a length that promises more: all has come, and the CDN says that nothing follows', async () => {
    const [bytes, folder] = [randomBytes(1_000), makeFolder()];
    const source = await fileOf(bytes);
    sim.control.addFault({ endpoint: 'download', kind: 'length', bytes: 5_000_000, count: 1 });
    const got = await fetching.fetch({ ...source, sizeBytes: null }, folder);
    expect(bytesOf(got, folder).equals(bytes)).toBe(true);
  });

  test.each([true, false])(
    'a length that promises less than the message tells (ranges: %s)',
    async (ranges) => {
      const [bytes, folder] = [randomBytes(1_000), makeFolder()];
      const source = await fileOf(bytes);
      sim.control.changeSettings({ ranges });
      sim.control.addFault({ endpoint: 'download', kind: 'length', bytes: 480, count: 1 });
      expect(bytesOf(await fetching.fetch(source, folder), folder).equals(bytes)).toBe(true);
      expect(requestsSeen()).toHaveLength(2);
    },
  );

  test.each([
    ['503', { kind: 'status', status: 503 }],
    ['429', { kind: 'status', status: 429 }],
    ['a reset', { kind: 'reset' }],
  ] as const)('%s twice, then the file, asked for at the other address in between', async (_, fault) => {
    const [bytes, folder] = [randomBytes(100), makeFolder()];
    const source = await fileOf(bytes);
    sim.control.addFault({ endpoint: 'download', count: 2, ...fault });
    // Two addresses that can be told apart.
    const got = await fetching.fetch({ ...source, fullUrl: `${source.fullUrl}&full=1` }, folder);
    expect(bytesOf(got, folder)).toEqual(bytes);
    expect(requestsSeen().map(({ search }) => search.includes('full=1'))).toEqual([true, false, true]);
  });

  test('for ever: it gives up and says why', async () => {
    const folder = makeFolder();
    const source = await fileOf(Buffer.from('x'));
    sim.control.addFault({ endpoint: 'download', kind: 'status', status: 500 });
    expect(await fetching.fetch(source, folder)).toEqual({
      ok: false,
      failure: 'network',
      detail: 'the CDN does not deliver it: HTTP 500, injected fault',
    });
    expect(requestsSeen()).toHaveLength(4);
    expect(namesIn(folder)).toEqual([]);
  });

  test.each([
    [404, 'gone', 'it is not on the CDN any more (HTTP 404, injected fault)'],
    [410, 'gone', 'it is not on the CDN any more (HTTP 410, injected fault)'],
    [400, 'refused', 'the CDN refuses it: HTTP 400, injected fault'],
    [403, 'refused', 'the CDN refuses it: HTTP 403, injected fault'],
    [302, 'refused', 'the CDN refuses it: HTTP 302, injected fault'],
  ])('%i is final: %s', async (status, failure, detail) => {
    const folder = makeFolder();
    const source = await fileOf(Buffer.from('x'));
    const headers = { location: `${sim.cdnUrl}/download?encrypted_query_param=x` };
    sim.control.addFault({ endpoint: 'download', kind: 'status', status, headers });
    expect(await fetching.fetch(source, folder)).toEqual({ ok: false, failure, detail });
    expect(requestsSeen()).toHaveLength(1);
    expect(namesIn(folder)).toEqual([]);
  });

  test('a made-up address that is refused does not end it', async () => {
    const [bytes, folder] = [randomBytes(100), makeFolder()];
    const source = { ...(await fileOf(bytes)), param: 'nowhere' };
    sim.control.addFault({ endpoint: 'download', kind: 'status', status: 502, count: 1 });
    expect(bytesOf(await fetching.fetch(source, folder), folder)).toEqual(bytes);
    expect(requestsSeen()).toHaveLength(3);
  });

  test('stopped half-way it leaves nothing', async () => {
    const folder = makeFolder();
    const source = await fileOf(randomBytes(100_000));
    sim.control.addFault({ endpoint: 'download', kind: 'endless' });
    const stop = new AbortController();
    const result = await fetching.fetch({ ...source, sizeBytes: null }, folder, {
      signal: stop.signal,
      onProgress: (doneBytes) => doneBytes > 1_000_000 && stop.abort(),
    });
    expect(result).toMatchObject({ ok: false, failure: 'aborted' });
    expect(namesIn(folder)).toEqual([]);
  });
});

describe('size limits', () => {
  const tooLarge = { ok: false, failure: 'too-large', detail: 'it is larger than the 1000 B allowed' };
  const limited = (source: MediaSource, folder: string) =>
    fetching.fetch(source, folder, { maxBytes: 1_000 });

  test('a size in the message is believed, and nothing asked', async () => {
    expect(await limited(await fileOf(randomBytes(1_001)), makeFolder())).toEqual(tooLarge);
    expect(requestsSeen()).toEqual([]);
  });

  test.each([
    [991, true],
    [1_000, true],
    [1_001, false],
    [1_008, false],
  ])('%i bytes that the message does not tell', async (sizeBytes, fits) => {
    const folder = makeFolder();
    const source = { ...(await fileOf(randomBytes(sizeBytes))), sizeBytes: null };
    const result = await limited(source, folder);
    expect(fits ? result.ok : result).toEqual(fits ? true : tooLarge);
    expect(namesIn(folder)).toHaveLength(fits ? 1 : 0);
  });

  test('a body without an end is left at the limit', async () => {
    const folder = makeFolder();
    const source = { ...(await fileOf(randomBytes(10))), sizeBytes: null };
    sim.control.addFault({ endpoint: 'download', kind: 'endless', bytes: 10_000_000_000 });
    const seen: number[] = [];
    const onProgress = (doneBytes: number) => void seen.push(doneBytes);
    expect(await fetching.fetch(source, folder, { maxBytes: 500_000, onProgress })).toMatchObject({
      failure: 'too-large',
    });
    expect(Math.max(...seen)).toBeLessThanOrEqual(500_016);
    expect(namesIn(folder)).toEqual([]);
  });

  test('a body longer than the message tells is damaged, not endless', async () => {
    sim.control.addFault({ endpoint: 'download', kind: 'endless' });
    const detail = 'it is longer than the 10 bytes that the message tells';
    expect(await fetching.fetch(await fileOf(randomBytes(10)), makeFolder())).toEqual({
      ok: false,
      failure: 'damaged',
      detail,
    });
  });

  test('a plain picture is limited to the byte', async () => {
    const [source] = await sentMedia(sim, [{ image: { bytes: randomBytes(1_001), plain: true } }]);
    expect(await limited(source as MediaSource, makeFolder())).toEqual(tooLarge);
  });
});

describe('what is not what it should be', () => {
  test.each([
    ['short-key', 'no-key', 'the message has no usable key to it'],
    ['wrong-key', 'wrong-key', /^cannot decrypt the file: WeChat kept an older key/],
    ['half-block', 'damaged', 'what the CDN has is cut short: 24 of 32 bytes'],
    ['padding', 'wrong-key', /^cannot decrypt the file/],
    ['size', 'damaged', 'the file differs from what was sent: 20 bytes, where the message tells 21'],
    ['md5', 'damaged', 'the file differs from what was sent: its md5 is not that of the message'],
  ] as const)('%s: %s', async (flaw, failure, detail) => {
    const folder = makeFolder();
    const result = await fetching.fetch(await fileOf(Buffer.alloc(20, 'x'), { flaw }), folder);
    expect(result).toMatchObject({ ok: false, failure, detail: expect.stringMatching(detail) });
    expect(namesIn(folder)).toEqual([]);
  });

  test('a blob without whole blocks, of a size that the message does not tell', async () => {
    const source = { ...(await fileOf(Buffer.alloc(20), { flaw: 'half-block' })), sizeBytes: null };
    const detail = 'what the CDN has is cut short: 24 bytes, no whole blocks';
    expect(await fetching.fetch(source, makeFolder())).toEqual({ ok: false, failure: 'damaged', detail });
  });

  test('an empty body, where the message tells a size and where not', async () => {
    const source = await fileOf(Buffer.from('x'));
    sim.control.addFault({ endpoint: 'download', kind: 'garbage', garbage: 'empty' });
    const detail = 'the CDN does not deliver it: it ended after 0 of 16 bytes';
    expect(await fetching.fetch(source, makeFolder())).toEqual({ ok: false, failure: 'network', detail });
    const unsaid = { ...source, sizeBytes: null };
    expect(await fetching.fetch(unsaid, makeFolder())).toMatchObject({ failure: 'damaged' });
  });

  test('an address that is not trusted is never asked', async () => {
    const source = { ...(await fileOf(Buffer.from('x'))), fullUrl: 'https://evil.example/x?secret=1' };
    expect(await fetching.fetch(source, makeFolder())).toMatchObject({ ok: true });
    expect(await fetching.fetch({ ...source, param: null }, makeFolder())).toEqual({
      ok: false,
      failure: 'no-address',
      detail: 'the file is on evil.example, a host that is not trusted',
    });
    expect(await fetching.fetch({ ...source, param: null, fullUrl: null }, makeFolder())).toMatchObject({
      detail: 'the message has no address of the file',
    });
  });

  test.skipIf(process.getuid?.() === 0)('a folder that cannot be written', async () => {
    const folder = join(makeFolder(), 'closed');
    mkdirSync(folder, { mode: 0o500 });
    expect(await fetching.fetch(await fileOf(Buffer.from('x')), folder)).toMatchObject({ failure: 'disk' });
  });

  test('a folder that is a file', async () => {
    const folder = join(makeFolder(), 'file');
    writeFileSync(folder, '');
    const result = await fetching.fetch(await fileOf(Buffer.from('x')), folder);
    expect(result).toMatchObject({ failure: 'disk', detail: expect.stringContaining(folder) });
  });
});

describe('keys', () => {
  test.each([0, 16, 100, 3_000_000])(
    'a file of %i bytes that was sent twice opens with its first key',
    async (sizeBytes) => {
      sim.control.changeSettings({ staleBlobs: true });
      const bytes = randomBytes(sizeBytes);
      const [first, second] = (await sentMedia(sim, [{ file: { bytes } }, { file: { bytes } }])) as [
        MediaSource,
        MediaSource,
      ];
      // One key in 256 seems to open it.
      expect(await fetching.fetch(second, makeFolder())).toMatchObject({
        failure: expect.stringMatching(/^(wrong-key|damaged)$/),
      });
      // Known keys come first; where they do not fit, the message's own is found without another request.
      for (const knownKeys of [
        first.keys,
        [wrongKeyFor(bytes, first.keys[0] as Buffer), ...second.keys, ...first.keys],
      ]) {
        const [folder, before] = [makeFolder(), requestsSeen().length];
        const result = await fetching.fetch(second, folder, { knownKeys });
        expect(bytesOf(result, folder).equals(bytes)).toBe(true);
        expect(result).toMatchObject({ ok: true, file: { md5: md5(bytes) } });
        expect(requestsSeen().length - before).toBe(1);
      }
    },
  );

  test('a picture whose first key is wrong opens with its second', async () => {
    const bytes = randomBytes(50_000);
    const [source] = (await sentMedia(sim, [{ image: { bytes } }])) as [MediaSource];
    const folder = makeFolder();
    const keys = [wrongKeyFor(bytes, source.keys[0] as Buffer), ...source.keys];
    expect(bytesOf(await fetching.fetch({ ...source, keys }, folder), folder).equals(bytes)).toBe(true);
  });

  test('a wrong key whose padding happens to fit is noticed by the md5', async () => {
    const source = await fileOf(randomBytes(64));
    const blob = Buffer.from(await (await fetch(source.fullUrl as string)).arrayBuffer());
    let key = randomBytes(16);
    while (!opens(blob, key)) key = randomBytes(16);
    const folder = makeFolder();
    expect(await fetching.fetch({ ...source, keys: [key], sizeBytes: null }, folder)).toMatchObject({
      failure: 'damaged',
    });
    const found = await fetching.fetch({ ...source, sizeBytes: null }, folder, { knownKeys: [key] });
    expect(found).toMatchObject({ ok: true });
  });
});

test('progress is told in the bytes that come', async () => {
  const seen: [number, number | null][] = [];
  const onProgress = (doneBytes: number, totalBytes: number | null) =>
    void seen.push([doneBytes, totalBytes]);
  await fetching.fetch(await fileOf(randomBytes(200_000)), makeFolder(), { onProgress });
  expect(seen.at(-1)).toEqual([200_016, 200_016]);
  expect(seen.length).toBeGreaterThan(1);
});

test('what a killed download has left in the folder goes with the next one; that of others stays', async () => {
  const folder = makeFolder();
  const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
  const gone = await endedProcess();
  const left = (of: string, pid: number): string => `.wxagent-${of}-${pid}-0123456789abcdef.part`;
  const names = [left(host, gone), left(host, process.pid), left('00000000', gone), '.wxagent-mine.part'];
  for (const name of names) writeFileSync(join(folder, name), 'half');
  await (await openTemporary(folder)).close();
  const stay = readdirSync(folder).filter((name) => names.includes(name));
  expect(stay.sort()).toEqual(names.slice(1).sort());
});

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid as number;
}
