import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventPlace, StateEvent, Store } from '../../../../../src/store/port/port.ts';
import { readUntil } from '../../../../helpers/poll-until.ts';
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
} from '../desk.ts';

const START: EventPlace = { xid: 0, seq: 0, atMs: 0 };

/** The log of state events. */
export function describeEvents(make: MakeStore): void {
  let data: Awaited<ReturnType<MakeStore>>;
  let desk: Desk;
  let store: Store;
  let from: EventPlace;
  beforeEach(async () => {
    data = await make();
    const opened = await data.open('a');
    // SQLite writes the log for readers only.
    await opened.events.newest();
    desk = await createDesk(opened);
    ({ store } = desk);
    // The first one tells that the account is known.
    const first = await readUntil(
      'the account is told',
      () => store.events.after({ place: START, limit: 1_000 }),
      (found) => found.events.some(({ kind }) => kind === 'login'),
    );
    from = first.events.at(-1) as EventPlace;
  });
  afterEach(() => data.dispose());

  /** So many events: on a server they are read once no older transaction runs, also of another test. */
  async function events(count: number): Promise<StateEvent[]> {
    const found = await readUntil(
      `${count} events`,
      async () => (await store.events.after({ place: from, limit: 1_000 })).events,
      ({ length }) => length >= count,
    );
    expect(found).toHaveLength(count);
    return found;
  }
  const told = async (count: number) => (await events(count)).map(({ kind, state }) => `${kind} ${state}`);

  test('tell the way of a message and of its reply, with IDs and without texts', async () => {
    const seq = await desk.says(OWNER);
    await desk.answers(seq, 'a secret');
    await desk.deliver(OWNER);
    expect(await told(6)).toEqual([
      'message received',
      'turn running',
      'turn done',
      'part queued',
      'part sending',
      'verdict confirmed',
    ]);
    const all = await events(6);
    const [message] = await store.inbox.messages({ account: ACCOUNT, user: OWNER, sinceMs: null, limit: 1 });
    expect(new Set(all.map((one) => one.message))).toEqual(new Set([message?.id]));
    expect(new Set(all.map(({ account, user }) => `${account} ${user}`))).toEqual(
      new Set([`${ACCOUNT} ${OWNER}`]),
    );
    expect(all.map(({ subject }) => subject).slice(0, 3)).toEqual([null, null, null]);
    expect(all[3]?.subject).toMatch(/^\d+$/);
    expect(JSON.stringify(all)).not.toContain('secret');
  });

  test('say how long a turn took, which a repeated one does not have yet', async () => {
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    desk.nowMs += 1_000;
    await desk.finish(seq, { kind: 'retry', detail: 'x', counts: true, notBeforeMs: desk.nowMs });
    await desk.start(seq);
    desk.nowMs += 2_500;
    await desk.finish(seq, { kind: 'failed', reason: 'exit', detail: 'x' });
    expect((await events(5)).map(({ kind, state, ms }) => [kind, state, ms])).toEqual([
      ['message', 'received', null],
      ['turn', 'running', null],
      ['turn', 'waiting', null],
      ['turn', 'running', null],
      ['turn', 'failed', 2_500],
    ]);
  });

  test('tell what is held, released and refused', async () => {
    const { seq } = await desk.sends(FRIEND, 'before the first message');
    await desk.claim(FRIEND);
    await desk.says(FRIEND);
    await desk.claimed(FRIEND);
    await desk.settle(seq, { kind: 'rejected', status: 400 });
    expect(await told(6)).toEqual([
      'part queued',
      'verdict held',
      'message received',
      'part queued',
      'part sending',
      'verdict refused',
    ]);
  });

  test('tell when a login expires and works again, once each', async () => {
    for (const expired of [true, true, false])
      await store.admin.markLogin({ account: ACCOUNT, login: LOGIN, expired });
    await store.admin.openAccount({ account: ACCOUNT, login: 'login-2', owner: OWNER, nowMs: desk.nowMs });
    expect(await told(3)).toEqual(['login expired', 'login ok', 'login ok']);
  });

  test('tell of ignored messages and superseded ones', async () => {
    await desk.receive([incoming({ user: FRIEND })], { allow: new Set() });
    const seq = await desk.says(OWNER);
    await desk.start(seq);
    await desk.says(OWNER, { chat: { command: 'stop', agentFrom: null } });
    expect((await told(6)).sort()).toEqual([
      'message done',
      'message ignored',
      'message received',
      'part queued',
      'turn running',
      'turn superseded',
    ]);
  });

  test('tell of texts that wait for their time, until they are queued or dropped, and of what is granted', async () => {
    const later = (text: string) =>
      store.scheduled.schedule({
        ...{ account: ACCOUNT, user: OWNER, text, format: 'raw', key: null, id: null, ttlMs: null },
        ...{ atMs: desk.nowMs, nowMs: desk.nowMs },
      });
    const [first, second] = [await later('a secret'), await later('two')];
    await store.scheduled.unschedule({ account: ACCOUNT, seq: first.seq, by: 'terminal', nowMs: desk.nowMs });
    await store.scheduled.release({ text: second, parts: [part('two', 'send')], nowMs: desk.nowMs });
    const nobody = { id: 'a', name: 'mum', digest: 'x', createdAtMs: 1, expiresAtMs: 2e12, usedAtMs: null };
    await store.access.addInvitation({ invitation: nobody, by: 'terminal', nowMs: desk.nowMs });
    await store.access.useInvitation({ id: 'a', nowMs: desk.nowMs });
    await store.access.removeInvitation({ name: 'mum', by: 'terminal', nowMs: desk.nowMs });
    expect(await told(9)).toEqual([
      'scheduled waiting',
      'scheduled waiting',
      'scheduled ended',
      'audit drop',
      'scheduled ended',
      'part queued',
      'audit invitation-add',
      'audit invitation-use',
      'audit invitation-remove',
    ]);
    const all = await events(9);
    expect(all[0]).toMatchObject({ account: ACCOUNT, user: OWNER, subject: String(first.seq) });
    expect(JSON.stringify(all)).not.toMatch(/secret|mum/);
  });

  test('of a step that fails are not there', async () => {
    await desk.says(OWNER);
    await events(1);
    const before = await store.events.newest();
    const faulty = { ...part('b', 'send'), clientId: Symbol('no text') as unknown as string };
    await expect(
      store.outbox.enqueue({
        ...{ account: ACCOUNT, user: OWNER, parts: [part('a', 'send'), faulty] },
        ...{ message: null, id: null, key: null, expiresAtMs: null, nowMs: desk.nowMs },
      }),
    ).rejects.toThrow();
    expect(await store.events.newest()).toEqual(before);
  });

  test('are found at their place, and in no other', async () => {
    await desk.says(OWNER);
    const [first] = (await events(1)) as [StateEvent];
    expect(await store.events.at(first)).toEqual(first);
    expect(await store.events.newest()).toEqual({ xid: first.xid, seq: first.seq, atMs: first.atMs });
    expect(await store.events.at({ ...first, seq: first.seq + 1 })).toBeNull();
    expect(await store.events.at({ ...first, xid: first.xid + 1 })).toBeNull();
    expect(await store.events.at({ ...first, atMs: first.atMs + 1 })).toBeNull();
  });

  test('come in pages, each once', async () => {
    for (let n = 0; n < 5; n++) await desk.says(OWNER);
    const all = await events(5);
    const paged: StateEvent[] = [];
    for (let place: EventPlace = from; ; ) {
      const { events: page, isWhole } = await store.events.after({ place, limit: 2 });
      expect(isWhole).toBe(true);
      paged.push(...page);
      const last = page.at(-1);
      if (!last) break;
      place = last;
    }
    expect(paged).toEqual(all);
    expect(paged).toHaveLength(5);
  });

  test('are counted by kind and state, turns by how long they took', async () => {
    for (const ms of [400, 600, 70_000]) {
      const seq = await desk.says(OWNER);
      await desk.start(seq);
      desk.nowMs += ms;
      await desk.finish(seq, { kind: 'done' });
    }
    const upTo = (await events(9)).at(-1) as EventPlace;
    const counts = await store.events.counts({ after: from, upTo, limitsMs: [500, 1_000] });
    const of = (kind: string, state: string) =>
      counts
        .filter((one) => one.kind === kind && one.state === state)
        .map(({ withinMs, count, ms }) => `${count} within ${withinMs}: ${ms}`)
        .sort();
    expect(of('message', 'received')).toEqual(['3 within null: 0']);
    expect(of('turn', 'done')).toEqual(['1 within 1000: 600', '1 within 500: 400', '1 within null: 70000']);
    expect(await store.events.counts({ after: upTo, upTo, limitsMs: [500] })).toEqual([]);
  });

  test('are kept for a day, and the newest one longer', async () => {
    for (let n = 0; n < 3; n++) await desk.says(OWNER);
    const sweep = (nowMs: number) =>
      store.admin.sweep({
        ...{ accounts: [ACCOUNT], nowMs, holdMaxMs: 1e12, finishedMs: 1e12, finishedPerUser: 1_000 },
      });
    const [first] = (await events(3)) as [StateEvent, StateEvent, StateEvent];
    await sweep(first.atMs + 23 * 3_600_000);
    expect(await store.events.at(first)).toEqual(first);
    expect(await store.events.after({ place: first, limit: 1 })).toMatchObject({ isWhole: true });
    await sweep(first.atMs + 25 * 3_600_000);
    expect(await store.events.at(first)).toBeNull();
    expect(await store.events.after({ place: first, limit: 1 })).toMatchObject({ isWhole: false });
    const place = await store.events.newest();
    await desk.says(OWNER);
    await readUntil(
      'the next event',
      () => store.events.after({ place: place ?? START, limit: 10 }),
      (following) => following.events.length === 1,
    );
  });
}
