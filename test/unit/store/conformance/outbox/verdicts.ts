import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClaimedPart, Verdict } from '../../../../../src/store/port/port.ts';
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

/** What a verdict shows of a part: the same whether or not the store is told what the claim said of it. */
export function describeVerdicts(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
    await desk.says(FRIEND);
  });
  afterEach(() => data.dispose());

  /** The claim that comes with an answer. */
  async function answered(text: string): Promise<ClaimedPart> {
    const seq = await desk.says(OWNER);
    const turn = await desk.start(seq);
    const { nowMs } = desk;
    const encode = () => Buffer.from('body');
    const claim = { account: ACCOUNT, user: OWNER, nowMs, paceMs: 0, encode };
    const end = { account: ACCOUNT, turn, result: { kind: 'done' }, nowMs } as const;
    const queued = await desk.store.turns.finishTurn({ ...end, parts: [part(text)], claim });
    if (queued.claim?.kind !== 'part') throw new Error(`not claimed: ${JSON.stringify(queued)}`);
    return queued.claim.part;
  }

  const accept = ({ seq, view }: ClaimedPart, messageId: string | null = '7'): Promise<Verdict> =>
    desk.store.outbox.settlePart({
      account: ACCOUNT,
      seq,
      known: view,
      reply: { kind: 'accepted', messageId },
      nowMs: desk.nowMs,
    });

  test.each(['one', 'a\ud83db', 'a\0b', ''])(
    'the claim of an answer shows %j as it is stored',
    async (text) => {
      const claimed = await answered(text);
      expect(claimed.view).toEqual(await desk.view(claimed.seq));
      expect(claimed.view).toMatchObject({ state: 'sending', user: OWNER, heldAtMs: null });
    },
  );

  test.each([
    ['7', 'confirmed'],
    [null, 'unconfirmed'],
  ])('one accepted with the id %s is shown as it is stored', async (messageId, state) => {
    const claimed = await answered('one');
    desk.nowMs += 5;
    const { part: shown } = await accept(claimed, messageId);
    expect(shown).toEqual(await desk.view(claimed.seq));
    expect(shown).toMatchObject({ text: 'one', state, serverId: messageId });
  });

  test('one that was dropped meanwhile stays so', async () => {
    const claimed = await answered('one');
    const drop = { account: ACCOUNT, seqs: [claimed.seq], reason: 'dropped', nowMs: desk.nowMs };
    await desk.store.outbox.dropParts(drop);
    const { part: shown } = await accept(claimed);
    expect(shown).toEqual(await desk.view(claimed.seq));
    expect(shown).toMatchObject({ state: 'unconfirmed', reason: 'dropped', serverId: null });
  });

  test('of another account nothing is settled', async () => {
    const claimed = await answered('one');
    const { seq, view: known } = claimed;
    const reply = { kind: 'accepted', messageId: '7' } as const;
    const times = { nowMs: desk.nowMs };
    await desk.store.outbox.settlePart({ account: 'another', seq, known, reply, ...times });
    expect(await desk.view(seq)).toEqual(known);
  });

  describe('another process has it by now', () => {
    let other: Desk;
    let claimed: ClaimedPart;
    beforeEach(async () => {
      claimed = await answered('one');
      other = await createDesk(await data.open('b'));
      desk.nowMs += 60_000;
      other.nowMs = desk.nowMs;
    });

    test('and repeats it', async () => {
      await other.claimed(OWNER);
      const { part: shown } = await accept(claimed);
      expect(shown).toEqual(await desk.view(claimed.seq));
      expect(shown).toMatchObject({ state: 'confirmed', reason: null });
    });

    test('and repeats it after a result that stayed unknown', async () => {
      await other.settle((await other.claimed(OWNER)).seq, { kind: 'unknown', detail: 'timeout' });
      const { part: shown } = await accept(claimed);
      expect(shown).toEqual(await desk.view(claimed.seq));
      expect(shown).toMatchObject({ state: 'confirmed', reason: null });
    });

    test('and has it held', async () => {
      await other.refuse((await other.claimed(OWNER)).seq);
      const { part: shown } = await accept(claimed);
      expect(shown).toEqual(await desk.view(claimed.seq));
      expect(shown).toMatchObject({ state: 'held', reason: 'context' });
    });

    test('and repeats it after a throttle', async () => {
      for (const text of ['2', '3']) await other.sends(FRIEND, text);
      await other.deliver(FRIEND);
      const { part: refused } = await other.refuse((await other.claimed(OWNER)).seq);
      expect(refused).toMatchObject({ state: 'held', reason: 'throttle', heldAtMs: other.nowMs });
      other.nowMs += 30_000;
      expect((await other.claimed(OWNER)).seq).toBe(claimed.seq);
      const { part: shown } = await accept(claimed);
      expect(shown).toEqual(await desk.view(claimed.seq));
      expect(shown).toMatchObject({ state: 'confirmed', heldAtMs: refused.heldAtMs });
    });
  });
}
