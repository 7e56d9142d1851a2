import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Source } from '../../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  addSource,
  createDesk,
  type Desk,
  FRIEND,
  LOGIN,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
} from '../desk.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** What was not confirmed in time goes to a command. */
export function describeFallbacks(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  let other: Desk['store'];
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
    other = await data.open('b');
  });
  afterEach(() => data.dispose());

  const due = () => ({ account: ACCOUNT, withinMs: 10 * MINUTE_MS, nowMs: desk.nowMs });
  const claim = async (store = desk.store) => {
    const isDue = await store.outbox.isFallbackDue(due());
    const fallback = await store.outbox.claimFallback({ ...due(), leaseMs: 3 * MINUTE_MS });
    expect(fallback !== null).toBe(isDue);
    return fallback;
  };
  const texts = async (store = desk.store) => (await claim(store))?.parts.map(({ text }) => text);
  const settle = (seqs: number[], isDone: boolean, store = desk.store) =>
    store.outbox.settleFallback({ account: ACCOUNT, seqs, isDone, nowMs: desk.nowMs });
  /** A text that the server has refused for now. */
  const held = async (text: string) => {
    const { seq } = await desk.sends(OWNER, text);
    const claimed = await desk.claim(OWNER);
    if (claimed.kind === 'part') await desk.refuse(claimed.part.seq);
    return seq;
  };

  test('what is held for so long, once; then it is final, and no release sends it', async () => {
    await desk.says(OWNER);
    const seq = await held('alert');
    desk.nowMs += 10 * MINUTE_MS - 1;
    expect(await claim()).toBe(null);
    desk.nowMs += 1;
    expect(await claim()).toMatchObject({ verdict: 'held', attempt: 1, parts: [{ seq, reason: 'context' }] });
    expect(await claim()).toBe(null);
    expect(await settle([seq], true)).toMatchObject([{ state: 'fallback', reason: 'context' }]);
    await desk.says(OWNER);
    expect(await desk.deliver(OWNER)).toEqual([]);
    desk.nowMs += DAY_MS;
    expect(await claim()).toBe(null);
    expect((await desk.view(seq)).state).toBe('fallback');
  });

  test('what the command of one has failed with, and no other that has none', async () => {
    await desk.says(OWNER);
    const seq = await held('alert');
    desk.nowMs += 10 * MINUTE_MS;
    expect(await claim()).toMatchObject({ attempt: 1 });
    await settle([seq], false);
    desk.nowMs += MINUTE_MS;
    const none = { ...due(), withinMs: null };
    expect(await other.outbox.isFallbackDue(none)).toBe(false);
    expect(await other.outbox.claimFallback({ ...none, leaseMs: 3 * MINUTE_MS })).toBe(null);
    expect(await claim()).toMatchObject({ attempt: 2, command: null, parts: [{ seq }] });
  });

  test('what a command has ended with while the store could not be written, once more after its lease', async () => {
    await desk.says(OWNER);
    const seq = await held('alert');
    desk.nowMs += 10 * MINUTE_MS;
    expect(await claim()).toMatchObject({ attempt: 1 });
    desk.nowMs += 3 * MINUTE_MS - 1;
    expect(await claim()).toBe(null);
    desk.nowMs += 1;
    expect(await claim()).toMatchObject({ attempt: 2, parts: [{ seq }] });
  });

  test('what nobody sends, for there is no runner, or the login is dead', async () => {
    await desk.sends(OWNER, 'no runner');
    await desk.store.admin.markLogin({ account: ACCOUNT, login: LOGIN, expired: true });
    desk.nowMs += 10 * MINUTE_MS;
    expect(await texts()).toEqual(['no runner']);
  });

  test('what was accepted without an ID, and what was refused; not what was confirmed', async () => {
    await desk.says(OWNER);
    for (const text of ['confirmed', 'unconfirmed', 'refused']) await desk.sends(OWNER, text);
    await desk.accept((await desk.claimed(OWNER)).seq);
    await desk.settle((await desk.claimed(OWNER)).seq, { kind: 'accepted', messageId: null });
    await desk.refuse((await desk.claimed(OWNER)).seq, -2, 'invalid arguments');
    desk.nowMs += 10 * MINUTE_MS;
    expect(await claim()).toMatchObject({ verdict: 'unconfirmed', parts: [{ text: 'unconfirmed' }] });
    expect(await claim()).toMatchObject({ verdict: 'refused', parts: [{ text: 'refused' }] });
    expect(await claim()).toBe(null);
  });

  test('what became final long before somebody asked is no news', async () => {
    await desk.says(OWNER);
    await desk.sends(OWNER, 'x');
    await desk.settle((await desk.claimed(OWNER)).seq, { kind: 'accepted', messageId: null });
    desk.nowMs += DAY_MS + 20 * MINUTE_MS;
    expect(await claim()).toBe(null);
  });

  test('not answers, notices, questions, nor what was dropped, replaced or too late', async () => {
    const seq = await desk.says(OWNER);
    await desk.answers(seq, 'answer');
    await desk.sends(FRIEND, 'old', { key: 'k' });
    await desk.sends(FRIEND, 'new', { key: 'k' });
    await desk.sends(FRIEND, 'late', { expiresAtMs: desk.nowMs + 1 });
    const dropped = await desk.sends(FRIEND, 'dropped');
    await desk.store.outbox.dropParts({
      account: ACCOUNT,
      seqs: [dropped.seq],
      reason: 'dropped',
      nowMs: desk.nowMs,
    });
    desk.nowMs += 2;
    await desk.claim(FRIEND);
    desk.nowMs += 10 * MINUTE_MS;
    expect(await texts()).toEqual(['new']);
  });

  test.each(['queued', 'held'])(
    'what is %s and replaced again and again, in the time of the first',
    async (state) => {
      await desk.says(OWNER);
      const told: unknown[] = [];
      for (const text of ['1', '2', '3', '4', '5', '6']) {
        const { seq } = await desk.sends(OWNER, text, { key: 'disk' });
        if (state === 'held' && (await desk.claim(OWNER)).kind === 'part') await desk.refuse(seq);
        desk.nowMs += 5 * MINUTE_MS;
        const claimed = (await claim())?.parts ?? [];
        told.push(claimed.map((one) => one.text).join());
        await settle(
          claimed.map((one) => one.seq),
          true,
        );
      }
      expect(told).toEqual(['', '2', '', '4', '', '6']);
    },
  );

  test('no part of a question, however many it has', async () => {
    const file = { path: '/f', name: 'f', kind: 'file' as const, sizeBytes: 1, md5: null };
    const runId = 'run';
    await desk.store.questions.ask({
      ...{
        account: ACCOUNT,
        user: OWNER,
        choices: null,
        timeoutMs: DAY_MS,
        fingerprint: null,
        message: null,
      },
      compose: () => [
        { ...part('', 'send'), runId, file },
        { ...part('first', 'send'), runId },
        { ...part('last', 'send'), runId },
      ],
      nowMs: desk.nowMs,
    });
    desk.nowMs += 10 * MINUTE_MS;
    expect(await claim()).toBe(null);
  });

  test('the parts of one text go together, without those that have arrived', async () => {
    await desk.says(OWNER);
    const parts = ['1', '2', '3'].map((text) => ({ ...part(text, 'send'), runId: 'run' }));
    await desk.sends(OWNER, '', { parts });
    await desk.sends(OWNER, 'another');
    await desk.accept((await desk.claimed(OWNER)).seq);
    await desk.refuse((await desk.claimed(OWNER)).seq);
    desk.nowMs += 10 * MINUTE_MS;
    expect(await texts()).toEqual(['2', '3']);
    expect(await texts()).toEqual(['another']);
  });

  test('not while a living process sends it, nor right after the user has written', async () => {
    await desk.says(OWNER);
    const { seq } = await desk.sends(OWNER, 'x');
    desk.nowMs += 10 * MINUTE_MS;
    await desk.claimed(OWNER);
    expect(await claim(other)).toBe(null);
    await desk.store.outbox.returnPart({ account: ACCOUNT, seq });
    await desk.says(OWNER);
    desk.nowMs += 1;
    expect(await claim()).toBe(null);
    desk.nowMs += 10 * MINUTE_MS;
    expect(await texts()).toEqual(['x']);
  });

  test('what cannot be sent goes there, however often the user writes meanwhile', async () => {
    await desk.says(OWNER);
    const { seq } = await desk.sends(OWNER, 'x');
    const told: unknown[] = [];
    for (let n = 1; n <= 4; n++) {
      await desk.settle((await desk.claimed(OWNER)).seq, { kind: 'unsent', detail: 'HTTP 503' });
      desk.nowMs += 5 * MINUTE_MS;
      await desk.says(OWNER);
      told.push((await claim())?.parts.map((one) => one.seq));
    }
    expect(told).toEqual([undefined, undefined, undefined, [seq]]);
  });

  test('what was held for long has its whole time once it is released', async () => {
    await desk.says(OWNER);
    desk.nowMs += 2 * DAY_MS;
    await desk.sends(OWNER, 'x', { nowMs: desk.nowMs - DAY_MS });
    await desk.refuse((await desk.claimed(OWNER)).seq);
    await desk.says(OWNER);
    desk.nowMs += 10 * MINUTE_MS - 1;
    expect(await claim()).toBe(null);
    desk.nowMs += 1;
    expect(await texts()).toEqual(['x']);
  });

  test('a late reply of the server changes nothing that a command has', async () => {
    await desk.says(OWNER);
    const { seq } = await desk.sends(OWNER, 'x');
    await desk.settle((await desk.claimed(OWNER)).seq, { kind: 'unknown', detail: 'cut' });
    desk.nowMs += 10 * MINUTE_MS;
    expect(await claim()).toMatchObject({ verdict: 'sending', parts: [{ seq }] });
    expect((await desk.accept(seq)).part.state).toBe('fallback');
    await settle([seq], true);
    expect((await desk.view(seq)).state).toBe('fallback');
  });

  test('a command that fails is started three times; then WeChat has the part again, if it cannot have arrived', async () => {
    await desk.says(OWNER);
    const seq = await held('x');
    desk.nowMs += 10 * MINUTE_MS;
    for (const attempt of [1, 2, 3]) {
      expect(await claim()).toMatchObject({ attempt, verdict: 'held' });
      await settle([seq], false);
      expect(await claim()).toBe(null);
      desk.nowMs += 2 * MINUTE_MS;
    }
    expect((await desk.view(seq)).state).toBe('queued');
    desk.nowMs += DAY_MS;
    expect(await claim()).toBe(null);
    expect(await desk.deliver(OWNER)).toEqual(['x']);

    // Where something is held it is held as well, with that.
    const first = await held('first');
    desk.nowMs += 10 * MINUTE_MS;
    await claim();
    const second = await held('second');
    for (const pauseMs of [MINUTE_MS, 2 * MINUTE_MS]) {
      await settle([first], false);
      desk.nowMs += pauseMs;
      expect(await texts()).toEqual(['first']);
    }
    expect(await settle([first], false)).toMatchObject([{ state: 'held', reason: 'window' }]);
    await desk.says(OWNER);
    expect(await desk.deliver(OWNER)).toEqual(['first|second']);
    expect((await desk.view(second)).state).toBe('merged');

    await desk.sends(OWNER, 'maybe');
    const maybe = (await desk.claimed(OWNER)).seq;
    await desk.settle(maybe, { kind: 'unknown', detail: 'cut' });
    desk.nowMs += 10 * MINUTE_MS;
    for (let attempt = 1; attempt <= 3; attempt++) {
      await claim();
      await settle([maybe], false);
      desk.nowMs += 2 * MINUTE_MS;
    }
    expect((await desk.view(maybe)).state).toBe('unconfirmed');

    // Held, but an earlier request may have arrived.
    await desk.says(OWNER);
    await desk.sends(OWNER, 'repeated');
    const repeated = (await desk.claimed(OWNER)).seq;
    await desk.settle(repeated, { kind: 'unknown', detail: 'cut' });
    desk.nowMs += MINUTE_MS;
    await desk.refuse((await desk.claimed(OWNER)).seq);
    desk.nowMs += 10 * MINUTE_MS;
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(await claim()).toMatchObject({ verdict: 'held' });
      await settle([repeated], false);
      desk.nowMs += 2 * MINUTE_MS;
    }
    expect((await desk.view(repeated)).state).toBe('unconfirmed');
  });

  test('several processes: one has it; one that is dead loses it at once, one that hangs after its lease', async () => {
    const seq = await (async () => {
      await desk.says(OWNER);
      return held('x');
    })();
    desk.nowMs += 10 * MINUTE_MS;
    const both = await Promise.all([claimOnly(desk.store), claimOnly(other)]);
    expect(both.filter((one) => one !== null)).toHaveLength(1);
    const [mine, theirs] = both[0] ? [desk.store, other] : [other, desk.store];
    expect(await claim(theirs)).toBe(null);
    data.kill(both[0] ? 'a' : 'b');
    expect(await claim(theirs)).toMatchObject({ attempt: 2 });
    // The former one comes back late: its word counts no more.
    await settle([seq], true, mine);
    expect(await claim(mine)).toBe(null);
    desk.nowMs += 4 * MINUTE_MS;
    expect(await claim(mine)).toMatchObject({ attempt: 3 });
    await settle([seq], true, mine);
    expect((await desk.view(seq)).state).toBe('fallback');
  });

  describe('of a source', () => {
    const addOwn = (name: string, over: Partial<Source> = {}) =>
      addSource(desk.store, name, { fallback: { command: './own', withinMs: 2 * MINUTE_MS }, ...over });
    const pushes = (source: string, text: string, isImportant = false) =>
      desk.sends(OWNER, text, {
        parts: [{ ...part(text, 'send'), runId: text }],
        push: { source, digest: source, isImportant, tell: ({ pushes: [one] }) => one?.text ?? '' },
      });
    const claimOwn = (over: { withinMs?: number | null; atOnce?: boolean } = {}) =>
      desk.store.outbox.claimFallback({ ...due(), withinMs: null, leaseMs: 1, ...over });

    test('its own command in its own time; what others wrote, only in that of the run', async () => {
      await addOwn('nas');
      await addOwn('plain', { fallback: null });
      await pushes('nas', 'of nas');
      await pushes('plain', 'of plain');
      await desk.sends(OWNER, 'sent');
      expect(await desk.store.outbox.accountsWithFallback()).toEqual([ACCOUNT]);
      desk.nowMs += 2 * MINUTE_MS - 1;
      expect(await claimOwn()).toBe(null);
      desk.nowMs += 1;
      expect(await claimOwn()).toMatchObject({
        parts: [{ text: 'of nas' }],
        source: 'nas',
        command: './own',
      });
      desk.nowMs += DAY_MS;
      await settleAll();
      expect(await claimOwn()).toBe(null);
      expect(await claimOwn({ atOnce: true })).toBe(null);
      expect(await claimOwn({ withinMs: MINUTE_MS })).toMatchObject({
        parts: [{ text: 'sent' }],
        source: null,
      });
      await settleAll();
      expect(await claimOwn({ withinMs: MINUTE_MS })).toMatchObject({
        parts: [{ text: 'of plain' }],
        source: 'plain',
        command: null,
      });
    });

    test('important and held: at once; others wait, and so does what is queued', async () => {
      await addOwn('nas');
      await desk.says(OWNER);
      await pushes('nas', 'first');
      await pushes('nas', 'urgent', true);
      expect(await claimOwn()).toBe(null);
      await desk.refuse((await desk.claimed(OWNER)).seq);
      expect(await claimOwn()).toMatchObject({ parts: [{ text: 'urgent' }], verdict: 'held' });
      await settleAll();
      expect(await claimOwn()).toBe(null);
      expect(await claimOwn({ atOnce: true })).toMatchObject({ parts: [{ text: 'first' }] });
    });

    test('important, and the login is dead: at once', async () => {
      await addOwn('nas', { isImportant: true });
      await desk.says(OWNER);
      await pushes('nas', 'urgent');
      expect(await claimOwn()).toBe(null);
      await desk.store.admin.markLogin({ account: ACCOUNT, login: LOGIN, expired: true });
      expect(await claimOwn()).toMatchObject({ parts: [{ text: 'urgent' }] });
    });

    test('what waits for the rule of its source is late only after that', async () => {
      await addOwn('nas', { digestMs: 30 * MINUTE_MS });
      await desk.says(OWNER);
      await pushes('nas', 'one');
      desk.nowMs += 30 * MINUTE_MS;
      expect(await claimOwn()).toBe(null);
      await desk.store.outbox.releasePushes({
        account: ACCOUNT,
        user: OWNER,
        nowMs: desk.nowMs,
        tell: ({ pushes: [one] }) => one?.text ?? '',
      });
      desk.nowMs += 2 * MINUTE_MS - 1;
      expect(await claimOwn()).toBe(null);
      desk.nowMs += 1;
      expect(await claimOwn()).toMatchObject({ parts: [{ text: 'one' }], verdict: 'queued' });
    });

    const settleAll = async () => {
      const under = (
        await desk.store.outbox.partPage({
          account: ACCOUNT,
          user: null,
          states: ['fallback'],
          beforeSeq: null,
          limit: 99,
        })
      ).map(({ seq }) => seq);
      await settle(under, true);
    };
  });

  const claimOnly = (store: Desk['store']) =>
    store.outbox.claimFallback({ ...due(), leaseMs: 3 * MINUTE_MS });
}
