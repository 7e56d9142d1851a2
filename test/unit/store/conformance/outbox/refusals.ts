import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

const HOUR_MS = 3_600_000;

/** What a definite refusal means (protocol 8). */
export function describeRefusals(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  /** Sends `count` parts to a user, 30 s apart, so that no rule of pace is near. */
  const spend = async (user: string, count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      desk.nowMs += 30_000;
      await desk.sends(user, `spent ${n}`);
      await desk.accept((await desk.claimed(user)).seq);
    }
    desk.nowMs += 30_000;
  };
  const refusedSend = async (code = -2, errmsg = 'prepare failed') => {
    await desk.sends(OWNER, 'x');
    return desk.refuse((await desk.claimed(OWNER)).seq, code, errmsg);
  };

  test.each([
    [-2, 'prepare failed'],
    [-2, 'unknown error'],
    [-2, ''],
    [-6, 'context_token invalid'],
  ])('%i "%s" with budget, window and pace in order is a stale context', async (code, errmsg) => {
    await desk.says(OWNER);
    expect((await refusedSend(code, errmsg)).part).toMatchObject({ state: 'held', reason: 'context' });
  });

  test('right after the user wrote it may be the poll session: renewed once for each message, then held', async () => {
    const refuseRenewing = async () =>
      desk.store.outbox.settlePart({
        account: ACCOUNT,
        seq: (await desk.claimed(OWNER)).seq,
        reply: { kind: 'refused', code: -2, errmsg: '' },
        canRenewPolls: true,
        nowMs: desk.nowMs,
      });
    await desk.says(OWNER);
    await desk.sends(OWNER, 'x');
    expect(await refuseRenewing()).toMatchObject({ renewsPolls: true, waitMs: 0, part: { state: 'queued' } });
    expect(await refuseRenewing()).toMatchObject({
      renewsPolls: false,
      part: { state: 'held', reason: 'context' },
    });
    desk.nowMs += 60_000;
    await desk.says(OWNER);
    expect((await refuseRenewing()).renewsPolls).toBe(true);
    await desk.deliver(OWNER);
    await desk.says(OWNER);
    await desk.sends(OWNER, 'later');
    desk.nowMs += HOUR_MS;
    expect(await refuseRenewing()).toMatchObject({
      renewsPolls: false,
      part: { state: 'held', reason: 'context' },
    });
  });

  test('"invalid arguments" is our fault: refused for good, and stops nothing', async () => {
    await desk.says(OWNER);
    await desk.sends(OWNER, 'bad');
    await desk.sends(OWNER, 'good');
    const verdict = await desk.refuse((await desk.claimed(OWNER)).seq, -2, 'invalid arguments');
    expect(verdict.part).toMatchObject({ state: 'refused', reason: 'invalid arguments' });
    expect(verdict.budgetLeft).toBe(10);
    expect(await desk.deliver(OWNER)).toEqual(['good']);
  });

  test('an HTTP status that blames the request is refused for good, with the status', async () => {
    await desk.says(OWNER);
    await desk.sends(OWNER, 'x');
    const { seq } = await desk.claimed(OWNER);
    expect((await desk.settle(seq, { kind: 'rejected', status: 413 })).part).toMatchObject({
      state: 'refused',
      reason: 'HTTP 413',
    });
  });

  test('ten messages since the user wrote: quota; nine: not', async () => {
    await desk.says(OWNER);
    await spend(OWNER, 9);
    expect((await refusedSend()).part.reason).toBe('context');
    await desk.says(OWNER);
    await desk.deliver(OWNER);
    await spend(OWNER, 9);
    expect((await refusedSend()).part.reason).toBe('quota');
  });

  test('ten since the user wrote, some of them sent before the message arrived here: quota, and no throttle', async () => {
    await desk.says(OWNER);
    const createdAtMs = desk.nowMs + 1_000;
    desk.nowMs = createdAtMs;
    for (let n = 0; n < 8; n++) await desk.sends(OWNER, `meanwhile ${n}`);
    await desk.sends(OWNER, 'under way');
    for (let n = 0; n < 8; n++) {
      desk.nowMs += 10;
      await desk.accept((await desk.claimed(OWNER)).seq);
    }
    const { seq } = await desk.claimed(OWNER);
    await desk.says(OWNER, { createdAtMs });
    await desk.accept(seq);
    await desk.sends(OWNER, 'the tenth');
    await desk.accept((await desk.claimed(OWNER)).seq);
    expect((await refusedSend()).part).toMatchObject({ state: 'held', reason: 'quota' });
  });

  test('the budget counts from when the user wrote, not from when the message was read; it was written after a poll found nothing', async () => {
    const sentAfter = async (emptyAtMs: number | null): Promise<number> => {
      await desk.says(OWNER);
      const createdAtMs = desk.nowMs + 60_000;
      await spend(OWNER, 2);
      desk.nowMs = createdAtMs + 1;
      await spend(OWNER, 3);
      desk.nowMs += HOUR_MS;
      await desk.receive([incoming({ user: OWNER, createdAtMs })], {
        allow: 'all',
        writtenAfterMs: emptyAtMs,
      });
      return 10 - (await desk.store.outbox.budget({ account: ACCOUNT, user: OWNER, nowMs: desk.nowMs })).left;
    };
    expect(await sentAfter(desk.nowMs)).toBe(3);
    expect(await sentAfter(null)).toBe(3);
    // Its clock is behind: what it says was written an hour ago has just come.
    expect(await sentAfter(desk.nowMs + 2 * HOUR_MS)).toBe(0);
  });

  test('ten sent while a stopped worker had the message: quota, though others polled meanwhile', async () => {
    await desk.says(OWNER);
    const heldSinceMs = desk.nowMs;
    const createdAtMs = desk.nowMs + 20_000;
    desk.nowMs = createdAtMs;
    await spend(OWNER, 10);
    await desk.store.admin.recordPolls([{ account: ACCOUNT, login: LOGIN, cursor: null, nowMs: desk.nowMs }]);
    await desk.sends(OWNER, 'x');
    expect((await desk.refuse((await desk.claimed(OWNER)).seq)).part).toMatchObject({ reason: 'quota' });
    await desk.receive([incoming({ user: OWNER, createdAtMs })], {
      allow: 'all',
      writtenAfterMs: heldSinceMs,
    });
    expect((await desk.refuse((await desk.claimed(OWNER)).seq)).part).toMatchObject({ reason: 'quota' });
  });

  test('requests of unknown result that were repeated meanwhile count too', async () => {
    await desk.says(OWNER);
    const createdAtMs = desk.nowMs + 1;
    await spend(OWNER, 7);
    await desk.sends(OWNER, 'repeated');
    for (let n = 0; n < 2; n++) {
      await desk.settle((await desk.claimed(OWNER)).seq, { kind: 'unknown', detail: 'timeout' });
      desk.nowMs += 60_000;
    }
    await desk.accept((await desk.claimed(OWNER)).seq);
    await desk.says(OWNER, { createdAtMs });
    expect((await refusedSend()).part.reason).toBe('quota');
  });

  test('so does one of a part that was refused when it was repeated', async () => {
    await desk.says(OWNER);
    const createdAtMs = desk.nowMs + 1;
    await spend(OWNER, 9);
    await desk.sends(OWNER, 'the tenth');
    const { seq } = await desk.claimed(OWNER);
    await desk.settle(seq, { kind: 'unknown', detail: 'timeout' });
    desk.nowMs += 60_000;
    await desk.claimed(OWNER);
    expect((await desk.refuse(seq)).part.reason).toBe('quota');
    await desk.says(OWNER, { createdAtMs });
    await desk.claimed(OWNER);
    expect((await desk.refuse(seq)).part.reason).toBe('quota');
  });

  test('parts to others, however many, hide none of the ten', async () => {
    await desk.says(OWNER);
    const createdAtMs = desk.nowMs + 1;
    await spend(OWNER, 10);
    await desk.store.outbox.enqueue({
      account: ACCOUNT,
      user: FRIEND,
      parts: Array.from({ length: 1_001 }, () => part('x', 'send')),
      message: null,
      id: null,
      key: null,
      expiresAtMs: null,
      nowMs: desk.nowMs,
    });
    await desk.says(OWNER, { createdAtMs });
    expect((await refusedSend()).part.reason).toBe('quota');
  });

  test('parts sent before the user wrote, and parts to others, do not count', async () => {
    await desk.says(OWNER);
    await spend(OWNER, 9);
    await desk.says(FRIEND);
    await spend(FRIEND, 9);
    await desk.says(OWNER, { createdAtMs: desk.nowMs - 30_000 });
    await spend(OWNER, 1);
    expect((await refusedSend()).part.reason).toBe('context');
  });

  test('a server whose clock is an hour behind ours makes no quota of what went out before', async () => {
    const createdAtMs = desk.nowMs - HOUR_MS;
    await desk.says(OWNER, { createdAtMs });
    await spend(OWNER, 9);
    desk.nowMs += 60_000;
    await desk.receive([incoming({ user: OWNER, createdAtMs: createdAtMs + 6 * 60_000 })], {
      allow: 'all',
      writtenAfterMs: desk.nowMs - 35_000,
    });
    await spend(OWNER, 1);
    expect((await refusedSend()).part.reason).toBe('context');
  });

  test('more than a day since the user wrote: window', async () => {
    await desk.says(OWNER);
    desk.nowMs += 24 * HOUR_MS + 1;
    expect((await refusedSend()).part).toMatchObject({ state: 'held', reason: 'window' });
  });

  test('a message of the future counts as of now', async () => {
    await desk.says(OWNER, { createdAtMs: desk.nowMs + 48 * HOUR_MS });
    desk.nowMs += 24 * HOUR_MS + 1;
    expect((await refusedSend()).part.reason).toBe('window');
  });

  test('a refusal does not use the budget', async () => {
    await desk.says(OWNER);
    expect((await refusedSend()).budgetLeft).toBe(10);
  });

  test('the next request of a refused part is a new one: another client id', async () => {
    await desk.says(OWNER);
    const before = await desk.sends(OWNER, 'x');
    const { part } = await desk.refuse((await desk.claimed(OWNER)).seq);
    expect(part.clientId).not.toBe(before.clientId);
  });

  describe('first contact', () => {
    test('nothing is sent to who has not written; the part is held, not refused', async () => {
      const { seq } = await desk.sends(FRIEND, 'hello?');
      expect(await desk.claim(FRIEND)).toMatchObject({
        kind: 'nothing',
        held: [{ seq, reason: 'first-contact' }],
      });
      expect(await desk.claim(FRIEND)).toEqual({ kind: 'nothing', held: [] });
    });

    test('a message that is ignored is no contact', async () => {
      await desk.receive([incoming({ user: FRIEND })]);
      await desk.sends(FRIEND, 'hello?');
      expect(await desk.claim(FRIEND)).toMatchObject({ held: [{ reason: 'first-contact' }] });
    });

    test('the first message of the user releases it', async () => {
      await desk.sends(FRIEND, 'hello?');
      await desk.claim(FRIEND);
      await desk.says(FRIEND);
      expect(await desk.deliver(FRIEND)).toEqual(['hello?']);
    });
  });

  describe('a code nobody knows', () => {
    test('three tries, two seconds apart, then held', async () => {
      await desk.says(OWNER);
      await desk.sends(OWNER, 'x');
      for (let n = 1; n <= 2; n++) {
        const verdict = await desk.refuse((await desk.claimed(OWNER)).seq, 7, 'what');
        expect(verdict).toMatchObject({ waitMs: 2_000, part: { state: 'queued' } });
        expect(await desk.claim(OWNER)).toEqual({ kind: 'wait', waitMs: 2_000 });
        desk.nowMs += 2_000;
      }
      const { part } = await desk.refuse((await desk.claimed(OWNER)).seq, 7, 'what');
      expect(part).toMatchObject({ state: 'held', reason: 'code' });
    });

    test('released, it has three tries again', async () => {
      await desk.says(OWNER);
      await desk.sends(OWNER, 'x');
      for (let n = 1; n <= 3; n++) {
        await desk.refuse((await desk.claimed(OWNER)).seq, 7, 'what');
        desk.nowMs += 2_000;
      }
      await desk.says(OWNER);
      const { part } = await desk.refuse((await desk.claimed(OWNER)).seq, 7, 'what');
      expect(part.state).toBe('queued');
    });
  });

  describe('a request older than the newest message of the user', () => {
    test('is sent once more, at once, with the newer token', async () => {
      await desk.says(OWNER, { contextToken: 'old' });
      await desk.sends(OWNER, 'x');
      const { seq } = await desk.claimed(OWNER);
      await desk.says(OWNER, { contextToken: 'new' });
      const verdict = await desk.refuse(seq);
      expect(verdict).toMatchObject({ waitMs: 0, part: { state: 'queued' }, held: [] });
      expect(contentOf((await desk.claimed(OWNER)).body)).toMatchObject({ contextToken: 'new', text: 'x' });
    });

    test('and once only: the next refusal is judged', async () => {
      await desk.says(OWNER);
      await desk.sends(OWNER, 'x');
      const { seq } = await desk.claimed(OWNER);
      await desk.says(OWNER);
      await desk.refuse(seq);
      await desk.claimed(OWNER);
      expect((await desk.refuse(seq)).part).toMatchObject({ state: 'held', reason: 'context' });
    });

    test('leaves the full budget of that message', async () => {
      await desk.says(OWNER);
      await spend(OWNER, 3);
      await desk.sends(OWNER, 'x');
      const { seq } = await desk.claimed(OWNER);
      await desk.says(OWNER);
      expect((await desk.refuse(seq)).budgetLeft).toBe(10);
    });
  });

  describe('throttle', () => {
    /** Three requests within a second, the last one refused. */
    const burst = async (): Promise<number> => {
      await desk.says(OWNER);
      for (const text of ['1', '2', '3']) await desk.sends(OWNER, text);
      await desk.accept((await desk.claimed(OWNER)).seq);
      await desk.accept((await desk.claimed(OWNER)).seq);
      const { seq } = await desk.claimed(OWNER);
      await desk.refuse(seq);
      return seq;
    };

    test('more than two requests in the last second', async () => {
      const seq = await burst();
      expect(await desk.view(seq)).toMatchObject({ state: 'held', reason: 'throttle' });
    });

    test.each([
      [13, 'throttle'],
      [12, 'context'],
    ])('%i requests in the last five minutes, of all users together: %s', async (count, reason) => {
      const users = Array.from({ length: count }, (_, n) => `user-${n}`);
      for (const user of users) {
        await desk.says(user);
        await desk.sends(user, 'x');
      }
      for (const user of users.slice(1)) {
        await desk.accept((await desk.claimed(user)).seq);
        desk.nowMs += 20_000;
      }
      const verdict = await desk.refuse((await desk.claimed('user-0')).seq);
      expect(verdict.part.reason).toBe(reason);
    });

    test('two requests in the last second are not', async () => {
      await desk.says(OWNER);
      await desk.says(FRIEND);
      await desk.sends(OWNER, 'x');
      await desk.accept((await desk.claimed(OWNER)).seq);
      await desk.sends(FRIEND, 'x');
      expect((await desk.refuse((await desk.claimed(FRIEND)).seq)).part.reason).toBe('context');
    });

    test('it is tried again by itself after 30 s, the whole account silent until then', async () => {
      const seq = await burst();
      await desk.says(FRIEND);
      await desk.sends(FRIEND, 'of another user');
      expect(await desk.claim(OWNER)).toEqual({ kind: 'wait', waitMs: 30_000 });
      expect(await desk.claim(FRIEND)).toEqual({ kind: 'wait', waitMs: 30_000 });
      desk.nowMs += 30_000;
      expect((await desk.claimed(OWNER)).seq).toBe(seq);
    });

    /** Has the part refused at the end of each pause until it is not held by the throttle any more; the pauses. */
    const refusedAgain = async (seq: number): Promise<(number | null)[]> => {
      const waits: (number | null)[] = [30_000];
      while ((await desk.view(seq)).reason === 'throttle') {
        desk.nowMs += waits.at(-1) ?? 0;
        await desk.claimed(OWNER);
        waits.push((await desk.refuse(seq)).waitMs);
      }
      return waits;
    };

    test('the pause doubles, though the requests are few by then', async () => {
      const seq = await burst();
      expect((await refusedAgain(seq)).slice(0, 5)).toEqual([30_000, 60_000, 120_000, 240_000, 480_000]);
    });

    test('what is refused alone after five quiet minutes no throttle explains: it goes when the user writes', async () => {
      const seq = await burst();
      await desk.says(FRIEND);
      expect((await refusedAgain(seq)).at(-1)).toBeNull();
      expect(await desk.view(seq)).toMatchObject({ state: 'held', reason: 'context' });
      expect(await desk.store.admin.accountView(ACCOUNT)).toMatchObject({ throttledUntilMs: null });
      await desk.sends(FRIEND, 'of another user');
      expect(await desk.deliver(FRIEND)).toEqual(['of another user']);
      await desk.says(OWNER);
      expect(await desk.deliver(OWNER)).toEqual(['3']);
    });

    test('nor two that are refused after them at the same time', async () => {
      await desk.says(FRIEND);
      const seq = await burst();
      await refusedAgainButLast(seq);
      await desk.sends(FRIEND, 'of another user');
      const [mine, other] = [await desk.claimed(OWNER), await desk.claimed(FRIEND)];
      expect((await desk.refuse(mine.seq)).part).toMatchObject({ reason: 'context' });
      expect((await desk.refuse(other.seq)).part).toMatchObject({ reason: 'context' });
    });

    test('but many at once are another burst', async () => {
      const seq = await burst();
      const users = Array.from({ length: 3 }, (_, n) => `user-${n}`);
      for (const user of users) await desk.says(user);
      await refusedAgainButLast(seq);
      for (const user of users) await desk.sends(user, 'x');
      for (const user of users) await desk.claimed(user);
      await desk.claimed(OWNER);
      expect(await desk.refuse(seq)).toMatchObject({ waitMs: 960_000, part: { reason: 'throttle' } });
    });

    /** The same, up to the end of the pause whose try would be the last. */
    const refusedAgainButLast = async (seq: number): Promise<void> => {
      for (const waitMs of [30_000, 60_000, 120_000, 240_000]) {
        desk.nowMs += waitMs;
        await desk.claimed(OWNER);
        await desk.refuse(seq);
      }
      desk.nowMs += 480_000;
    };

    test('it keeps its clock whoever writes', async () => {
      const seq = await burst();
      desk.nowMs += 10_000;
      await desk.says(OWNER);
      await desk.says(FRIEND);
      expect(await desk.view(seq)).toMatchObject({ state: 'held', reason: 'throttle' });
      expect(await desk.claim(OWNER)).toEqual({ kind: 'wait', waitMs: 20_000 });
    });

    test('what is written meanwhile goes behind it, unmerged', async () => {
      await burst();
      await desk.sends(OWNER, '4');
      desk.nowMs += 30_000;
      expect(await desk.deliver(OWNER)).toEqual(['3', '4']);
    });

    test('an accepted part ends it', async () => {
      await burst();
      desk.nowMs += 30_000;
      await desk.deliver(OWNER);
      desk.nowMs += 600_000;
      await desk.says(OWNER);
      expect((await refusedSend()).part.reason).toBe('context');
    });

    test('one accepted of two that were tried at its end ends it, in whichever order they come back', async () => {
      const seq = await burst();
      await desk.says(FRIEND);
      await desk.sends(FRIEND, 'of another user');
      desk.nowMs += 30_000;
      const [mine, other] = [await desk.claimed(OWNER), await desk.claimed(FRIEND)];
      desk.nowMs += 1_000;
      expect((await desk.refuse(mine.seq)).part).toMatchObject({ reason: 'throttle' });
      await desk.accept(other.seq);
      expect((await desk.claimed(OWNER)).seq).toBe(seq);
      expect((await desk.refuse(seq)).part).toMatchObject({ reason: 'context' });
    });

    test('who was refused is tried after who was not', async () => {
      const seq = await burst();
      await desk.says(FRIEND);
      await desk.sends(FRIEND, 'of another user');
      expect(await desk.claim(OWNER, 1_000)).toEqual({ kind: 'wait', waitMs: 31_000 });
      desk.nowMs += 30_000;
      expect(await desk.claim(OWNER, 1_000)).toEqual({ kind: 'wait', waitMs: 1_000 });
      await desk.accept((await desk.claimed(FRIEND, 1_000)).seq);
      expect((await desk.claimed(OWNER, 1_000)).seq).toBe(seq);
    });

    describe('is told nothing by requests that were under way when it began', () => {
      /** A burst, and a request to another user that began before its end. */
      const burstBeside = async (): Promise<number> => {
        await desk.says(FRIEND);
        await desk.sends(FRIEND, 'under way');
        const { seq } = await desk.claimed(FRIEND);
        await burst();
        return seq;
      };

      test('a refusal holds, and makes it no longer', async () => {
        const seq = await burstBeside();
        desk.nowMs += 10_000;
        const verdict = await desk.refuse(seq);
        expect(verdict).toMatchObject({ waitMs: 20_000, part: { state: 'held', reason: 'throttle' } });
        desk.nowMs += 20_000;
        const again = await desk.refuse((await desk.claimed(OWNER)).seq);
        expect(again).toMatchObject({ waitMs: 60_000, part: { reason: 'throttle' } });
      });

      test('a refusal that comes when it is over does not begin it again', async () => {
        const seq = await burstBeside();
        desk.nowMs += 40_000;
        expect(await desk.refuse(seq)).toMatchObject({ waitMs: 0, part: { reason: 'throttle' } });
        expect((await desk.claimed(FRIEND)).seq).toBe(seq);
      });

      test('an acceptance does not end it', async () => {
        await desk.accept(await burstBeside());
        expect(await desk.claim(OWNER)).toEqual({ kind: 'wait', waitMs: 30_000 });
      });
    });

    test('a clock that was set back does not make the pause longer', async () => {
      await burst();
      desk.nowMs -= 24 * HOUR_MS;
      const claim = await desk.claim(OWNER);
      expect(claim.kind === 'wait' ? claim.waitMs : 0).toBeLessThanOrEqual(30 * 60_000);
    });
  });

  test('the counters of one account are not those of another', async () => {
    await desk.says(OWNER);
    const views = await desk.store.admin.accountView(ACCOUNT);
    expect(views?.users.map((one) => one.user)).toEqual([OWNER]);
    expect(await desk.store.admin.accountView('other')).toBeNull();
  });
}
