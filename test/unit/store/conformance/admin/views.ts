import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  LOGIN,
  type MakeStore,
  OWNER,
  type StoreUnderTest,
} from '../desk.ts';

/** What `status`, `messages` and the runner read. */
export function describeViews(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const list = (over: { user?: string; sinceMs?: number; limit?: number } = {}) =>
    desk.store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 100, ...over });

  test('an account nobody has opened is not there', async () => {
    expect(await desk.store.admin.accountView('other')).toBeNull();
  });

  test('an account shows its counts, users and holds', async () => {
    const first = await desk.says(OWNER);
    await desk.answers(first, '1', '2');
    const failed = await desk.says(OWNER);
    await desk.start(failed);
    await desk.finish(failed, { kind: 'failed', reason: 'exit', detail: '' });
    await desk.start(await desk.says(FRIEND));
    await desk.receive([incoming({ user: 'stranger' })]);
    await desk.says(OWNER);
    await desk.accept((await desk.claimed(OWNER)).seq);
    await desk.refuse((await desk.claimed(OWNER)).seq);
    await desk.sends(FRIEND, 'queued');
    await desk.sends('unknown', 'nobody');
    await desk.claim('unknown');
    await desk.store.admin.recordPolls([
      { account: ACCOUNT, login: LOGIN, cursor: null, nowMs: desk.nowMs + 1 },
    ]);
    expect(await desk.store.admin.accountView(ACCOUNT)).toEqual({
      owner: OWNER,
      keeper: null,
      deaf: null,
      toAsk: [],
      loginExpired: false,
      lastPollAtMs: desk.nowMs + 1,
      throttledUntilMs: null,
      inbox: { received: 1, running: 1, failed: 1, ignored: 1, unknown: 0 },
      outbox: { queued: 1, sending: 0, held: 2, delayed: 0, scheduled: 0 },
      users: [
        {
          user: OWNER,
          lastMessageAtMs: desk.nowMs,
          hasToken: true,
          sentSinceMessage: 1,
          hold: { reason: 'context', parts: 1, sinceMs: desk.nowMs },
        },
        { user: FRIEND, lastMessageAtMs: desk.nowMs, hasToken: true, sentSinceMessage: 0, hold: null },
        {
          user: 'unknown',
          lastMessageAtMs: null,
          hasToken: false,
          sentSinceMessage: 0,
          hold: { reason: 'first-contact', parts: 1, sinceMs: desk.nowMs },
        },
      ],
    });
  });

  test('a message that waits for its next try counts as received', async () => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    await desk.finish(seq, { kind: 'retry', notBeforeMs: desk.nowMs + 9, counts: true, detail: '' });
    expect((await desk.store.admin.accountView(ACCOUNT))?.inbox.received).toBe(1);
  });

  describe('messages', () => {
    test('the newest ones are listed, oldest first, by user and time', async () => {
      const seqs: number[] = [];
      for (const user of [OWNER, FRIEND, OWNER]) {
        desk.nowMs += 1_000;
        seqs.push(await desk.says(user));
      }
      const numbers = async (over: Parameters<typeof list>[0]) => (await list(over)).map((one) => one.seq);
      expect(await numbers({})).toEqual(seqs);
      expect(await numbers({ limit: 2 })).toEqual(seqs.slice(1));
      expect(await numbers({ user: OWNER })).toEqual([seqs[0], seqs[2]]);
      expect(await numbers({ sinceMs: desk.nowMs - 1_000 })).toEqual(seqs.slice(1));
    });

    test('bytes, kind, reason and attempts come back as they were', async () => {
      const raw = Buffer.from([0, 255, 10, 0, 39]);
      await desk.receive([incoming({ raw, kind: 'voice', ignore: 'too-old' })]);
      expect(await list()).toMatchObject([
        { raw, kind: 'voice', state: 'ignored', reason: 'too-old', receivedAtMs: desk.nowMs, attempt: 0 },
      ]);
    });

    test('the bytes of a started turn are those that came', async () => {
      const raw = Buffer.from(JSON.stringify({ text: 'a\0b\ud83d', big: 'x'.repeat(1_000_000) }));
      const seq = await desk.says(OWNER, { raw });
      expect((await desk.start(seq)).messages[0]?.raw.equals(raw)).toBe(true);
    });

    test('a failed message says why', async () => {
      const seq = await desk.says(OWNER);
      await desk.start(seq);
      await desk.finish(seq, { kind: 'failed', reason: 'exit', detail: 'line\0one' });
      expect(await list()).toMatchObject([{ state: 'failed', reason: 'exit', detail: 'line\0one' }]);
    });
  });

  describe('budget', () => {
    const budget = (user = OWNER) => desk.store.outbox.budget({ account: ACCOUNT, user, nowMs: desk.nowMs });

    test('nobody who has not written can be reached', async () => {
      expect(await budget()).toEqual({ left: 0, queued: 0, isOpen: false });
    });

    test('it shrinks with each message and is full again when the user writes', async () => {
      await desk.says(OWNER);
      for (let left = 10; left > 0; left--) {
        expect(await budget()).toEqual({ left, queued: 0, isOpen: true });
        await desk.sends(OWNER, 'x');
        await desk.accept((await desk.claimed(OWNER)).seq);
      }
      expect(await budget()).toEqual({ left: 0, queued: 0, isOpen: false });
      await desk.says(OWNER);
      expect(await budget()).toEqual({ left: 10, queued: 0, isOpen: true });
    });

    test('what is queued is told, but not what is on its way, or held, or of others', async () => {
      await desk.says(OWNER);
      await desk.says(FRIEND);
      for (const text of ['one', 'two', 'three']) await desk.sends(OWNER, text);
      expect(await budget()).toMatchObject({ left: 10, queued: 3 });
      const { seq } = await desk.claimed(OWNER);
      expect(await budget()).toMatchObject({ left: 9, queued: 2 });
      expect(await budget(FRIEND)).toMatchObject({ left: 10, queued: 0 });
      await desk.refuse(seq);
      expect(await budget()).toMatchObject({ left: 10, queued: 0 });
    });

    test('the window closes after a day', async () => {
      await desk.says(OWNER);
      desk.nowMs += 24 * 3_600_000;
      expect(await budget()).toMatchObject({ isOpen: false });
    });
  });

  test('the number of changes tells of other processes', async () => {
    const other = await createDesk(await data.open('b'));
    const before = desk.store.changes()(ACCOUNT);
    await other.says(OWNER);
    await expect.poll(() => desk.store.changes()(ACCOUNT)).not.toBe(before);
  });

  test('everything committed so far can be waited for, also when it is on the disk already', async () => {
    await desk.says(OWNER);
    await desk.store.flush();
    await desk.store.flush();
    await Promise.all([desk.store.flush(), desk.says(OWNER), desk.store.flush()]);
    expect(await list()).toHaveLength(2);
  });

  test('what one process has stored another one reads, also after both have ended', async () => {
    await desk.says(OWNER);
    const { seq } = await desk.sends(OWNER, 'kept');
    await desk.store.close();
    const later = await createDesk(await data.open('b'));
    expect(await later.view(seq)).toMatchObject({ text: 'kept', state: 'queued' });
    expect(await later.deliver(OWNER)).toEqual(['kept']);
  });

  test('one message by its id', async () => {
    const { messages } = await desk.receive([incoming({ id: '77', raw: Buffer.from('raw') })]);
    const found = await desk.store.inbox.message({ account: ACCOUNT, id: '77' });
    expect(found).toEqual((await list()).find(({ seq }) => seq === messages[0]?.seq));
    expect(found).toMatchObject({ id: '77', raw: Buffer.from('raw') });
    expect(await desk.store.inbox.message({ account: ACCOUNT, id: '78' })).toBeNull();
    expect(await desk.store.inbox.message({ account: 'other', id: '77' })).toBeNull();
  });
}
