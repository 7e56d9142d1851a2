import { afterEach, beforeEach, expect, test } from 'vitest';
import { ACCOUNT, createDesk, type Desk, FRIEND, type MakeStore, OWNER, START_MS } from '../desk.ts';

/** Lists of messages and of parts, a page at a time. */
export function describePages(make: MakeStore): void {
  let data: Awaited<ReturnType<MakeStore>>;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  type Asked<F extends (input: never) => unknown> = Partial<Parameters<F>[0]>;
  const messages = async (over: Asked<Desk['store']['inbox']['messagePage']> = {}) => {
    const all = { account: ACCOUNT, user: null, fromMs: null, toMs: null, beforeSeq: null, limit: 10 };
    return (await desk.store.inbox.messagePage({ ...all, ...over })).map(({ seq }) => seq);
  };
  const parts = async (over: Asked<Desk['store']['outbox']['partPage']> = {}) => {
    const all = { account: ACCOUNT, user: null, states: null, beforeSeq: null, limit: 10 };
    return (await desk.store.outbox.partPage({ ...all, ...over })).map(({ seq }) => seq);
  };

  test('messages come newest first, of a user, of a time, and from where the page before ended', async () => {
    const first = await desk.says(OWNER);
    desk.nowMs += 1_000;
    const second = await desk.says(FRIEND);
    desk.nowMs += 1_000;
    const third = await desk.says(OWNER);
    expect(await messages()).toEqual([third, second, first]);
    expect(await messages({ limit: 2 })).toEqual([third, second]);
    expect(await messages({ beforeSeq: second })).toEqual([first]);
    expect(await messages({ user: OWNER })).toEqual([third, first]);
    expect(await messages({ user: OWNER, beforeSeq: third })).toEqual([first]);
    expect(await messages({ fromMs: START_MS + 1_000 })).toEqual([third, second]);
    expect(await messages({ toMs: START_MS + 1_000 })).toEqual([first]);
    expect(await messages({ fromMs: START_MS + 1_000, toMs: START_MS + 2_000 })).toEqual([second]);
    expect(await messages({ account: 'another' })).toEqual([]);
  });

  test('parts come newest first, of a user, in some states, and from where the page before ended', async () => {
    await desk.says(OWNER);
    await desk.says(FRIEND);
    const [one, two, three] = [
      await desk.sends(OWNER, 'one'),
      await desk.sends(FRIEND, 'two'),
      await desk.sends(OWNER, 'three'),
    ].map(({ seq }) => seq) as [number, number, number];
    await desk.deliver(FRIEND);
    expect(await parts()).toEqual([three, two, one]);
    expect(await parts({ limit: 1 })).toEqual([three]);
    expect(await parts({ beforeSeq: three })).toEqual([two, one]);
    expect(await parts({ user: OWNER })).toEqual([three, one]);
    expect(await parts({ states: ['queued', 'held'] })).toEqual([three, one]);
    expect(await parts({ states: ['confirmed'], user: FRIEND })).toEqual([two]);
    expect(await parts({ states: ['confirmed'], user: OWNER })).toEqual([]);
    expect(await parts({ account: 'another' })).toEqual([]);
  });
}
