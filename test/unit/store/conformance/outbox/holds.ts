import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HeldPart, Intake } from '../../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  contentOf,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  LOGIN,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
} from '../desk.ts';

/** Holds, their release when the user writes, expiry, and the takeover of an account. */
export function describeHolds(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
    await desk.says(OWNER);
  });
  afterEach(() => data.dispose());

  /** The message that `beforeEach` has stored and nobody has run. */
  const nextMessage = async (): Promise<number> => (await desk.store.inbox.unfinished(ACCOUNT))[0]?.seq ?? 0;

  /** Queues texts and has the first refused, so that all are held. */
  const hold = async (...texts: string[]): Promise<void> => {
    for (const text of texts) await desk.sends(OWNER, text);
    await desk.refuse((await desk.claimed(OWNER)).seq);
  };
  const write = (merge: Intake['merge']) => desk.receive([incoming({ contextToken: 'fresh' })], { merge });
  const texts = (...list: string[]) => list.map((text) => ({ text, file: null }));

  describe('release', () => {
    test('a message of the user releases their held parts, merged, with the new token and a full budget', async () => {
      await hold('1', '2', '3');
      expect((await desk.receive([incoming({ contextToken: 'fresh' })])).released).toEqual([OWNER]);
      const { seq, body } = await desk.claimed(OWNER);
      expect(contentOf(body)).toMatchObject({ text: '1|2|3', contextToken: 'fresh' });
      expect((await desk.accept(seq)).budgetLeft).toBe(9);
    });

    test('the parts that went into another say so', async () => {
      await hold('1', '2');
      const [first, second] = await desk.store.outbox.openParts(ACCOUNT);
      await desk.says(OWNER);
      expect(await desk.view(second?.seq ?? 0)).toMatchObject({ state: 'merged', mergedInto: first?.seq });
    });

    test('nobody else is released', async () => {
      await hold('1');
      expect((await desk.receive([incoming({ user: FRIEND })], { allow: 'all' })).released).toEqual(
        [FRIEND].slice(1),
      );
      expect(await desk.claim(OWNER)).toEqual({ kind: 'nothing', held: [] });
    });

    test('the merge is told the text, the time and the writer of each held part, in order', async () => {
      const seen: HeldPart[][] = [];
      const firstMs = desk.nowMs;
      await hold('1');
      desk.nowMs += 5_000;
      await desk.finish((await desk.start(await nextMessage())).seq, { kind: 'done' }, [part('2', 'notice')]);
      await write((held) => {
        seen.push(held);
        return texts(held.map((one) => one.text).join());
      });
      expect(seen[0]).toEqual([
        { text: '1', file: null, createdAtMs: firstMs, origin: 'send' },
        { text: '2', file: null, createdAtMs: firstMs + 5_000, origin: 'notice' },
      ]);
    });

    test.each([
      ['fewer texts than there were parts', ['a']],
      ['as many', ['a', 'b', 'c']],
      ['more', ['a', 'b', 'c', 'd', 'e']],
    ])('%s come out in order, before what is written later', async (_, merged) => {
      await hold('1', '2', '3');
      await write(() => texts(...merged));
      await desk.sends(OWNER, 'later');
      expect(await desk.deliver(OWNER)).toEqual([...merged, 'later']);
    });

    test('a key, or a time to live, takes no text along that has come into the place of its own', async () => {
      await desk.sends(OWNER, 'status', { key: 'state', expiresAtMs: desk.nowMs + 1_000 });
      await hold('report');
      await write(() => texts('status, rep', 'ort'));
      await desk.sends(OWNER, 'newer', { key: 'state' });
      desk.nowMs += 2_000;
      expect(await desk.deliver(OWNER)).toEqual(['status, rep', 'ort', 'newer']);
    });

    test('a text alone keeps its key, although it says now when it was written', async () => {
      await desk.sends(OWNER, 'text', { key: 'state' });
      await desk.refuse((await desk.claimed(OWNER)).seq);
      await write(() => texts('[13:00]\ntext'));
      await desk.sends(OWNER, 'newer', { key: 'state' });
      expect(await desk.deliver(OWNER)).toEqual(['newer']);
    });

    test('nothing left after the merge: the parts are gone, the queue goes on', async () => {
      await hold('1', '2');
      const held = await desk.store.outbox.openParts(ACCOUNT);
      await write(() => []);
      await desk.sends(OWNER, 'later');
      expect(await desk.deliver(OWNER)).toEqual(['later']);
      for (const { seq } of held)
        expect(await desk.view(seq)).toMatchObject({ state: 'expired', reason: 'empty', mergedInto: null });
    });

    test('released and held again, it can be released again', async () => {
      await hold('1', '2');
      await desk.says(OWNER);
      await desk.refuse((await desk.claimed(OWNER)).seq);
      await desk.says(OWNER);
      expect(await desk.deliver(OWNER)).toEqual(['1|2']);
    });

    test('several messages of one poll release once', async () => {
      await hold('1');
      const taken = await desk.receive([incoming(), incoming()]);
      expect(taken.released).toEqual([OWNER]);
      expect(await desk.deliver(OWNER)).toEqual(['1']);
    });

    test('each request after a release has a client id of its own', async () => {
      await hold('1', '2', '3');
      const before = (await desk.store.outbox.openParts(ACCOUNT)).map((one) => one.clientId);
      await write(() => texts('a', 'b', 'c', 'd'));
      const after = (await desk.store.outbox.openParts(ACCOUNT)).map((one) => one.clientId);
      expect(new Set([...before, ...after]).size).toBe(7);
    });
  });

  describe('expiry', () => {
    const sweep = () =>
      desk.store.admin.sweep({
        accounts: [ACCOUNT],
        nowMs: desk.nowMs,
        holdMaxMs: 1_000,
        finishedMs: 1_000_000,
        finishedPerUser: 100,
      });

    test('what was held for too long expires; the merge is told how many, once', async () => {
      await hold('1', '2');
      desk.nowMs += 1_001;
      await sweep();
      const counts: number[] = [];
      const merge: Intake['merge'] = (_, expired) => {
        counts.push(expired);
        return texts(`${expired} expired`);
      };
      expect((await write(merge)).released).toEqual([OWNER]);
      expect(await desk.deliver(OWNER)).toEqual(['2 expired']);
      expect((await write(merge)).released).toEqual([]);
      expect(counts).toEqual([2]);
    });

    test.each([
      ['hold-max', 'the sweep', -2, () => sweep()],
      ['ttl', 'the sweep', -2, () => sweep()],
      ['ttl', 'a message', -2, () => write(() => [])],
      ['ttl', 'a claim', -5, () => desk.claim(OWNER)],
    ])(
      '%s, as %s finds it, of one refused at a repeat: it may have arrived',
      async (reason, _, code, end) => {
        const expiresAtMs = reason === 'ttl' ? desk.nowMs + 60_000 : null;
        const { seq } = await desk.sends(OWNER, '1', { expiresAtMs });
        await desk.claimed(OWNER);
        desk.nowMs += (await desk.settle(seq, { kind: 'unknown', detail: 'timeout' })).waitMs ?? 0;
        await desk.claimed(OWNER);
        await desk.refuse(seq, code);
        desk.nowMs += 60_001;
        await end();
        expect(await desk.view(seq)).toMatchObject({ state: 'unconfirmed', reason });
        expect(await desk.store.outbox.requeueExpired({ account: ACCOUNT })).toBe(0);
      },
    );

    test('expired parts can be queued again', async () => {
      await hold('1', '2');
      desk.nowMs += 1_001;
      await sweep();
      expect(await desk.store.outbox.requeueExpired({ account: ACCOUNT })).toBe(2);
      expect(await desk.deliver(OWNER)).toEqual(['1', '2']);
    });

    test('what is held for less stays', async () => {
      await hold('1');
      desk.nowMs += 1_000;
      await sweep();
      expect(await desk.store.outbox.openParts(ACCOUNT)).toHaveLength(1);
    });

    test('finished rows are forgotten after their time, whatever lies before them', async () => {
      const nothingToRun = (count: number) =>
        Array.from({ length: count }, () => incoming({ ignore: 'kind:image' }));
      await desk.store.admin.openAccount({
        account: 'unserved',
        login: LOGIN,
        owner: OWNER,
        nowMs: desk.nowMs,
      });
      await desk.receive(nothingToRun(250), { account: 'unserved' });
      await desk.receive(nothingToRun(250));
      const done = await desk.says(OWNER);
      await desk.answers(done, 'x');
      await desk.deliver(OWNER);
      desk.nowMs += 1_000_000;
      while (await sweep());
      const seqs = async (): Promise<number[]> =>
        (await desk.store.inbox.messages({ account: ACCOUNT, user: OWNER, sinceMs: null, limit: 1_000 })).map(
          (one) => one.seq,
        );
      expect(await seqs()).toContain(done);
      desk.nowMs += 1;
      while (await sweep());
      // What still has to run is kept, however old.
      expect(await seqs()).toEqual((await desk.store.inbox.unfinished(ACCOUNT)).map((entry) => entry.seq));
      expect(await desk.store.inbox.unfinished(ACCOUNT)).toHaveLength(1);
    });

    test('no more finished messages of a user are kept than told', async () => {
      const keep = {
        accounts: [ACCOUNT],
        nowMs: desk.nowMs,
        holdMaxMs: 1,
        finishedMs: 1_000_000,
        finishedPerUser: 3,
      };
      const waiting = await nextMessage();
      await desk.start(waiting);
      await desk.finish(waiting, { kind: 'retry', notBeforeMs: desk.nowMs, counts: true, detail: '' });
      for (let n = 0; n < 5; n++) await desk.answers(await desk.says(OWNER));
      while (await desk.store.admin.sweep(keep));
      const left = await desk.store.inbox.messages({
        account: ACCOUNT,
        user: OWNER,
        sinceMs: null,
        limit: 10,
      });
      expect(left.map((one) => one.state)).toEqual(['waiting', 'done', 'done', 'done']);
      expect(left[0]?.seq).toBe(waiting);
    });
  });

  test('a part is kept as long as what was merged into it, which says where it went', async () => {
    await hold('1', '2');
    const [first, second] = (await desk.store.outbox.openParts(ACCOUNT)).map(({ seq }) => seq);
    await desk.says(OWNER);
    expect(await desk.deliver(OWNER)).toEqual(['1|2']);
    const sweep = async (finishedPerUser: number) => {
      const keep = { accounts: [ACCOUNT], nowMs: desk.nowMs, holdMaxMs: 1e9, finishedMs: 1e9 };
      while (await desk.store.admin.sweep({ ...keep, finishedPerUser }));
      const left = await desk.store.outbox.parts([first ?? 0, second ?? 0]);
      return left.map(({ state }) => state);
    };
    // The numbers of so many newest parts are kept: of one user there is one.
    expect(await sweep(1)).toEqual(['confirmed', 'merged']);
    expect(await sweep(0)).toEqual([]);
  });

  describe('another login', () => {
    const takeOver = (owner: string | null = OWNER) =>
      desk.store.admin.openAccount({ account: ACCOUNT, login: 'login-2', owner, nowMs: desk.nowMs });

    test('the same login changes nothing', async () => {
      await desk.receive([], { cursor: 'c1' });
      await desk.sends(OWNER, '1');
      const opened = await desk.store.admin.openAccount({
        account: ACCOUNT,
        login: LOGIN,
        owner: OWNER,
        nowMs: desk.nowMs,
      });
      expect(opened).toMatchObject({ cursor: 'c1', loginExpired: false });
      expect(await desk.deliver(OWNER)).toEqual(['1']);
    });

    test('it clears what belonged to the old bot and keeps the account', async () => {
      await desk.receive([incoming({ contextToken: 'old' })], { cursor: 'c1' });
      await desk.store.admin.markLogin({ account: ACCOUNT, login: LOGIN, expired: true });
      expect(await takeOver(null)).toMatchObject({ cursor: '', loginExpired: false, owner: OWNER });
      expect(await desk.store.sessions.contextToken({ account: ACCOUNT, user: OWNER })).toBeNull();
      expect(await desk.store.inbox.unfinished(ACCOUNT)).toHaveLength(2);
    });

    test('what was queued waits for the user, what was on its way stays unconfirmed', async () => {
      await desk.sends(OWNER, '1');
      await desk.sends(OWNER, '2');
      const { seq } = await desk.claimed(OWNER);
      await takeOver();
      expect(await desk.view(seq)).toMatchObject({ state: 'unconfirmed' });
      expect(await desk.store.outbox.openParts(ACCOUNT)).toMatchObject([
        { text: '2', state: 'held', reason: 'context' },
      ]);
      await desk.receive([incoming({ contextToken: 'new' })], { login: 'login-2' });
      expect(contentOf((await desk.claimed(OWNER)).body)).toMatchObject({ text: '2', contextToken: 'new' });
    });

    test('an answer made after it waits for a token of the new bot', async () => {
      const [entry] = await desk.store.inbox.unfinished(ACCOUNT);
      await desk.start(entry?.seq ?? 0);
      await takeOver();
      await desk.finish(entry?.seq ?? 0, { kind: 'done' }, [part('late')]);
      expect(await desk.claim(OWNER)).toMatchObject({
        kind: 'nothing',
        held: [{ text: 'late', reason: 'context' }],
      });
      await desk.receive([incoming({ contextToken: 'new' })], { login: 'login-2' });
      expect(contentOf((await desk.claimed(OWNER)).body).contextToken).toBe('new');
    });

    test('an answer of the server to the old bot changes nothing', async () => {
      await desk.sends(OWNER, '1');
      const { seq } = await desk.claimed(OWNER);
      await takeOver();
      await desk.refuse(seq);
      expect((await desk.view(seq)).state).toBe('unconfirmed');
    });

    test('news of the old login are not news of the new one', async () => {
      await takeOver();
      await desk.store.admin.markLogin({ account: ACCOUNT, login: LOGIN, expired: true });
      expect((await desk.store.admin.accountView(ACCOUNT))?.loginExpired).toBe(false);
      await desk.store.admin.markLogin({ account: ACCOUNT, login: 'login-2', expired: true });
      expect((await desk.store.admin.accountView(ACCOUNT))?.loginExpired).toBe(true);
    });

    test('other accounts are left alone', async () => {
      await desk.store.admin.openAccount({ account: 'other', login: LOGIN, owner: OWNER, nowMs: desk.nowMs });
      await desk.receive([incoming()], { account: 'other', cursor: 'c5' });
      await takeOver();
      const other = await desk.store.admin.openAccount({
        account: 'other',
        login: LOGIN,
        owner: OWNER,
        nowMs: desk.nowMs,
      });
      expect(other.cursor).toBe('c5');
      expect(await desk.store.sessions.contextToken({ account: 'other', user: OWNER })).not.toBeNull();
    });
  });
}
