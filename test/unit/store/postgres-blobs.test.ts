import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Blobs, NewPart, PartFile, Store } from '../../../src/store/port/port.ts';
import { type CuttingProxy, startCuttingProxy } from '../../helpers/cutting-proxy.ts';
import { administer, SERVER, upstreamOf } from '../../helpers/postgres.ts';
import {
  ACCOUNT,
  addSource,
  createDesk,
  type Desk,
  incoming,
  OWNER,
  part,
  type StoreUnderTest,
} from './conformance/desk.ts';
import { postgresStores } from './postgres-stores.ts';

const CHUNK = 256 * 1024;
const md5Of = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

/** A stream of views into one array, in pieces of any length, an empty one among them. */
async function* pieces(bytes: Buffer, length: number): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(0);
  for (let at = 0; at < bytes.length; at += length) yield new Uint8Array(bytes.subarray(at, at + length));
}

describe.skipIf(SERVER === null)('blobs of a server', () => {
  let proxy: CuttingProxy | null = null;
  const { make, drop, schema } = postgresStores(() => proxy?.port ?? null);
  const sql = (text: string): Promise<Record<string, unknown>[]> =>
    administer(SERVER as string, `SET search_path TO ${schema}`, text);
  const stored = async (): Promise<unknown[]> =>
    (await sql('SELECT blob FROM blobs UNION SELECT blob FROM blob_chunks')).map(({ blob }) => blob);
  const age = (): Promise<unknown> => sql('UPDATE blobs SET written_at = written_at - 3700000');

  let stores: StoreUnderTest;
  let store: Store;
  let blobs: Blobs;
  let desk: Desk;
  beforeEach(async () => {
    proxy = null;
    stores = await make();
    onTestFinished(() => stores.dispose());
    store = await stores.open('me');
    blobs = store.blobs as Blobs;
    desk = await createDesk(store);
  });
  afterAll(drop);

  async function read(path: string, sizeBytes: number, from: Blobs = blobs): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of from.read({ path, sizeBytes })) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async function file(bytes = Buffer.from('bytes')): Promise<PartFile> {
    return { ...(await blobs.put(ACCOUNT, pieces(bytes, 100_000))), name: 'a.bin', kind: 'file' };
  }

  const partOf = (one: PartFile): NewPart => ({ ...part('', 'send'), file: one });

  it('has the bytes that come with a push, also while that waits', async () => {
    await addSource(store, 'a', { user: OWNER, digestMs: 60_000 });
    const content = Buffer.from('all of a long text');
    const path = blobs.newPath();
    const kept = {
      path,
      name: 'a.txt',
      kind: 'file' as const,
      sizeBytes: content.length,
      md5: md5Of(content),
    };
    const queued = await store.outbox.enqueue({
      ...{ account: ACCOUNT, user: OWNER, message: null, id: null, key: null, expiresAtMs: null },
      nowMs: desk.nowMs,
      parts: [part('its beginning', 'send'), partOf({ ...kept, content })],
      push: { source: 'a', digest: 'a', isImportant: false, tell: () => '' },
    });
    expect(queued.map(({ state }) => state)).toEqual(['delayed', 'delayed']);
    expect(await read(path, content.length)).toEqual(content);
  });

  async function queue(...files: PartFile[]): Promise<void> {
    await store.outbox.enqueue({
      ...{ account: ACCOUNT, user: OWNER, message: null, id: null, key: null, expiresAtMs: null },
      parts: files.map(partOf),
      nowMs: desk.nowMs,
    });
  }

  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 4 * CHUNK + 4_095])(
    '%i bytes come back as they were, in another process too',
    async (size) => {
      const bytes = randomBytes(size);
      for (const length of [65_536, CHUNK + 13]) {
        const blob = await blobs.put(ACCOUNT, pieces(bytes, length));
        expect(blob).toEqual({ path: blob.path, sizeBytes: size, md5: md5Of(bytes) });
        const other = (await stores.open('other')).blobs as Blobs;
        expect((await read(blob.path, size, other)).equals(bytes)).toBe(true);
        const [at, count] = [Math.max(0, CHUNK - 7), 20];
        expect(await other.readAt(blob.path, at, count)).toEqual(bytes.subarray(at, at + count));
      }
    },
  );

  it('a connection that is cut at a chunk costs that chunk, in both directions', async () => {
    const bytes = randomBytes(6 * CHUNK + 1);
    proxy = await startCuttingProxy(upstreamOf(SERVER as string));
    const harmful = proxy;
    onTestFinished(() => harmful.close());
    const far = (await stores.open('far')).blobs as Blobs;
    let [passed, cuts] = [0, 0];
    harmful.rule = (_, piece) => {
      passed += piece.length;
      if (passed < (cuts + 1) * 2 * CHUNK || cuts === 3) return 'pass';
      cuts++;
      return 'cut';
    };
    const blob = await far.put(ACCOUNT, pieces(bytes, 50_000));
    expect([blob.md5, cuts]).toEqual([md5Of(bytes), 3]);
    [passed, cuts] = [0, 0];
    const asked: number[] = [];
    for await (const chunk of far.read(blob)) asked.push(chunk.length);
    expect([asked, cuts]).toEqual([[...Array(6).fill(CHUNK), 1], 3]);
    expect((await read(blob.path, blob.sizeBytes)).equals(bytes)).toBe(true);
  });

  it('asks its stream for no more than it has stored', async () => {
    let asked = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (; asked < 3; asked++) {
        const [row] = await sql('SELECT count(*) AS n FROM blob_chunks');
        expect(Number(row?.n)).toBe(asked);
        yield Buffer.alloc(CHUNK);
      }
    }
    await blobs.put(ACCOUNT, endless());
    expect(asked).toBe(3);
  });

  it('nothing is left of a stream that fails, and a swept blob is not written on', async () => {
    async function* failing(then: () => Promise<unknown>): AsyncGenerator<Buffer> {
      yield Buffer.alloc(CHUNK + 1);
      await then();
      yield Buffer.alloc(CHUNK);
    }
    const fails = blobs.put(
      ACCOUNT,
      failing(() => Promise.reject(new Error('EIO'))),
    );
    await expect(fails).rejects.toThrow('EIO');
    expect(await stored()).toEqual([]);
    const swept = failing(async () => {
      await age();
      await ((await stores.open('sweeper')).blobs as Blobs).sweep();
    });
    await expect(blobs.put(ACCOUNT, swept)).rejects.toMatchObject({ kind: 'storage' });
    expect(await stored()).toEqual([]);
  });

  it('removes what no part needs: never what is young, open, or may be queued again', async () => {
    const [open, gone, returning, pinned, killed] = await Promise.all(
      Array.from({ length: 5 }, () => file()),
    );
    if (!open || !gone || !returning || !pinned || !killed) throw new Error('five files');
    await queue(open, gone, returning);
    await sql(`UPDATE parts SET state = 'confirmed' WHERE convert_from(file, 'UTF8') LIKE '%${gone.path}%'`);
    await sql(
      `UPDATE parts SET state = 'expired', reason = 'hold-max, told' WHERE convert_from(file, 'UTF8') LIKE '%${returning.path}%'`,
    );
    // A killed process has left it without an end, of more chunks than one step deletes.
    await sql(`UPDATE blobs SET size_bytes = NULL WHERE blob = '${killed.path}'`);
    await sql(`INSERT INTO blob_chunks SELECT '${killed.path}', n, 'x' FROM generate_series(1, 200) AS n`);
    const sweeper = async (): Promise<void> => (await stores.open('sweeper')).blobs?.sweep();
    await sweeper();
    expect(await stored()).toHaveLength(5);
    await age();
    await blobs.touch(ACCOUNT, [pinned.path]);
    await sweeper();
    expect((await stored()).sort()).toEqual([open.path, pinned.path, returning.path].sort());
    await blobs.remove('another@im.bot', [pinned.path]);
    await blobs.remove(ACCOUNT, [open.path, returning.path, '/home/a/file']);
    expect(await stored()).toHaveLength(3);
    await blobs.remove(ACCOUNT, [pinned.path]);
    expect(await stored()).toHaveLength(2);
    await expect(read(pinned.path, 5)).rejects.toMatchObject({ kind: 'data' });
    await expect(read(open.path, 6)).rejects.toMatchObject({ kind: 'data' });
  });

  it('stores the bytes of a text with its part, wherever parts are made', async () => {
    const text = (): PartFile => {
      const content = randomBytes(CHUNK + 5);
      const digest = { sizeBytes: content.length, md5: md5Of(content) };
      return { path: blobs.newPath(), name: 'long.txt', kind: 'file', ...digest, content };
    };
    const all: PartFile[] = [];
    const made = (): PartFile => all[all.push(text()) - 1] as PartFile;
    await queue(made());
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    await desk.finish(seq, { kind: 'done' }, [part('preview'), partOf(made())]);
    // What is merged at a release: one in the row of a held part, one in a row of its own.
    await sql("UPDATE parts SET state = 'held', reason = 'budget'");
    const merge = () => [made(), made(), made(), made()].map((one) => ({ text: '', file: one }));
    await desk.receive([incoming()], { allow: 'all', merge });
    const open = (await store.outbox.openParts(ACCOUNT)).flatMap(({ file: one }) => one ?? []);
    expect(open.map(({ path }) => path)).toEqual(all.slice(-4).map(({ path }) => path));
    for (const { path, sizeBytes, content } of all) {
      const rows = open.filter((one) => one.path === path);
      expect(rows.some((row) => 'content' in row)).toBe(false);
      expect((await read(path, sizeBytes ?? 0)).equals(content as Buffer)).toBe(true);
    }
  });
});
