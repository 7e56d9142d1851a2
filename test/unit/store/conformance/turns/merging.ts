import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StartedTurn } from '../../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
  TERMS,
} from '../desk.ts';

const MERGE_MS = 3_000;

/** Messages that follow each other closely and are one turn (`--merge`). */
export function describeBursts(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const begin = (seq: number) =>
    desk.store.turns.startTurn({ account: ACCOUNT, seq, mergeMs: MERGE_MS, nowMs: desk.nowMs });
  const started = async (seq: number): Promise<StartedTurn> => {
    const turn = await begin(seq);
    if (!turn || !('attempt' in turn)) throw new Error(`message ${seq} does not start`);
    return turn;
  };
  /** The user writes after so many milliseconds each; the numbers of the messages. */
  const writes = async (pauses: number[], user = OWNER): Promise<number[]> => {
    const seqs: number[] = [];
    for (const pause of pauses) {
      desk.nowMs += pause;
      seqs.push(await desk.says(user, { raw: Buffer.from(`m${seqs.length}`) }));
    }
    return seqs;
  };
  const texts = (turn: StartedTurn): string[] => turn.messages.map(({ raw }) => raw.toString());
  const states = async () =>
    (await desk.store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 100 })).map(
      ({ state, reason }) => (reason === null ? state : `${state} (${reason})`),
    );
  const unfinished = async () => (await desk.store.inbox.unfinished(ACCOUNT)).map(({ seq }) => seq);

  test('a turn waits until its user has paused, and has all messages until then', async () => {
    const [first = 0, second = 0] = await writes([0, 2_000]);
    expect(await begin(first)).toEqual({ notBeforeMs: desk.nowMs + MERGE_MS });
    desk.nowMs += MERGE_MS;
    expect(texts(await started(first))).toEqual(['m0', 'm1']);
    expect(await states()).toEqual(['running', 'running']);
    expect(await begin(second)).toBeNull();
    await desk.finish(first, { kind: 'done' }, [part('answer')]);
    expect(await states()).toEqual(['done', 'done']);
    expect(await desk.deliver(OWNER)).toEqual(['answer']);
  });

  test('whatever the pauses: every message in one turn, in order, cut where a pause was too long', async () => {
    const pauses = fc.array(fc.constantFrom(1, 1_000, MERGE_MS, MERGE_MS + 1, 60_000), {
      minLength: 1,
      maxLength: 12,
    });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(pauses, async (given) => {
        const user = `user-${n++}`;
        const seqs = await writes(given, user);
        desk.nowMs += MERGE_MS;
        const turns: string[][] = [];
        for (const seq of seqs) {
          const turn = await begin(seq);
          if (turn === null) continue;
          turns.push(texts(turn as StartedTurn));
          await desk.finish(seq, { kind: 'done' });
        }
        const expected: string[][] = [];
        for (const [at, pause] of given.entries()) {
          if (at === 0 || pause > MERGE_MS) expected.push([]);
          expected.at(-1)?.push(`m${at}`);
        }
        expect(turns).toEqual(expected);
      }),
      { seed: 20_261_122, numRuns: 40 },
    );
  });

  test('what was written long before it came waits for nothing that came with it', async () => {
    const at = desk.nowMs - 3_600_000;
    const result = await desk.receive([
      incoming({ createdAtMs: at }),
      incoming({ createdAtMs: at + 60_000 }),
    ]);
    expect((await started(result.messages[0]?.seq as number)).messages).toHaveLength(1);
  });

  test('a clock that was set back makes nobody wait longer', async () => {
    const [seq = 0] = await writes([0]);
    desk.nowMs -= 3_600_000;
    expect((await started(seq)).messages).toHaveLength(1);
  });

  test('another user is another burst', async () => {
    const [own = 0] = await writes([0]);
    await writes([1], FRIEND);
    desk.nowMs += MERGE_MS;
    expect((await started(own)).messages).toHaveLength(1);
  });

  test('a retry has the same messages, whatever came meanwhile', async () => {
    const [first = 0] = await writes([0, 1]);
    desk.nowMs += MERGE_MS;
    const { sessionId } = await started(first);
    await desk.finish(first, { kind: 'retry', notBeforeMs: 0, counts: true, detail: '' });
    const [later = 0] = await writes([1]);
    expect(await states()).toEqual(['waiting', 'waiting', 'received']);
    expect(await unfinished()).toEqual([first, later]);
    const again = await started(first);
    expect(again).toMatchObject({ attempt: 2, failures: 1, sessionId, turn: 1 });
    expect(texts(again)).toEqual(['m0', 'm1']);
  });

  test('a crash puts all of them back, once, and together they have their last try', async () => {
    const [first = 0] = await writes([0, 1]);
    desk.nowMs += MERGE_MS;
    await started(first);
    const recover = (retries: number) =>
      desk.store.turns.recover({ account: ACCOUNT, former: null, retries, nowMs: desk.nowMs });
    expect(await recover(3)).toEqual({ failed: [], children: [] });
    expect(await states()).toEqual(['waiting', 'waiting']);
    expect(await unfinished()).toEqual([first]);
    // The first crash is forgiven, the second one counts, the third one is one too many.
    await started(first);
    expect(await recover(1)).toEqual({ failed: [], children: [] });
    await started(first);
    const { failed } = await recover(1);
    expect(failed.map(texts)).toEqual([['m0', 'm1']]);
    await desk.finish(first, { kind: 'failed', reason: 'crash', detail: '' });
    expect(await states()).toEqual(['failed (crash)', 'failed (crash)']);
  });

  test('run again by hand, by whichever id, it is the whole turn', async () => {
    const [first = 0, second = 0] = await writes([0, 1]);
    desk.nowMs += MERGE_MS;
    await started(first);
    await desk.finish(first, { kind: 'failed', reason: 'exit', detail: '' });
    const [, last] = await desk.store.inbox.messages({
      account: ACCOUNT,
      user: null,
      sinceMs: null,
      limit: 9,
    });
    expect(last?.seq).toBe(second);
    await desk.store.inbox.retry({ account: ACCOUNT, id: last?.id ?? '' });
    expect(await unfinished()).toEqual([first]);
    expect(texts(await started(first))).toEqual(['m0', 'm1']);
    await desk.finish(first, { kind: 'failed', reason: 'exit', detail: '' });
    const result = await desk.receive([incoming({ chat: { command: 'again', agentFrom: null } })]);
    expect(result.again).toEqual([{ seq: first, user: OWNER }]);
    expect(texts(await started(first))).toEqual(['m0', 'm1']);
  });

  test('a stop ends all of it, gathered or at work', async () => {
    const stop = () => desk.receive([incoming({ chat: { command: 'stop', agentFrom: null } })]);
    const [first = 0] = await writes([0, 1]);
    desk.nowMs += MERGE_MS;
    await started(first);
    expect((await stop()).superseded).toEqual([{ seq: first, user: OWNER }]);
    await writes([0, 1]);
    expect((await stop()).superseded).toHaveLength(2);
    const ended = 'superseded (stop)';
    expect(await states()).toEqual([ended, ended, 'done (command)', ended, ended, 'done (command)']);
  });

  test('a new session cuts it', async () => {
    const [first = 0] = await writes([0]);
    const fresh = incoming({ createdAtMs: desk.nowMs + 1, chat: { command: 'new', agentFrom: 5 } });
    const next = (await desk.receive([fresh])).messages[0]?.seq as number;
    desk.nowMs += MERGE_MS;
    const old = await started(first);
    await desk.finish(first, { kind: 'done' });
    const begun = await started(next);
    expect([old.messages.length, begun.messages.length, begun.turn]).toEqual([1, 1, 1]);
    expect(begun.sessionId).not.toBe(old.sessionId);
  });

  test.each(['latest', 'reject'] as const)(
    'a message that joins what is gathered is in nobody’s way (--busy %s)',
    async (busy) => {
      const over = { chat: { ...TERMS, busy, mergeMs: MERGE_MS } };
      const [first] = (await desk.receive([incoming(), incoming()], over)).messages;
      desk.nowMs += MERGE_MS;
      expect((await started(first?.seq as number)).messages).toHaveLength(2);
      const later = await desk.receive([incoming()], over);
      expect(later.superseded).toHaveLength(busy === 'latest' ? 1 : 0);
      expect(later.messages[0]?.state).toBe(busy === 'latest' ? 'received' : 'ignored');
    },
  );

  test('when its first message is forgotten, the others are messages of their own', async () => {
    const [first = 0, second = 0] = await writes([0, 1]);
    desk.nowMs += MERGE_MS;
    await started(first);
    await desk.finish(first, { kind: 'done' });
    const retention = {
      accounts: [ACCOUNT],
      nowMs: desk.nowMs,
      holdMaxMs: 1,
      finishedMs: 1e12,
      finishedPerUser: 1,
    };
    await desk.store.admin.sweep(retention);
    const [left] = await desk.store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 9 });
    await desk.store.inbox.retry({ account: ACCOUNT, id: left?.id ?? '' });
    expect(texts(await started(second))).toEqual(['m1']);
  });
}
