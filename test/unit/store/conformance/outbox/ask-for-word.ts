import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
} from '../desk.ts';

const HOUR_MS = 3_600_000;

/** Users who are asked for a word before their window ends (`--keep-window`). */
export function describeWord(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const toAsk = async () => desk.store.admin.usersToAsk({ account: ACCOUNT, nowMs: desk.nowMs });
  const ask = async (over: { messageSeq?: number; untilMs?: number } = {}): Promise<boolean> => {
    const seq = over.messageSeq ?? (await toAsk()).find(({ user }) => user === OWNER)?.messageSeq ?? 0;
    await desk.store.outbox.askForWord({
      account: ACCOUNT,
      user: OWNER,
      messageSeq: seq,
      part: { ...part('a word?', 'keeper'), expiresAtMs: over.untilMs ?? null },
      nowMs: desk.nowMs,
    });
    return (await desk.store.outbox.openParts(ACCOUNT)).some((one) => one.origin === 'keeper');
  };
  /** Claims as a runner that may ask. */
  const claimAsking = async (): Promise<string | null> => {
    const claim = await desk.store.outbox.claimPart({
      account: ACCOUNT,
      user: OWNER,
      nowMs: desk.nowMs,
      paceMs: 0,
      encode: (content) => Buffer.from(JSON.stringify(content)),
      ask: () => part('a word?', 'keeper'),
    });
    if (claim.kind !== 'part') return null;
    desk.nowMs += 30_000;
    await desk.accept(claim.part.seq);
    return claim.part.view.text;
  };
  const claimAllAsking = async (): Promise<string[]> => {
    const texts: string[] = [];
    for (let text = await claimAsking(); text !== null && texts.length < 10; text = await claimAsking())
      texts.push(text);
    return texts;
  };

  test('how is stored for the account, and shown', async () => {
    expect(await desk.store.admin.keeper(ACCOUNT)).toBe(null);
    const keeper = { quietHours: { fromMinute: 1380, toMinute: 420 }, text: 'hey' };
    await desk.runs(await desk.says(OWNER));
    await desk.store.admin.setKeeper({ account: ACCOUNT, keeper });
    expect(await desk.store.admin.keeper(ACCOUNT)).toEqual(keeper);
    expect(await desk.store.admin.accountView(ACCOUNT)).toMatchObject({ keeper, toAsk: [{ user: OWNER }] });
    await desk.store.admin.setKeeper({ account: ACCOUNT, keeper: null });
    expect(await desk.store.admin.keeper(ACCOUNT)).toBe(null);
  });

  test('the owner, those for whom something waits, and those to whom programs write; not whoever once wrote', async () => {
    await desk.runs(await desk.says(FRIEND));
    expect(await toAsk()).toEqual([]);
    await desk.runs(await desk.says(OWNER));
    expect((await toAsk()).map(({ user }) => user)).toEqual([OWNER]);
    await desk.sends(FRIEND, 'from cron');
    await desk.deliver(FRIEND);
    expect((await toAsk()).map(({ user }) => user).sort()).toEqual([OWNER, FRIEND].sort());
  });

  test('once in a window, in an open one only', async () => {
    await desk.runs(await desk.says(OWNER));
    const [first] = await toAsk();
    expect(await ask()).toBe(true);
    expect(await desk.deliver(OWNER)).toEqual(['a word?']);
    expect(await toAsk()).toEqual([]);
    expect(await ask(first ?? {})).toBe(false);
    await desk.runs(await desk.says(OWNER));
    expect(await ask(first ?? {})).toBe(false);
    expect(await toAsk()).toHaveLength(1);
    desk.nowMs += 24 * HOUR_MS + 1;
    expect(await toAsk()).toEqual([]);
  });

  test('not while an answer is on its way: its message runs, or it is queued', async () => {
    const seq = await desk.says(OWNER);
    expect(await ask()).toBe(false);
    await desk.answers(seq, 'the answer');
    expect(await ask()).toBe(false);
    await desk.deliver(OWNER);
    expect(await ask()).toBe(true);
  });

  test('not where it would be held', async () => {
    await desk.runs(await desk.says(OWNER));
    await desk.sends(OWNER, 'x');
    await desk.refuse((await desk.claimed(OWNER)).seq);
    expect(await ask()).toBe(false);
  });

  test('when more waits than the user may get: with two left, ahead of what waits, once', async () => {
    await desk.runs(await desk.says(OWNER));
    for (let n = 1; n <= 12; n++) await desk.sends(OWNER, `${n}`);
    const texts = await claimAllAsking();
    expect(texts.slice(0, 10)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', 'a word?', '9']);
  });

  test('what the user may still get is sent without a question; an answer is never kept back for one', async () => {
    await desk.runs(await desk.says(OWNER));
    for (let n = 1; n <= 10; n++) await desk.sends(OWNER, `${n}`);
    expect(await claimAllAsking()).not.toContain('a word?');
    const seq = await desk.says(OWNER);
    await desk.answers(seq, 'the answer');
    for (let n = 1; n <= 12; n++) await desk.sends(OWNER, `${n}`);
    await desk.says(OWNER, { createdAtMs: desk.nowMs });
    expect((await claimAllAsking()).slice(0, 10)).not.toContain('a word?');
  });

  test('without a connection it is tried again, until its time is over', async () => {
    await desk.runs(await desk.says(OWNER));
    await ask({ untilMs: desk.nowMs + 60_000 });
    const unsent = { kind: 'unsent', detail: 'no connection' } as const;
    const { seq } = await desk.claimed(OWNER);
    expect((await desk.settle(seq, unsent)).part.state).toBe('queued');
    desk.nowMs += 31_000;
    expect((await desk.settle((await desk.claimed(OWNER)).seq, unsent)).part.seq).toBe(seq);
    desk.nowMs += 31_000;
    expect(await desk.claim(OWNER)).toMatchObject({ kind: 'nothing' });
    expect(await desk.view(seq)).toMatchObject({ state: 'expired', reason: 'ttl' });
    expect(await toAsk()).toEqual([]);
  });

  test('behind what cannot be sent it is not sent too late', async () => {
    await desk.runs(await desk.says(OWNER));
    await desk.sends(OWNER, 'alert');
    await ask({ untilMs: desk.nowMs + 60_000 });
    const { seq } = await desk.claimed(OWNER);
    await desk.settle(seq, { kind: 'unsent', detail: 'no connection' });
    desk.nowMs += HOUR_MS;
    expect(await desk.deliver(OWNER)).toEqual(['alert']);
  });

  test.each([
    [{ kind: 'unknown', detail: 'cut' } as const, 'unconfirmed'],
    [{ kind: 'refused', code: -2, errmsg: '' } as const, 'refused'],
  ])('a question that does not arrive (%o) is not kept', async (reply, state) => {
    await desk.runs(await desk.says(OWNER));
    await ask();
    const { seq } = await desk.claimed(OWNER);
    expect((await desk.settle(seq, reply)).part.state).toBe(state);
    expect(await desk.claim(OWNER)).toMatchObject({ kind: 'nothing' });
  });

  test('a question that waits when the user writes is not asked any more', async () => {
    await desk.runs(await desk.says(OWNER));
    await desk.sends(OWNER, 'x');
    await ask();
    await desk.refuse((await desk.claimed(OWNER)).seq);
    await desk.runs(await desk.says(OWNER));
    expect(await desk.deliver(OWNER)).toEqual(['x']);
  });

  test('nor is one that waits for something else than the user', async () => {
    await desk.runs(await desk.says(OWNER));
    await ask();
    const { seq } = await desk.claimed(OWNER);
    await desk.settle(seq, { kind: 'unsent', detail: 'no connection' });
    desk.nowMs += 31_000;
    await desk.answers(await desk.says(OWNER), 'the answer');
    expect(await desk.deliver(OWNER)).toEqual(['the answer']);
  });
}
