import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Claim, NewPart, PartFile, PartView, Store } from '../../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  contentOf,
  createDesk,
  type Desk,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
} from '../desk.ts';

/** Parts with a file: claimed for their upload, then for their request. */
export function describeFiles(make: MakeStore): void {
  let data: StoreUnderTest;
  let store: Store;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    store = await data.open('me');
    desk = await createDesk(store);
    await desk.says(OWNER);
  });
  afterEach(() => data.dispose());

  const film: PartFile = { path: '/out/1', name: 'a.mp4', kind: 'video', sizeBytes: 9, md5: 'm' };

  async function sendFile(over: Partial<NewPart> = {}): Promise<PartView> {
    return desk.sends(OWNER, '', { parts: [{ ...part('', 'send'), file: film, ...over }] });
  }
  async function claimUpload(): Promise<Extract<Claim, { kind: 'upload' }>> {
    const claim = await desk.claim(OWNER);
    if (claim.kind !== 'upload') throw new Error(`no upload, but ${JSON.stringify(claim)}`);
    return claim;
  }
  /** Uploads the head of the queue and claims its request. */
  async function uploaded(upload: string): Promise<number> {
    const { seq } = await claimUpload();
    await store.outbox.settleUpload({
      account: ACCOUNT,
      seq,
      result: { kind: 'uploaded', upload },
      nowMs: desk.nowMs,
    });
    const claimed = await desk.claimed(OWNER);
    expect(contentOf(claimed.body).upload).toBe(upload);
    return claimed.seq;
  }

  test('are seen as what the phone shows, and handed to the upload as they were kept', async () => {
    expect(await sendFile()).toMatchObject({ kind: 'video', file: film });
    expect((await claimUpload()).file).toEqual(film);
    expect((await store.outbox.openParts(ACCOUNT))[0]).toMatchObject({ kind: 'video', state: 'uploading' });
  });

  test('of a version that kept only path and name are files', async () => {
    const old = { path: '/out/1', name: 'a.mp4' } as PartFile;
    const whole = { ...old, kind: 'file', sizeBytes: null, md5: null };
    expect(await sendFile({ file: old })).toMatchObject({ kind: 'file', file: whole });
    expect((await claimUpload()).file).toEqual(whole);
  });

  test('a cut upload is given back and begun again by whoever comes next, after failures too', async () => {
    await sendFile();
    const { seq } = await claimUpload();
    await store.outbox.settleUpload({
      account: ACCOUNT,
      seq,
      result: { kind: 'retry', detail: 'CDN' },
      nowMs: desk.nowMs,
    });
    desk.nowMs += 60_000;
    await claimUpload();
    await store.outbox.returnPart({ account: ACCOUNT, seq });
    expect((await desk.view(seq)).state).toBe('queued');
    const other = await data.open('other');
    const terms = {
      account: ACCOUNT,
      user: OWNER,
      nowMs: desk.nowMs,
      paceMs: 0,
      encode: () => Buffer.alloc(0),
    };
    expect(await other.outbox.claimPart(terms)).toMatchObject({ kind: 'upload', seq });
  });

  test('an upload that a killed process has left is begun again at once', async () => {
    await sendFile();
    const { seq } = await claimUpload();
    data.kill('me');
    const other = await data.open('other');
    const terms = {
      account: ACCOUNT,
      user: OWNER,
      nowMs: desk.nowMs,
      paceMs: 0,
      encode: () => Buffer.alloc(0),
    };
    expect(await other.outbox.claimPart(terms)).toMatchObject({ kind: 'upload', seq });
  });

  test.each([
    [-2, 'invalid arguments', 0],
    [-7, 'whatever', 2_000],
  ])(
    'refused with %i %s: once more with a new reference, which is kept from then on',
    async (code, errmsg, waitMs) => {
      await sendFile();
      const seq = await uploaded('first');
      expect(await desk.refuse(seq, code, errmsg)).toMatchObject({ waitMs, part: { state: 'queued' } });
      desk.nowMs += waitMs;
      await uploaded('second');
      const again = await desk.refuse(seq, code, errmsg);
      if (errmsg === 'invalid arguments') {
        expect(again.part).toMatchObject({ state: 'refused', reason: 'invalid arguments' });
      } else {
        desk.nowMs += waitMs;
        expect(contentOf((await desk.claimed(OWNER)).body).upload).toBe('second');
      }
    },
  );

  test('who waits sees how far an upload is, while its process lives', async () => {
    const { seq } = await sendFile();
    const other = await data.open('b');
    const upload = (): Promise<unknown> =>
      other.outbox.runningUpload({ account: ACCOUNT, user: OWNER, nowMs: desk.nowMs });
    expect(await upload()).toBeNull();
    await claimUpload();
    expect(await upload()).toEqual({ seq, progress: null });
    await desk.store.outbox.recordUpload({ account: ACCOUNT, seq, sentBytes: 4, totalBytes: 16 });
    expect(await upload()).toEqual({ seq, progress: { sentBytes: 4, totalBytes: 16 } });
    data.kill('me');
    expect(await upload()).toBeNull();
  });

  test('a text is not asked again for that', async () => {
    const { seq } = await desk.sends(OWNER, 'x');
    await desk.claimed(OWNER);
    expect((await desk.refuse(seq, -2, 'invalid arguments')).part.state).toBe('refused');
  });

  test('a refusal that is about an older token keeps the reference', async () => {
    await sendFile();
    const seq = await uploaded('first');
    await desk.says(OWNER);
    await desk.refuse(seq);
    expect(contentOf((await desk.claimed(OWNER)).body).upload).toBe('first');
  });

  test('so does a throttle, which ends by itself', async () => {
    for (const text of ['1', '2']) {
      await desk.sends(OWNER, text);
      await desk.accept((await desk.claimed(OWNER)).seq);
    }
    await sendFile();
    const seq = await uploaded('first');
    expect((await desk.refuse(seq)).part).toMatchObject({ state: 'held', reason: 'throttle' });
    desk.nowMs += 31_000;
    expect(contentOf((await desk.claimed(OWNER)).body).upload).toBe('first');
  });

  test('a hold that the user ends uploads anew: nobody knows how long a reference lives', async () => {
    await sendFile();
    const seq = await uploaded('first');
    expect((await desk.refuse(seq)).part).toMatchObject({ state: 'held', kind: 'video', file: film });
    desk.nowMs += 60_000;
    await desk.says(OWNER);
    expect((await claimUpload()).file).toEqual(film);
  });
}
