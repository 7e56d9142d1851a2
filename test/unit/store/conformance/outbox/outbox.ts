import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectJittered } from '../../../../helpers/jitter.ts';
import {
  ACCOUNT,
  contentOf,
  createDesk,
  type Desk,
  FRIEND,
  LOGIN,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
} from '../desk.ts';

/** The outbox: order, leases, pace, repeats, what `send` may ask for. */
export function describeOutbox(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  /** A message of the owner that nobody has run. */
  let first: number;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
    first = await desk.says(OWNER, { contextToken: 'token' });
    await desk.says(FRIEND);
  });
  afterEach(() => data.dispose());

  /** The same data as another process sees it. */
  const beside = async (name: string): Promise<Desk> => {
    const other = await createDesk(await data.open(name));
    other.nowMs = desk.nowMs;
    return other;
  };
  const unknown = { kind: 'unknown', detail: 'timeout' } as const;

  describe('order', () => {
    test('one queue per user, whoever wrote the part', async () => {
      await desk.sends(OWNER, '1');
      await desk.answers(first, '2', '3');
      await desk.sends(FRIEND, 'for somebody else');
      await desk.sends(OWNER, '4');
      expect(await desk.deliver(OWNER)).toEqual(['1', '2', '3', '4']);
      expect(await desk.deliver(FRIEND)).toEqual(['for somebody else']);
    });

    test('a part carries its client id, the newest token and nothing of other users', async () => {
      const view = await desk.sends(OWNER, 'hello');
      const { body } = await desk.claimed(OWNER);
      expect(contentOf(body)).toEqual({
        user: OWNER,
        clientId: view.clientId,
        contextToken: 'token',
        runId: null,
        text: 'hello',
        upload: null,
      });
    });

    test('a held part stops all later ones, whenever they are written', async () => {
      await desk.sends(OWNER, '1');
      await desk.sends(OWNER, '2');
      const verdict = await desk.refuse((await desk.claimed(OWNER)).seq);
      const late = await desk.sends(OWNER, '3');
      expect(verdict.held.map((one) => one.text)).toEqual(['2']);
      expect(late).toMatchObject({ state: 'held', reason: 'context', heldAtMs: desk.nowMs });
      expect(await desk.claim(OWNER)).toEqual({ kind: 'nothing', held: [] });
    });

    test('users with something open are listed by the age of it', async () => {
      await desk.sends(FRIEND, '1');
      await desk.sends(OWNER, '2');
      await desk.sends(FRIEND, '3');
      expect(await desk.store.outbox.usersToDeliver(ACCOUNT)).toEqual([FRIEND, OWNER]);
      await desk.deliver(FRIEND);
      expect(await desk.store.outbox.usersToDeliver(ACCOUNT)).toEqual([OWNER]);
    });

    test('a dead login sends nothing, a working one does', async () => {
      await desk.sends(OWNER, '1');
      await desk.store.admin.markLogin({ account: ACCOUNT, login: LOGIN, expired: true });
      expect(await desk.claim(OWNER)).toEqual({ kind: 'nothing', held: [] });
      await desk.store.admin.markLogin({ account: ACCOUNT, login: LOGIN, expired: false });
      expect(await desk.claim(OWNER)).toMatchObject({ kind: 'part' });
    });

    test('the verdict tells what is left of the budget', async () => {
      for (let n = 1; n <= 11; n++) await desk.sends(OWNER, String(n));
      for (let left = 9; left >= -1; left--) {
        const verdict = await desk.accept((await desk.claimed(OWNER)).seq);
        expect(verdict.budgetLeft).toBe(Math.max(0, left));
      }
    });
  });

  test('accepted with an id is confirmed, without one unconfirmed, and neither is sent again', async () => {
    const [one, two] = [await desk.sends(OWNER, '1'), await desk.sends(OWNER, '2')];
    await desk.settle((await desk.claimed(OWNER)).seq, {
      kind: 'accepted',
      messageId: '18446744073709551615',
    });
    await desk.settle((await desk.claimed(OWNER)).seq, { kind: 'accepted', messageId: null });
    expect(await desk.view(one.seq)).toMatchObject({ state: 'confirmed', serverId: '18446744073709551615' });
    expect(await desk.view(two.seq)).toMatchObject({ state: 'unconfirmed', serverId: null });
    expect(await desk.claim(OWNER)).toEqual({ kind: 'nothing', held: [] });
  });

  describe('leases', () => {
    test('two processes never have parts of one user at once, of two users they may', async () => {
      const other = await beside('b');
      await desk.sends(OWNER, '1');
      await desk.sends(OWNER, '2');
      await desk.sends(FRIEND, '3');
      const { seq } = await desk.claimed(OWNER);
      expect(await other.claim(OWNER)).toMatchObject({ kind: 'wait' });
      expect(await other.claim(FRIEND)).toMatchObject({ kind: 'part' });
      await desk.accept(seq);
      expect(contentOf((await other.claimed(OWNER)).body).text).toBe('2');
    });

    test('nobody waits for another process where nothing is to be sent', async () => {
      const other = await beside('b');
      const { seq } = await desk.sends(OWNER, '1');
      await desk.claimed(OWNER);
      await other.store.outbox.dropParts({
        account: ACCOUNT,
        seqs: [seq],
        reason: 'dropped',
        nowMs: other.nowMs,
      });
      expect(await other.claim(OWNER)).toEqual({ kind: 'nothing', held: [] });
    });

    test('asked at the same moment only one of them gets the part', async () => {
      const other = await beside('b');
      for (let n = 0; n < 20; n++) {
        await desk.sends(OWNER, String(n));
        const claims = await Promise.all([desk.claim(OWNER), other.claim(OWNER)]);
        expect(claims.map((claim) => claim.kind).sort()).toEqual(['part', 'wait']);
        for (const claim of claims)
          if (claim.kind === 'part')
            await desk.store.outbox
              .settlePart({
                account: ACCOUNT,
                seq: claim.part.seq,
                reply: { kind: 'accepted', messageId: '1' },
                nowMs: desk.nowMs,
              })
              .catch(() => {});
        desk.nowMs += 60_000;
        other.nowMs = desk.nowMs;
        await other.deliver(OWNER);
      }
    });

    test('a lease ends with its process, at once', async () => {
      const other = await beside('b');
      await desk.sends(OWNER, '1');
      const { body } = await desk.claimed(OWNER);
      data.kill('a');
      expect((await other.claimed(OWNER)).body).toEqual(body);
    });

    test('a lease ends after a minute, though its process may live', async () => {
      const other = await beside('b');
      await desk.sends(OWNER, '1');
      await desk.claimed(OWNER);
      other.nowMs += 59_999;
      expect(await other.claim(OWNER)).toMatchObject({ kind: 'wait' });
      other.nowMs += 1;
      expect(await other.claim(OWNER)).toMatchObject({ kind: 'part' });
    });

    test('a lease of the future was taken before the clock was set back: nobody waits for it', async () => {
      const other = await beside('b');
      await desk.sends(OWNER, '1');
      await desk.claimed(OWNER);
      other.nowMs -= 24 * 3_600_000;
      expect(await other.claim(OWNER)).toMatchObject({ kind: 'part' });
    });

    test('who gets the poller lock frees the leases of the former poller only', async () => {
      const [b, c] = [await beside('b'), await beside('c')];
      await desk.sends(OWNER, '1');
      await desk.sends(FRIEND, '2');
      await desk.claimed(OWNER);
      await b.claimed(FRIEND);
      await c.store.turns.recover({ account: ACCOUNT, former: 'a', retries: 3, nowMs: c.nowMs });
      expect(await c.claim(OWNER)).toMatchObject({ kind: 'part' });
      expect(await c.claim(FRIEND)).toMatchObject({ kind: 'wait' });
    });

    test('who has lost a lease cannot give away that of another', async () => {
      const [b, c] = [await beside('b'), await beside('c')];
      await desk.sends(OWNER, '1');
      const { seq } = await desk.claimed(OWNER);
      for (const one of [desk, b, c]) one.nowMs += 60_000;
      expect((await b.claimed(OWNER)).seq).toBe(seq);
      await desk.settle(seq, unknown);
      expect(await c.claim(OWNER)).toMatchObject({ kind: 'wait' });
      expect(await desk.claim(OWNER)).toMatchObject({ kind: 'wait' });
    });

    test('a late refusal does not change the part that another process repeats', async () => {
      const b = await beside('b');
      await desk.sends(OWNER, '1');
      const { seq } = await desk.claimed(OWNER);
      b.nowMs += 60_000;
      await b.claimed(OWNER);
      await desk.refuse(seq);
      expect(await desk.view(seq)).toMatchObject({ state: 'sending' });
      await b.accept(seq);
      expect(await desk.view(seq)).toMatchObject({ state: 'confirmed' });
    });

    test('a late answer that it was accepted is true whoever hears it', async () => {
      const b = await beside('b');
      await desk.sends(OWNER, '1');
      const { seq } = await desk.claimed(OWNER);
      b.nowMs += 60_000;
      await b.claimed(OWNER);
      await desk.accept(seq);
      await b.settle(seq, unknown);
      expect(await desk.view(seq)).toMatchObject({ state: 'confirmed', serverId: `server-${seq}` });
    });
  });

  describe('pace', () => {
    /** Milliseconds until the next part to the user may go, having claimed and settled it if that is now. */
    const wait = async (user: string, at: Desk = desk): Promise<number> => {
      const claim = await at.claim(user, 1_500);
      if (claim.kind === 'wait') return claim.waitMs;
      if (claim.kind !== 'part') throw new Error(claim.kind);
      await at.accept(claim.part.seq);
      return 0;
    };
    const users = Array.from({ length: 6 }, (_, n) => `user-${n}`);
    beforeEach(async () => {
      for (const user of users) {
        await desk.says(user);
        await desk.sends(user, '1');
        await desk.sends(user, '2');
      }
      desk.nowMs += 3_600_000;
    });

    test('two parts at once, then one per pace, whoever they are for', async () => {
      expect([await wait('user-0'), await wait('user-1'), await wait('user-2')]).toEqual([0, 0, 1_500]);
      desk.nowMs += 1_499;
      expect(await wait('user-2')).toBe(1);
      desk.nowMs += 1;
      expect([await wait('user-2'), await wait('user-3')]).toEqual([0, 1_500]);
    });

    test('a pause gives the burst back, but never more than it', async () => {
      await wait('user-0');
      await wait('user-1');
      desk.nowMs += 100_000;
      expect([await wait('user-2'), await wait('user-3'), await wait('user-4')]).toEqual([0, 0, 1_500]);
    });

    test('two parts to one user are 150 ms apart', async () => {
      expect([await wait('user-0'), await wait('user-0')]).toEqual([0, 150]);
      desk.nowMs += 150;
      expect(await wait('user-0')).toBe(0);
    });

    test('it holds across processes', async () => {
      const other = await beside('b');
      expect([await wait('user-0'), await wait('user-1', other), await wait('user-2')]).toEqual([
        0, 0, 1_500,
      ]);
      expect(await wait('user-2', other)).toBe(1_500);
    });

    test('a clock that was set back stops nothing', async () => {
      await wait('user-0');
      await wait('user-1');
      desk.nowMs -= 3_600_000;
      expect(await wait('user-0')).toBe(0);
    });

    test('a pace of 0 turns it off', async () => {
      for (const user of users) await desk.accept((await desk.claimed(user)).seq);
    });

    test('the pace of one account is not that of another', async () => {
      const terms = { nowMs: desk.nowMs, paceMs: 1_500, encode: () => Buffer.from('x') };
      await desk.store.admin.openAccount({ account: 'other', login: LOGIN, owner: OWNER, nowMs: desk.nowMs });
      await desk.receive([{ ...(await import('../desk.ts')).incoming(), user: OWNER }], { account: 'other' });
      await desk.sends(OWNER, 'x', { account: 'other' });
      await wait('user-0');
      await wait('user-1');
      expect(await desk.store.outbox.claimPart({ account: 'other', user: OWNER, ...terms })).toMatchObject({
        kind: 'part',
      });
    });
  });

  describe('an unknown result', () => {
    test('is followed by the same bytes, whatever came meanwhile', async () => {
      await desk.sends(OWNER, '1');
      const first = await desk.claimed(OWNER);
      await desk.says(OWNER, { contextToken: 'newer' });
      const verdict = await desk.settle(first.seq, unknown);
      await desk.says(OWNER, { contextToken: 'newest' });
      desk.nowMs += verdict.waitMs ?? 0;
      const again = await desk.claimed(OWNER);
      expect(again).toEqual({ ...first, repeats: 1 });
      expect(contentOf(again.body).contextToken).toBe('token');
    });

    test('and then a refusal: it may have arrived before, so it keeps its id and its text, and is merged with nothing', async () => {
      await desk.sends(OWNER, '1');
      await desk.sends(OWNER, '2');
      await desk.sends(OWNER, '3');
      const first = await desk.claimed(OWNER);
      desk.nowMs += (await desk.settle(first.seq, unknown)).waitMs ?? 0;
      const again = await desk.claimed(OWNER);
      expect((await desk.refuse(again.seq)).part.state).toBe('held');
      await desk.says(OWNER, { contextToken: 'newest' });
      const released = await desk.claimed(OWNER);
      const { clientId } = contentOf(first.body);
      expect(contentOf(released.body)).toMatchObject({ clientId, text: '1', contextToken: 'newest' });
      await desk.accept(released.seq);
      expect(await desk.deliver(OWNER)).toEqual(['2|3']);
    });

    test('is followed by that part before anything else of the user', async () => {
      await desk.sends(OWNER, '1');
      await desk.sends(OWNER, '2');
      const { seq } = await desk.claimed(OWNER);
      const { waitMs } = await desk.settle(seq, unknown);
      expect(waitMs).toBeGreaterThan(0);
      expect(await desk.claim(OWNER)).toEqual({ kind: 'wait', waitMs });
      desk.nowMs += waitMs ?? 0;
      expect((await desk.claimed(OWNER)).seq).toBe(seq);
    });

    test('waits longer and longer, up to half a minute, and stops nobody else', async () => {
      await desk.sends(OWNER, '1');
      await desk.sends(FRIEND, '2');
      const waits: (number | null)[] = [];
      for (let n = 0; n < 8; n++) {
        const verdict = await desk.settle((await desk.claimed(OWNER)).seq, unknown);
        waits.push(verdict.waitMs);
        desk.nowMs += verdict.waitMs ?? 0;
      }
      expectJittered(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
      expect(await desk.deliver(FRIEND)).toEqual(['2']);
    });

    test('counts against the budget each time: the server may take it for another message', async () => {
      await desk.sends(OWNER, '1');
      const { seq } = await desk.claimed(OWNER);
      await desk.settle(seq, unknown);
      desk.nowMs += 500;
      await desk.claimed(OWNER);
      expect((await desk.accept(seq)).budgetLeft).toBe(8);
    });

    test('is what a process leaves that was killed while sending', async () => {
      await desk.sends(OWNER, '1');
      const { body } = await desk.claimed(OWNER);
      data.kill('a');
      const other = await beside('b');
      await other.says(OWNER, { contextToken: 'newer' });
      expect((await other.claimed(OWNER)).body).toEqual(body);
    });
  });

  describe('a request that never left', () => {
    const unsent = { kind: 'unsent', detail: 'connect ECONNREFUSED' } as const;

    test('has not arrived: it is queued again, may change, costs nothing, and is tried less and less often', async () => {
      await desk.sends(OWNER, '1');
      const waits: (number | null)[] = [];
      for (let n = 0; n < 8; n++) {
        const verdict = await desk.settle((await desk.claimed(OWNER)).seq, unsent);
        expect(verdict.part).toMatchObject({ state: 'queued', reason: 'connect ECONNREFUSED' });
        waits.push(verdict.waitMs);
        desk.nowMs += verdict.waitMs ?? 0;
      }
      expectJittered(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
      await desk.says(OWNER, { contextToken: 'newer' });
      const { seq, body } = await desk.claimed(OWNER);
      expect(contentOf(body).contextToken).toBe('newer');
      expect((await desk.accept(seq)).budgetLeft).toBe(9);

      await desk.sends(OWNER, '2');
      desk.nowMs += (await desk.settle((await desk.claimed(OWNER)).seq, unsent)).waitMs ?? 0;
      expect((await desk.accept((await desk.claimed(OWNER)).seq)).budgetLeft).toBe(8);
    });

    test('leaves one that may have arrived before as it was', async () => {
      await desk.sends(OWNER, '1');
      const { seq, body } = await desk.claimed(OWNER);
      desk.nowMs += (await desk.settle(seq, unknown)).waitMs ?? 0;
      await desk.claimed(OWNER);
      desk.nowMs += (await desk.settle(seq, unsent)).waitMs ?? 0;
      expect(await desk.view(seq)).toMatchObject({ state: 'sending' });
      await desk.says(OWNER, { contextToken: 'newer' });
      expect((await desk.claimed(OWNER)).body).toEqual(body);
    });
  });

  describe('given back', () => {
    test('a part that was not sent may change before it goes', async () => {
      await desk.sends(OWNER, '1');
      const { seq } = await desk.claimed(OWNER);
      await desk.store.outbox.returnPart({ account: ACCOUNT, seq });
      await desk.says(OWNER, { contextToken: 'newer' });
      expect(contentOf((await desk.claimed(OWNER)).body).contextToken).toBe('newer');
      expect((await desk.accept(seq)).budgetLeft).toBe(9);
    });

    test.each(['an unknown answer', 'a kill'])('a part that may have arrived by %s does not', async (how) => {
      await desk.sends(OWNER, '1');
      const { seq, body } = await desk.claimed(OWNER);
      let next = desk;
      if (how === 'a kill') {
        data.kill('a');
        next = await beside('b');
      } else desk.nowMs += (await desk.settle(seq, unknown)).waitMs ?? 0;
      await next.claimed(OWNER);
      await next.store.outbox.returnPart({ account: ACCOUNT, seq });
      await next.says(OWNER, { contextToken: 'newer' });
      expect((await next.claimed(OWNER)).body).toEqual(body);
    });

    test('the user is free for the next claim', async () => {
      const other = await beside('b');
      await desk.sends(OWNER, '1');
      const { seq } = await desk.claimed(OWNER);
      await desk.store.outbox.returnPart({ account: ACCOUNT, seq });
      expect(await other.claim(OWNER)).toMatchObject({ kind: 'part' });
    });
  });

  describe('what send may ask for', () => {
    test('the same --id is queued once, also after it was sent', async () => {
      const first = await desk.sends(OWNER, 'x', { id: 'daily' });
      expect((await desk.sends(OWNER, 'y', { id: 'daily' })).seq).toBe(first.seq);
      await desk.deliver(OWNER);
      expect(await desk.sends(OWNER, 'z', { id: 'daily' })).toMatchObject({
        seq: first.seq,
        state: 'confirmed',
      });
      expect((await desk.sends(OWNER, 'x', { id: 'other' })).seq).not.toBe(first.seq);
    });

    test('a newer text under the same --key takes the place of one that waits', async () => {
      const old = await desk.sends(OWNER, 'old', { key: 'weather' });
      await desk.sends(OWNER, 'else');
      await desk.sends(OWNER, 'new', { key: 'weather' });
      expect(await desk.view(old.seq)).toMatchObject({ state: 'expired', reason: 'replaced' });
      expect(await desk.deliver(OWNER)).toEqual(['else', 'new']);
    });

    test('what is on its way is not replaced', async () => {
      await desk.sends(OWNER, 'old', { key: 'weather' });
      const { seq } = await desk.claimed(OWNER);
      await desk.sends(OWNER, 'new', { key: 'weather' });
      await desk.accept(seq);
      expect(await desk.deliver(OWNER)).toEqual(['new']);
      expect((await desk.view(seq)).state).toBe('confirmed');
    });

    test('a text is dropped after its --ttl, and stops nothing', async () => {
      const old = await desk.sends(OWNER, 'old', { expiresAtMs: desk.nowMs + 1_000 });
      await desk.sends(OWNER, 'next');
      desk.nowMs += 1_000;
      expect(await desk.deliver(OWNER)).toEqual(['next']);
      expect(await desk.view(old.seq)).toMatchObject({ state: 'expired', reason: 'ttl' });
    });

    test('so are thousands of them', async () => {
      const late = Array.from({ length: 12_000 }, () => part('old', 'send'));
      await desk.sends(OWNER, '', { parts: late, expiresAtMs: desk.nowMs });
      await desk.sends(OWNER, 'next');
      expect(await desk.deliver(OWNER)).toEqual(['next']);
    });

    test('parts can be taken out; one on its way becomes unconfirmed, a final one stays', async () => {
      const parts = [
        await desk.sends(OWNER, '1'),
        await desk.sends(OWNER, '2'),
        await desk.sends(OWNER, '3'),
      ];
      await desk.accept((await desk.claimed(OWNER)).seq);
      await desk.claimed(OWNER);
      const seqs = parts.map((one) => one.seq);
      const dropped = await desk.store.outbox.dropParts({
        account: ACCOUNT,
        seqs,
        reason: 'dropped',
        nowMs: desk.nowMs,
      });
      expect(dropped.map((one) => one.state)).toEqual(['confirmed', 'unconfirmed', 'expired']);
      expect(await desk.store.outbox.openParts(ACCOUNT)).toEqual([]);
    });

    test.each([
      ['nothing was heard of it', 'unconfirmed', async (seq: number) => desk.settle(seq, unknown)],
      [
        'there was no connection',
        'expired',
        async (seq: number) => desk.settle(seq, { ...unknown, kind: 'unsent' }),
      ],
      ['the server refused it', 'expired', async (seq: number) => desk.refuse(seq)],
      [
        'the server refused it at a repeat',
        'unconfirmed',
        async (seq: number) => {
          desk.nowMs += (await desk.settle(seq, unknown)).waitMs ?? 0;
          await desk.claimed(OWNER);
          return desk.refuse(seq);
        },
      ],
    ] as const)('taken out after %s, a part is %s', async (_, state, ended) => {
      const { seq } = await desk.sends(OWNER, '1');
      await desk.claimed(OWNER);
      await ended(seq);
      const drop = { account: ACCOUNT, seqs: [seq], reason: 'no-hold', nowMs: desk.nowMs };
      expect(await desk.store.outbox.dropParts(drop)).toMatchObject([{ state, reason: 'no-hold' }]);
    });
  });

  describe('texts', () => {
    test.each([
      ['NUL and controls', 'a\0b\u0001\u001b[31m\r\n\tc'],
      ['right-to-left marks', '\u202eabc\u200f\u2066x\u2069'],
      ['quotes and SQL', `'; DROP TABLE parts; -- "\\`],
      ['emoji', '👨‍👩‍👧‍👦🇨🇳e\u0301'],
      ['a megabyte', '汉字x'.repeat(262_144)],
      ['nothing', ''],
    ])('%s come back as they were', async (_, text) => {
      const { seq } = await desk.sends(OWNER, text);
      expect((await desk.view(seq)).text).toBe(text);
      expect(contentOf((await desk.claimed(OWNER)).body).text).toBe(text);
    });

    test('half a character becomes a replacement mark, as on every wire', async () => {
      const { seq } = await desk.sends(OWNER, 'a\ud83db');
      expect((await desk.view(seq)).text).toBe('a\ufffdb');
    });

    test('names with NUL, half characters or quotes do not harm the store', async () => {
      for (const user of ['u\0x', 'u\ud800x', `u'"x`]) {
        await desk.says(user);
        await desk.sends(user, 'hi');
        expect(await desk.deliver(user)).toEqual(['hi']);
      }
    });
  });
}
