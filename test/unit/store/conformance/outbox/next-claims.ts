import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Claim, NewPart, SendReply, Verdict } from '../../../../../src/store/port/port.ts';
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

/** The claim that comes with a verdict: what a claim of its own would have found. */
export function describeNextClaims(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  /** The same data as another process sees it. */
  let other: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
    other = await createDesk(await data.open('b'));
    await desk.says(OWNER, { contextToken: 'token' });
    await desk.says(FRIEND);
  });
  afterEach(() => data.dispose());

  const accepted: SendReply = { kind: 'accepted', messageId: '7' };
  const file = { path: '/out/1', name: 'a.mp4', kind: 'video', sizeBytes: 9, md5: 'm' } as const;
  const encode = (content: unknown): Buffer => Buffer.from(JSON.stringify(content));

  /** Settles a part, with or without what its claim told, and asks for the next one. */
  async function settle(
    seq: number,
    { reply = accepted, paceMs = 0, knows = true, at = desk } = {},
  ): Promise<Verdict & { next: Claim }> {
    const { nowMs } = at;
    const next = { account: ACCOUNT, user: OWNER, nowMs, paceMs, encode };
    const known = knows ? { known: await at.view(seq) } : {};
    const settled = { account: ACCOUNT, seq, reply, nowMs, ...known, next };
    const verdict = await at.store.outbox.settlePart(settled);
    if (!verdict.next) throw new Error('it was asked for the next one');
    return { ...verdict, next: verdict.next };
  }
  /** Queues parts for the owner and claims the first. */
  async function first(...parts: (string | NewPart)[]): Promise<number> {
    for (const one of parts)
      await desk.sends(OWNER, '', { parts: [typeof one === 'string' ? part(one, 'send') : one] });
    return (await desk.claimed(OWNER)).seq;
  }
  const pass = (ms: number): void => {
    for (const one of [desk, other]) one.nowMs += ms;
  };
  const NOTHING = { kind: 'nothing', held: [] };
  /** What another process finds: whether it has to wait for this one. */
  const beside = async (): Promise<Claim['kind']> => (await other.claim(OWNER)).kind;

  test.each([true, false])('the next part goes, and nobody else gets it (known: %s)', async (knows) => {
    const { part: shown, next, budgetLeft } = await settle(await first('1', '2', '3'), { knows });
    expect(shown).toEqual(await desk.view(shown.seq));
    expect([shown.state, budgetLeft]).toEqual(['confirmed', 9]);
    if (next.kind !== 'part') throw new Error(next.kind);
    expect(contentOf(next.part.body)).toMatchObject({ text: '2', contextToken: 'token' });
    expect(next.part).toMatchObject({ repeats: 0, view: await desk.view(next.part.seq) });
    expect(next.part.view.state).toBe('sending');
    expect(await beside()).toBe('wait');
    const last = await settle(next.part.seq, { knows });
    expect([last.budgetLeft, last.next.kind]).toEqual([8, 'part']);
  });

  test('it lasts as long as any other claim', async () => {
    const seq = await first('1', '2');
    pass(59_000);
    await settle(seq);
    pass(59_999);
    expect(await beside()).toBe('wait');
    pass(1);
    expect(await beside()).toBe('part');
  });

  test('with nothing more the user is free', async () => {
    expect((await settle(await first('1'))).next).toEqual(NOTHING);
    await desk.sends(OWNER, '2');
    expect(await beside()).toBe('part');
  });

  test('asked for nothing, it claims nothing', async () => {
    const seq = await first('1', '2');
    expect((await desk.accept(seq)).next).toBeNull();
    expect((await desk.view(seq + 1)).state).toBe('queued');
    expect(await beside()).toBe('part');
  });

  test('before the pace allows one the user is free, and waits as after any claim', async () => {
    const verdict = await settle(await first('1', '2'), { paceMs: 1_500 });
    expect([verdict.waitMs, verdict.next]).toEqual([null, { kind: 'wait', waitMs: 150 }]);
    expect(await desk.claim(OWNER, 1_500)).toEqual(verdict.next);
    expect(await beside()).toBe('part');
  });

  test('a throttle that began meanwhile is waited out', async () => {
    const seq = await first('1', '2');
    for (let n = 0; n < 3; n++) await desk.sends(FRIEND, String(n));
    for (let n = 0; n < 2; n++) await desk.accept((await desk.claimed(FRIEND)).seq);
    pass(1);
    const { part: refused } = await desk.refuse((await desk.claimed(FRIEND)).seq);
    expect(refused).toMatchObject({ state: 'held', reason: 'throttle' });
    expect((await settle(seq)).next).toEqual({ kind: 'wait', waitMs: 30_000 });
    pass(30_000);
    expect(await beside()).toBe('part');
  });

  test('the request that ends a throttle lets the next one go', async () => {
    for (const text of ['1', '2', '3', '4']) await desk.sends(OWNER, text);
    for (let n = 0; n < 2; n++) await desk.accept((await desk.claimed(OWNER)).seq);
    expect((await desk.refuse((await desk.claimed(OWNER)).seq)).part.reason).toBe('throttle');
    pass(30_000);
    expect((await settle((await desk.claimed(OWNER)).seq)).next).toMatchObject({ kind: 'part' });
  });

  test('what is held stays so, and the user is free', async () => {
    const seq = await first('1', '2');
    const login = 'login-2';
    await desk.store.admin.openAccount({ account: ACCOUNT, login, owner: OWNER, nowMs: desk.nowMs });
    const { part: shown, next } = await settle(seq);
    expect([shown.state, shown.reason, next]).toEqual(['unconfirmed', 'login', NOTHING]);
    expect(await desk.view(seq + 1)).toMatchObject({ state: 'held', reason: 'context' });
    await desk.receive([incoming({ contextToken: 'new' })], { login });
    expect(await beside()).toBe('part');
  });

  test('a text whose time is over is passed over', async () => {
    const seq = await first('1');
    const late = await desk.sends(OWNER, 'late', { expiresAtMs: desk.nowMs + 1_000 });
    await desk.sends(OWNER, '3');
    pass(1_000);
    const { next } = await settle(seq);
    expect(next.kind === 'part' && contentOf(next.part.body).text).toBe('3');
    expect(await desk.view(late.seq)).toMatchObject({ state: 'expired', reason: 'ttl' });
  });

  test('with only such texts left the user is free', async () => {
    const seq = await first('1');
    await desk.sends(OWNER, 'late', { expiresAtMs: desk.nowMs });
    expect((await settle(seq)).next).toEqual(NOTHING);
    await desk.sends(OWNER, '2');
    expect(await beside()).toBe('part');
  });

  test('a file is to be uploaded, by nobody else', async () => {
    const { next } = await settle(await first('1', { ...part('', 'send'), file }));
    expect(next).toMatchObject({ kind: 'upload', file, tries: 0 });
    expect(next.kind === 'upload' && (await desk.view(next.seq)).state).toBe('uploading');
    expect(await beside()).toBe('wait');
  });

  test('a login that has died meanwhile sends nothing more', async () => {
    const seq = await first('1', '2');
    await desk.store.admin.markLogin({ account: ACCOUNT, login: LOGIN, expired: true });
    const { part: shown, next } = await settle(seq);
    expect([shown.state, next]).toEqual(['confirmed', NOTHING]);
    await desk.store.admin.markLogin({ account: ACCOUNT, login: LOGIN, expired: false });
    expect(await beside()).toBe('part');
  });

  test('a user whom another process has by now is left to it', async () => {
    const seq = await first('1', '2', '3');
    pass(60_000);
    expect((await other.claimed(OWNER)).seq).toBe(seq);
    const late = await settle(seq);
    expect([late.part.state, late.next]).toEqual(['confirmed', { kind: 'wait', waitMs: 1_000 }]);
    expect((await desk.view(seq + 1)).state).toBe('queued');
    // The other one hears the same, and goes on.
    expect((await settle(seq, { at: other })).next).toMatchObject({ kind: 'part', part: { seq: seq + 1 } });
    expect((await desk.claim(OWNER)).kind).toBe('wait');
  });

  test('killed after it, the part is repeated as it was', async () => {
    const { next } = await settle(await first('1', '2'));
    if (next.kind !== 'part') throw new Error(next.kind);
    await desk.says(OWNER, { contextToken: 'newer' });
    data.kill('a');
    const again = await other.claimed(OWNER);
    expect(again).toMatchObject({ seq: next.part.seq, repeats: 1 });
    expect(again.body).toEqual(next.part.body);
  });

  test('given back after it, the part may change, and counts for nothing', async () => {
    const { next } = await settle(await first('1', '2'));
    if (next.kind !== 'part') throw new Error(next.kind);
    await desk.store.outbox.returnPart({ account: ACCOUNT, seq: next.part.seq });
    await desk.says(OWNER, { contextToken: 'newer' });
    const again = await other.claimed(OWNER);
    expect(contentOf(again.body)).toMatchObject({ text: '2', contextToken: 'newer' });
    expect((await other.accept(again.seq)).budgetLeft).toBe(9);
  });

  test.each([
    ['a refusal for good', { kind: 'rejected', status: 400 }, 'refused', 'part'],
    ['a hold', { kind: 'refused', code: -2, errmsg: '' }, 'held', 'nothing'],
  ] as const)('%s is followed by what may go', async (_, reply, state, kind) => {
    const verdict = await settle(await first('1', '2'), { reply });
    expect([verdict.part.state, verdict.next.kind]).toEqual([state, kind]);
  });

  test('an unknown result is followed by no claim: it is repeated first', async () => {
    const seq = await first('1', '2');
    await expect(settle(seq, { reply: { kind: 'unknown', detail: 'timeout' } })).rejects.toThrow('asked');
    expect((await desk.view(seq + 1)).state).toBe('queued');
    pass(500);
    expect((await other.claimed(OWNER)).seq).toBe(seq);
  });
}
