import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StartedTurn } from '../../../../../src/store/port/port.ts';
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

/** Lanes, turns and their ends, and what a crash leaves behind. */
export function describeTurns(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const unfinished = async (): Promise<number[]> =>
    (await desk.store.inbox.unfinished(ACCOUNT)).map((entry) => entry.seq);
  const stateOf = async (seq: number): Promise<string | undefined> =>
    (await desk.store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 100 })).find(
      (one) => one.seq === seq,
    )?.state;
  const recover = (over: { former?: string | null; retries?: number } = {}) =>
    desk.store.turns.recover({ account: ACCOUNT, former: null, retries: 3, nowMs: desk.nowMs, ...over });

  test('what is unfinished is listed in order of arrival, of this account only', async () => {
    const seqs = [await desk.says(OWNER), await desk.says(FRIEND), await desk.says(OWNER)];
    expect(await desk.store.inbox.unfinished(ACCOUNT)).toEqual([
      { seq: seqs[0], user: OWNER, notBeforeMs: null },
      { seq: seqs[1], user: FRIEND, notBeforeMs: null },
      { seq: seqs[2], user: OWNER, notBeforeMs: null },
    ]);
    expect(await desk.store.inbox.unfinished('other')).toEqual([]);
  });

  test('a turn starts once', async () => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    expect(
      await desk.store.turns.startTurn({ account: ACCOUNT, seq, mergeMs: 0, nowMs: desk.nowMs }),
    ).toBeNull();
  });

  test('a message of another account, or none at all, does not start', async () => {
    const seq = await desk.says(OWNER);
    expect(
      await desk.store.turns.startTurn({ account: 'other', seq, mergeMs: 0, nowMs: desk.nowMs }),
    ).toBeNull();
    expect(
      await desk.store.turns.startTurn({ account: ACCOUNT, seq: seq + 1, mergeMs: 0, nowMs: desk.nowMs }),
    ).toBeNull();
  });

  test('a message waits for the one before it, whoever has stored that', async () => {
    const first = await desk.says(OWNER);
    const second = await desk.says(OWNER);
    const begin = () =>
      desk.store.turns.startTurn({ account: ACCOUNT, seq: second, mergeMs: 0, nowMs: desk.nowMs });
    expect(await begin()).toEqual({ earlier: first });
    await desk.start(await desk.says(FRIEND));
    await desk.runs(first);
    expect(await begin()).toMatchObject({ seq: second });
  });

  test('a user has one session, its turns count up; another user has their own', async () => {
    const first = await desk.runs(await desk.says(OWNER));
    const second = await desk.runs(await desk.says(OWNER));
    const other = await desk.start(await desk.says(FRIEND));
    expect([first.turn, second.turn, other.turn]).toEqual([1, 2, 1]);
    expect(second.sessionId).toBe(first.sessionId);
    expect(other.sessionId).not.toBe(first.sessionId);
  });

  test('a later attempt has the same place in the session', async () => {
    const seq = await desk.says(OWNER);
    const first = await desk.start(seq);
    await desk.finish(seq, { kind: 'retry', notBeforeMs: desk.nowMs, counts: true, detail: '' });
    await desk.runs(await desk.says(OWNER));
    const again = await desk.start(seq);
    expect(again).toMatchObject({ turn: 1, sessionId: first.sessionId, attempt: 2 });
  });

  test('a message to be run again is not before its time; only what counts is counted', async () => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    await desk.finish(seq, { kind: 'retry', notBeforeMs: desk.nowMs + 5_000, counts: true, detail: 'busy' });
    expect(await desk.store.inbox.unfinished(ACCOUNT)).toEqual([
      { seq, user: OWNER, notBeforeMs: desk.nowMs + 5_000 },
    ]);
    expect((await desk.start(seq)).failures).toBe(1);
    await desk.finish(seq, { kind: 'retry', notBeforeMs: desk.nowMs, counts: false, detail: 'stopped' });
    expect(await desk.start(seq)).toMatchObject({ failures: 1, attempt: 3 });
  });

  test.each([
    ['done', { kind: 'done' } as const],
    ['failed', { kind: 'failed', reason: 'exit', detail: 'boom' } as const],
  ])('a message that is %s is finished', async (state, result) => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    await desk.finish(seq, result);
    expect(await stateOf(seq)).toBe(state);
    expect(await unfinished()).toEqual([]);
  });

  test('only a running message can end, and its parts come with its end or not at all', async () => {
    const seq = await desk.says(OWNER);
    await desk.finish(seq, { kind: 'done' }, [part('too early')]);
    await desk.answers(seq, 'right');
    await desk.finish(seq, { kind: 'done' }, [part('too late')]);
    expect((await desk.store.outbox.openParts(ACCOUNT)).map((one) => one.text)).toEqual(['right']);
  });

  test('an attempt that is over does not end the next one', async () => {
    const seq = await desk.says(OWNER);
    const first = await desk.start(seq);
    await recover();
    desk.nowMs += 3_600_000;
    const second = await desk.start(seq);
    await desk.store.turns.recordChild({
      account: ACCOUNT,
      id: second.id,
      child: { pid: 7, startTime: 'x' },
    });
    const end = { account: ACCOUNT, result: { kind: 'done' }, nowMs: desk.nowMs, claim: null } as const;
    await desk.store.turns.finishTurn({ ...end, turn: first, parts: [part('late')] });
    expect(await stateOf(seq)).toBe('running');
    expect((await recover()).children).toEqual([{ pid: 7, startTime: 'x' }]);
    desk.nowMs += 3_600_000;
    const third = await desk.start(seq);
    await desk.store.turns.finishTurn({ ...end, turn: third, parts: [part('right')] });
    expect((await desk.store.outbox.openParts(ACCOUNT)).map(({ text }) => text)).toEqual(['right']);
  });

  describe('the claim of an answer', () => {
    const finish = (turn: StartedTurn, parts: ReturnType<typeof part>[]) =>
      desk.store.turns.finishTurn({
        account: ACCOUNT,
        turn,
        result: { kind: 'done' },
        parts,
        nowMs: desk.nowMs,
        claim: {
          account: ACCOUNT,
          user: OWNER,
          nowMs: desk.nowMs,
          paceMs: 0,
          encode: (content) => Buffer.from(JSON.stringify(content.text)),
        },
      });
    const finishAndClaim = async (turn: StartedTurn, parts: ReturnType<typeof part>[]) =>
      (await finish(turn, parts)).claim;

    test('the first part comes with the end of the turn', async () => {
      const turn = await desk.start(await desk.says(OWNER));
      expect(await finishAndClaim(turn, [part('one'), part('two')])).toMatchObject({
        kind: 'part',
        part: { body: Buffer.from('"one"') },
      });
    });

    test('what waits longer goes first', async () => {
      const turn = await desk.start(await desk.says(OWNER));
      await desk.sends(OWNER, 'earlier');
      expect(await finishAndClaim(turn, [part('one')])).toMatchObject({
        part: { body: Buffer.from('"earlier"') },
      });
    });

    test('behind a held part there is nothing to claim', async () => {
      const turn = await desk.start(await desk.says(OWNER));
      await desk.sends(OWNER, 'held');
      await desk.refuse((await desk.claimed(OWNER)).seq);
      expect(await finishAndClaim(turn, [part('one')])).toMatchObject({ kind: 'nothing' });
    });

    test('behind a throttle that is over it releases them all: none is held then', async () => {
      const turn = await desk.start(await desk.says(OWNER));
      for (const text of ['1', '2', '3']) await desk.sends(OWNER, text);
      await desk.accept((await desk.claimed(OWNER)).seq);
      await desk.accept((await desk.claimed(OWNER)).seq);
      await desk.refuse((await desk.claimed(OWNER)).seq);
      desk.nowMs += 30_000;
      expect(await finish(turn, [part('one')])).toMatchObject({
        claim: { kind: 'part', part: { body: Buffer.from('"3"') } },
        held: [],
      });
    });

    test('the request says what is stored', async () => {
      const turn = await desk.start(await desk.says(OWNER));
      expect(await finishAndClaim(turn, [part('a\ud83db')])).toMatchObject({
        part: { body: Buffer.from(JSON.stringify('a\ufffdb')) },
      });
    });

    test('without parts nothing is claimed', async () => {
      const turn = await desk.start(await desk.says(OWNER));
      await desk.sends(OWNER, 'of somebody else');
      expect(await finishAndClaim(turn, [])).toBeNull();
    });
  });

  describe('after a crash', () => {
    test('a running message runs again at once, as if nothing had failed, also after failures of its agent', async () => {
      const seq = await desk.says(OWNER);
      await desk.start(seq);
      await desk.finish(seq, { kind: 'retry', notBeforeMs: desk.nowMs, counts: true, detail: '' });
      await desk.start(seq);
      desk.nowMs += 1_000;
      expect(await recover({ retries: 1 })).toEqual({ failed: [], children: [] });
      const notBeforeMs = desk.nowMs;
      expect(await desk.store.inbox.unfinished(ACCOUNT)).toEqual([{ seq, user: OWNER, notBeforeMs }]);
      expect(await desk.start(seq)).toMatchObject({ attempt: 3, failures: 1 });
    });

    test('one that sees the end of several waits 5, 30, 120 seconds from its start, then has had its last try', async () => {
      const seq = await desk.says(OWNER);
      await desk.start(seq);
      await recover();
      for (const [failures, delayMs] of [5_000, 30_000, 120_000].entries()) {
        const started = await desk.start(seq);
        expect(started).toMatchObject({ attempt: failures + 2, failures });
        desk.nowMs += 1_000;
        expect(await recover()).toEqual({ failed: [], children: [] });
        const notBeforeMs = desk.nowMs - 1_000 + delayMs;
        expect(await desk.store.inbox.unfinished(ACCOUNT)).toEqual([{ seq, user: OWNER, notBeforeMs }]);
        desk.nowMs = notBeforeMs;
      }
      await desk.start(seq);
      const { failed } = await recover();
      expect(failed).toMatchObject([{ seq, user: OWNER, attempt: 5, failures: 3 }]);
    });

    test('a message given up stays until it is finished with its notice', async () => {
      const seq = await desk.says(OWNER);
      await desk.start(seq);
      expect((await recover({ retries: 0 })).failed).toHaveLength(1);
      expect((await recover({ retries: 0 })).failed).toHaveLength(1);
      await desk.finish(seq, { kind: 'failed', reason: 'crash', detail: '' }, [part('sorry', 'notice')]);
      expect((await recover({ retries: 0 })).failed).toEqual([]);
      expect(await desk.deliver(OWNER)).toEqual(['sorry']);
    });

    test('failures of the agent and later crashes count together', async () => {
      const seq = await desk.says(OWNER);
      await desk.start(seq);
      await recover();
      await desk.start(seq);
      await desk.finish(seq, { kind: 'retry', notBeforeMs: desk.nowMs, counts: true, detail: '' });
      await desk.start(seq);
      expect((await recover({ retries: 1 })).failed).toMatchObject([{ seq, failures: 1 }]);
    });

    test('a start in the future counts as now', async () => {
      const seq = await desk.says(OWNER);
      desk.nowMs += 3_600_000;
      await desk.start(seq);
      desk.nowMs -= 3_600_000;
      await recover();
      desk.nowMs += 3_600_000;
      await desk.start(seq);
      desk.nowMs -= 3_600_000;
      await recover();
      expect(await desk.store.inbox.unfinished(ACCOUNT)).toMatchObject([{ notBeforeMs: desk.nowMs + 5_000 }]);
    });

    test('what had not started, has ended, or is of another account is left alone', async () => {
      const waiting = await desk.says(OWNER);
      await desk.answers(await desk.says(FRIEND));
      const running = await desk.says(FRIEND);
      await desk.start(running);
      await desk.store.turns.recover({ account: 'other', former: null, retries: 3, nowMs: desk.nowMs });
      expect(await stateOf(running)).toBe('running');
      await recover();
      expect(await unfinished()).toEqual([waiting, running]);
      expect(await desk.store.inbox.unfinished(ACCOUNT)).toMatchObject([{ notBeforeMs: null }, {}]);
    });

    test('the processes of running turns are handed out, those of earlier attempts are not', async () => {
      const [one, two] = [await desk.says(OWNER), await desk.says(FRIEND)];
      const started = await desk.start(one);
      await desk.store.turns.recordChild({
        account: ACCOUNT,
        id: started.id,
        child: { pid: 41, startTime: 'x:1' },
      });
      await desk.start(two);
      expect((await recover()).children).toEqual([{ pid: 41, startTime: 'x:1' }]);
      await desk.start(one);
      expect((await recover()).children).toEqual([]);
    });

    test('a process that lives longer than a turn is handed out until it is forgotten', async () => {
      const note = (pid: number, startTime: string, account = ACCOUNT) =>
        desk.store.turns.recordChild({ account, id: null, child: { pid, startTime } });
      await note(41, 'x:1');
      await note(42, 'x:2');
      await note(41, 'x:3');
      await note(43, 'x:4', 'other');
      expect((await recover()).children).toEqual([
        { pid: 41, startTime: 'x:3' },
        { pid: 42, startTime: 'x:2' },
      ]);
      const forget = (startTime: string) =>
        desk.store.turns.forgetChild({ account: ACCOUNT, child: { pid: 41, startTime } });
      // One of the same number, elsewhere or earlier.
      await forget('x:1');
      expect((await recover()).children).toHaveLength(2);
      await forget('x:3');
      expect((await recover()).children).toEqual([{ pid: 42, startTime: 'x:2' }]);
    });
  });

  describe('run again by hand', () => {
    test('all failed messages, or one by its id, with their failures forgotten', async () => {
      const seqs = [await desk.says(OWNER), await desk.says(OWNER), await desk.says(OWNER)];
      const ids: string[] = [];
      for (const seq of seqs) {
        ids.push((await desk.start(seq)).id);
        const result = { kind: 'retry', notBeforeMs: 0, counts: true, detail: '' } as const;
        await desk.finish(seq, result);
        await desk.start(seq);
        await desk.finish(seq, { kind: 'failed', reason: 'exit', detail: 'x' });
      }
      expect(await desk.store.inbox.retry({ account: ACCOUNT, id: ids[1] ?? '' })).toBe(1);
      expect(await unfinished()).toEqual([seqs[1]]);
      expect(await desk.start(seqs[1] as number)).toMatchObject({ attempt: 3, failures: 0, turn: 2 });
      expect(await desk.store.inbox.retry({ account: ACCOUNT, id: null })).toBe(2);
      expect(await unfinished()).toEqual([seqs[0], seqs[2]]);
    });

    test('an answered message can be asked again, an unfinished one need not', async () => {
      const [done, running, received] = [
        await desk.says(OWNER),
        await desk.says(OWNER),
        await desk.says(OWNER),
      ];
      const { id } = await desk.start(done);
      await desk.finish(done, { kind: 'done' });
      const runningId = (await desk.start(running)).id;
      expect(await desk.store.inbox.retry({ account: ACCOUNT, id })).toBe(1);
      expect(await desk.store.inbox.retry({ account: ACCOUNT, id: runningId })).toBe(0);
      expect(await desk.store.inbox.retry({ account: ACCOUNT, id: 'no such id' })).toBe(0);
      expect(await unfinished()).toEqual([done, received]);
      expect(await stateOf(running)).toBe('running');
    });
  });
}
