import { afterEach, beforeEach, expect, test } from 'vitest';
import { ACCOUNT, createDesk, type Desk, FRIEND, incoming, type MakeStore, OWNER, part } from './desk.ts';

/** Processes that do the same thing at the same moment: one of them does it. */
export function describeRivals(make: MakeStore): void {
  let dispose: () => Promise<void>;
  let desks: Desk[];

  beforeEach(async () => {
    const data = await make();
    dispose = data.dispose;
    const stores = await Promise.all(['a', 'b', 'c', 'd'].map((process) => data.open(process)));
    desks = await Promise.all(stores.map((store) => createDesk(store)));
  });

  afterEach(() => dispose());

  const first = (): Desk => desks[0] as Desk;

  test('a message that all of them received is stored once', async () => {
    const polls = [incoming(), incoming({ user: FRIEND }), incoming()];
    const results = await Promise.all(desks.map((desk) => desk.receive(polls, { allow: 'all' })));
    const states = results.flatMap(({ messages }) => messages.map(({ state }) => state));
    expect(states.sort()).toEqual([...Array(9).fill('duplicate'), ...Array(3).fill('received')]);
    expect(await first().store.inbox.unfinished(ACCOUNT)).toHaveLength(3);
  });

  test('a turn is started by one of them', async () => {
    const seq = await first().says(OWNER);
    const started = await Promise.all(
      desks.map(({ store, nowMs }) => store.turns.startTurn({ account: ACCOUNT, seq, mergeMs: 0, nowMs })),
    );
    expect(started.filter((one) => one !== null)).toHaveLength(1);
  });

  test('a part is claimed by one of them, and what is queued at the same time stays in one order', async () => {
    await first().says(OWNER);
    await first().says(FRIEND);
    const texts = Array.from({ length: 12 }, (_, n) => `text ${n}`);
    await Promise.all(texts.map((text, n) => (desks[n % 4] as Desk).sends(OWNER, text)));
    const sent: number[] = [];
    for (let n = 0; n < texts.length; n++) {
      const claims = await Promise.all(desks.map((desk) => desk.claim(OWNER)));
      const mine = claims.flatMap((claim) => (claim.kind === 'part' ? [claim.part.seq] : []));
      expect(mine).toHaveLength(1);
      sent.push(...mine);
      const owner = claims.findIndex((claim) => claim.kind === 'part');
      await (desks[owner] as Desk).accept(mine[0] as number);
    }
    expect(sent).toEqual([...sent].sort((a, b) => a - b));
    const view = await first().store.admin.accountView(ACCOUNT);
    expect(view?.users.find(({ user }) => user === OWNER)?.sentSinceMessage).toBe(texts.length);
  });

  test('the same --id queues one text', async () => {
    const queued = await Promise.all(desks.map((desk) => desk.sends(OWNER, 'once', { id: 'report' })));
    expect(new Set(queued.map(({ seq }) => seq)).size).toBe(1);
    expect(await first().store.outbox.openParts(ACCOUNT)).toHaveLength(1);
  });

  test('the ends of a turn queue one reply', async () => {
    const seq = await first().says(OWNER);
    const turn = await first().start(seq);
    await Promise.all(
      desks.map(({ store, nowMs }) =>
        store.turns.finishTurn({
          account: ACCOUNT,
          turn,
          result: { kind: 'done' },
          parts: [part('reply')],
          nowMs,
          claim: null,
        }),
      ),
    );
    expect(await first().deliver(OWNER)).toEqual(['reply']);
  });

  test('steps of many users at once neither fail nor wait for each other for ever', async () => {
    const users = Array.from({ length: 8 }, (_, n) => `user-${n}@im.wechat`);
    await Promise.all(
      users.flatMap((user, n) => {
        const desk = desks[n % 4] as Desk;
        return [desk.says(user), desk.sends(user, 'text'), desk.says(user)];
      }),
    );
    expect(await first().store.inbox.unfinished(ACCOUNT)).toHaveLength(2 * users.length);
    expect(await first().store.outbox.openParts(ACCOUNT)).toHaveLength(users.length);
  });
}
