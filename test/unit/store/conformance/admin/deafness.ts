import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  ACCOUNT,
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

/** Signs that the server accepts what an account sends and shows nothing. */
export function describeDeafness(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const note = () => desk.store.admin.noteDeafness({ account: ACCOUNT, nowMs: desk.nowMs });
  /** So much later, nobody has written meanwhile. */
  const waits = async (ms: number) => {
    desk.nowMs += ms;
    await desk.store.admin.recordPolls([{ account: ACCOUNT, login: LOGIN, cursor: null, nowMs: desk.nowMs }]);
  };
  const stored = async () => (await desk.store.admin.accountView(ACCOUNT))?.deaf ?? null;
  /** Sends texts, which are accepted with an ID or without. */
  const sends = async (count: number, isConfirmed: boolean, user = OWNER) => {
    for (let n = 0; n < count; n++) {
      desk.nowMs += 30_000;
      await desk.sends(user, 'x');
      const { seq } = await desk.claimed(user);
      await desk.settle(seq, { kind: 'accepted', messageId: isConfirmed ? `id-${seq}` : null });
    }
  };
  /** The owner writes, is answered, and writes again after each of these pauses. */
  const writes = async (...pausesMs: number[]) => {
    await desk.runs(await desk.says(OWNER));
    for (const pauseMs of pausesMs) {
      desk.nowMs += pauseMs;
      await desk.runs(await desk.says(OWNER));
    }
  };

  test('three in a row without an ID, after some with one: told once, with what the vendor needs', async () => {
    await writes();
    await sends(1, true);
    await sends(2, false);
    expect(await note()).toBe(null);
    const sinceMs = desk.nowMs - 30_000;
    await sends(1, false);
    expect(await note()).toMatchObject({ sign: 'unconfirmed', user: OWNER, sinceMs, count: 3 });
    expect((await stored())?.parts).toMatchObject([
      { seq: 4, clientId: expect.any(String), serverId: null, atMs: desk.nowMs },
      { seq: 3 },
      { seq: 2 },
    ]);
    await sends(1, false);
    expect(await note()).toBe(null);
    expect(await stored()).toMatchObject({ count: 4, sinceMs });
    await sends(1, true);
    expect(await note()).toBe(null);
    expect(await stored()).toBe(null);
    await sends(3, false);
    expect(await note()).toMatchObject({ count: 3 });
  });

  test('a server that never gives IDs says nothing by it; nor do drops', async () => {
    await writes();
    await sends(5, false);
    expect(await note()).toBe(null);
    await sends(1, true);
    for (let n = 0; n < 3; n++) {
      await desk.sends(OWNER, 'x');
      const { seq } = await desk.claimed(OWNER);
      await desk.store.outbox.dropParts({ account: ACCOUNT, seqs: [seq], reason: 'ttl', nowMs: desk.nowMs });
      desk.nowMs += 61_000;
    }
    expect(await note()).toBe(null);
  });

  test('an account that never got an ID, at a server that gives some to others', async () => {
    const account = 'd41f09aa77be@im.bot';
    const { admin, outbox } = desk.store;
    await admin.openAccount({ account, login: LOGIN, owner: OWNER, nowMs: desk.nowMs });
    await desk.receive([incoming({ createdAtMs: desk.nowMs })], { account, allow: 'all' });
    for (let n = 0; n < 3; n++) {
      desk.nowMs += 30_000;
      const { seq } = await desk.sends(OWNER, 'x', { account });
      const request = { account, user: OWNER, nowMs: desk.nowMs, paceMs: 0, encode: () => Buffer.from('') };
      expect((await outbox.claimPart(request)).kind).toBe('part');
      const reply = { kind: 'accepted', messageId: null } as const;
      await outbox.settlePart({ account, seq, reply, nowMs: desk.nowMs });
    }
    expect(await admin.noteDeafness({ account, nowMs: desk.nowMs })).toBe(null);
    await writes();
    await sends(1, true);
    expect(await admin.noteDeafness({ account, nowMs: desk.nowMs })).toMatchObject({ count: 3 });
  });

  test('one user who gets nothing is seen beside others who do', async () => {
    await writes();
    await desk.runs(await desk.says(FRIEND));
    for (let n = 0; n < 3; n++) {
      await sends(1, false);
      await sends(1, true, FRIEND);
    }
    expect(await note()).toMatchObject({ sign: 'unconfirmed', user: OWNER, count: 3 });
  });

  test('several users who get nothing: each is told once, in whatever order more is sent to them', async () => {
    await writes();
    await desk.runs(await desk.says(FRIEND));
    await sends(1, true);
    await sends(3, false);
    expect(await note()).toMatchObject({ user: OWNER });
    await sends(3, false, FRIEND);
    expect(await note()).toMatchObject({ user: FRIEND });
    for (const user of [OWNER, FRIEND, OWNER]) {
      await sends(1, false, user);
      expect(await note()).toBe(null);
      expect(await stored()).toMatchObject({ user: OWNER });
    }
    await sends(1, true);
    expect(await note()).toBe(null);
    expect(await stored()).toMatchObject({ user: FRIEND });
    await sends(3, false);
    expect(await note()).toMatchObject({ user: OWNER, count: 3 });
  });

  test('however much is sent to others, nothing is overlooked, and nothing told again', async () => {
    await writes(10 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS);
    await desk.runs(await desk.says(FRIEND));
    const others = (count: number) =>
      desk.sends(FRIEND, 'x', { parts: Array.from({ length: count }, () => part('x', 'send')) });
    await sends(6, true);
    await others(992);
    await waits(15 * HOUR_MS);
    expect(await note()).toMatchObject({ sign: 'silence', count: 6 });
    await others(3);
    expect(await note()).toBe(null);
    await others(1_000);
    expect(await note()).toBe(null);
    expect(await stored()).toMatchObject({ sign: 'silence', count: 6 });
  });

  test('what a command has told of counts as unconfirmed', async () => {
    await writes();
    await sends(1, true);
    await sends(3, false);
    const due = { account: ACCOUNT, withinMs: 0, nowMs: desk.nowMs };
    const claimed = await desk.store.outbox.claimFallback({ ...due, leaseMs: 1 });
    await desk.store.outbox.settleFallback({
      account: ACCOUNT,
      seqs: claimed?.parts.map(({ seq }) => seq) ?? [],
      isDone: true,
      nowMs: desk.nowMs,
    });
    expect(await note()).toMatchObject({ sign: 'unconfirmed', count: 3 });
  });

  test('an owner who used to write is silent for longer than ever lately, though much was confirmed', async () => {
    await writes(10 * HOUR_MS, 14 * HOUR_MS, 10 * HOUR_MS);
    await sends(5, true);
    const sinceMs = desk.nowMs - 4 * 30_000;
    await waits(13 * HOUR_MS);
    expect(await note()).toBe(null);
    await waits(2 * HOUR_MS);
    expect(await note()).toMatchObject({ sign: 'silence', user: OWNER, sinceMs, count: 5 });
    expect(await note()).toBe(null);
    await writes();
    expect(await note()).toBe(null);
    expect(await stored()).toBe(null);
  });

  test.each([
    ['one who never wrote much', [HOUR_MS], 5],
    ['few messages', [HOUR_MS, HOUR_MS, HOUR_MS], 4],
  ])('silence says nothing of %s', async (_, pauses, count) => {
    await writes(...pauses);
    await sends(count, true);
    await waits(20 * HOUR_MS);
    expect(await note()).toBe(null);
  });

  test('silence says nothing while nobody listened: what the owner wrote may wait at the server', async () => {
    await writes(HOUR_MS, HOUR_MS, HOUR_MS);
    await sends(5, true);
    await waits(HOUR_MS);
    desk.nowMs += 20 * HOUR_MS;
    expect(await note()).toBe(null);
  });

  test('silence after an answer says nothing, however long that was', async () => {
    await writes(HOUR_MS, HOUR_MS);
    desk.nowMs += HOUR_MS;
    const seq = await desk.says(OWNER);
    desk.nowMs += 5_000;
    await desk.answers(seq, '1', '2', '3', '4', '5', '6');
    await desk.deliver(OWNER);
    await waits(20 * HOUR_MS);
    expect(await note()).toBe(null);
  });

  test('silence of others says nothing, nor a short one', async () => {
    await writes(HOUR_MS, HOUR_MS, HOUR_MS);
    await desk.runs(await desk.says(FRIEND));
    await sends(6, true, FRIEND);
    await waits(20 * HOUR_MS);
    expect(await note()).toBe(null);
    await writes();
    await sends(6, true);
    await waits(11 * HOUR_MS);
    expect(await note()).toBe(null);
  });
}
