import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newUuid } from '../../../../../src/core/ids.ts';
import { type PushTeller, SourceGone, type Store } from '../../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  addSource,
  createDesk,
  type Desk,
  FRIEND,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
} from '../desk.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What is told, so that tests see it: the texts with bars between them, and what was left out. */
const tell: PushTeller = ({ pushes, others, uncounted, waiting, isLast, isAsked }) =>
  [
    pushes
      .map(({ text, reason }) => (pushes.length > 1 && reason !== null ? `${text}(${reason})` : text))
      .join('|'),
    ...(others.count > 0 ? [`&${others.count}`] : []),
    ...(uncounted > 0 ? [`+${uncounted}`] : []),
    ...(isLast ? [`last, ${waiting} wait${isAsked ? ', asked before' : ''}`] : []),
  ].join(' ');

/** What sources push: what waits, until when, and what becomes of it. */
export function describePushes(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  let store: Store;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
    store = desk.store;
    await desk.says(OWNER);
  });
  afterEach(() => data.dispose());

  const pushed = (
    source: string,
    text: string,
    over: {
      id?: string;
      key?: string;
      expiresAtMs?: number;
      isImportant?: boolean;
      digest?: string;
      user?: string;
      files?: string[];
    } = {},
  ) => {
    const { isImportant = false, digest = source, user = OWNER, files = [], ...rest } = over;
    const runId = newUuid();
    const file = (path: string) => ({ path, name: path, kind: 'file' as const, sizeBytes: 1, md5: null });
    return store.outbox.enqueue({
      ...{ account: ACCOUNT, user, message: null, id: null, key: null, expiresAtMs: null, nowMs: desk.nowMs },
      parts: [
        { ...part(text, 'send'), runId },
        ...files.map((path) => ({ ...part('', 'send'), runId, file: file(path) })),
      ],
      push: { source, digest, isImportant, tell },
      ...rest,
    });
  };
  const push = async (...args: Parameters<typeof pushed>) =>
    (await pushed(...args))
      .map(({ state, reason }) => (reason === null ? state : `${state} ${reason}`))
      .join();
  const release = (of: Store = store, user = OWNER) =>
    of.outbox.releasePushes({ account: ACCOUNT, user, nowMs: desk.nowMs, tell });
  const due = () => store.outbox.duePushes(desk.nowMs);
  /** Moves the time, has pushes released that may go, and delivers; the texts. */
  const after = async (ms: number): Promise<string[]> => {
    desk.nowMs += ms;
    if ((await due()).length > 0) await release();
    return desk.deliver(OWNER);
  };

  test('go at once where nothing keeps them', async () => {
    await addSource(store, 'a');
    expect(await push('a', '1')).toBe('queued');
    expect(await desk.deliver(OWNER)).toEqual(['1']);
    expect(await due()).toEqual([]);
  });

  test('of a digest wait for its end, and are one text, which all of them have become', async () => {
    await addSource(store, 'a', { digestMs: 5 * MINUTE_MS });
    const [first] = await pushed('a', '1');
    expect(first?.state).toBe('delayed');
    desk.nowMs += 4 * MINUTE_MS;
    const [second] = await pushed('a', '2');
    expect(await after(0)).toEqual([]);
    expect((await store.admin.accountView(ACCOUNT))?.outbox).toMatchObject({ queued: 0, delayed: 2 });
    expect(await after(MINUTE_MS)).toEqual(['1(digest)|2(digest)']);
    expect(await desk.view(second?.seq ?? 0)).toMatchObject({ state: 'merged', mergedInto: first?.seq });
    expect(await desk.view(first?.seq ?? 0)).toMatchObject({ state: 'confirmed' });
    expect(await after(HOUR_MS)).toEqual([]);
  });

  test('are released once, whoever looks', async () => {
    await addSource(store, 'a', { digestMs: MINUTE_MS });
    await push('a', '1');
    await push('a', '2');
    desk.nowMs += MINUTE_MS;
    const other = await data.open('b');
    const released = await Promise.all([release(), release(other), release(), release(other)]);
    expect(released.flatMap(({ queued }) => queued)).toHaveLength(1);
    expect(await desk.deliver(OWNER)).toEqual(['1(digest)|2(digest)']);
  });

  test('are joined bit by bit where they are very many: each is told once, whoever goes on, and none overtakes', async () => {
    const names = Array.from({ length: 9 }, (_, n) => `s${n}`);
    for (const name of names)
      await addSource(store, name, name === 's7' ? { limit: { count: 1, perMs: HOUR_MS } } : {});
    await desk.sends(OWNER, 'held');
    await desk.refuse((await desk.claimed(OWNER)).seq);
    const all = Array.from({ length: 900 }, (_, n) => `${n}`);
    const parts = await Promise.all(
      all.map((text, n) => {
        desk.nowMs++;
        return pushed(names[n % 9] as string, text);
      }),
    );
    await push('s3', 'beyond');
    await pushed('s4', '', { files: ['/f'] }); // Beyond as well.
    await desk.says(OWNER);
    expect(await desk.deliver(OWNER)).toEqual(['held']);
    expect(await release()).toEqual({ queued: [], isMore: true });
    // Whoever goes on after a kill finds the rest as it was.
    const other = await data.open('b');
    expect(await push('s0', 'late')).toBe('delayed digest');
    let released = await release(other);
    for (let n = 0; released.isMore; n++) released = await release([store, other][n % 2]);
    expect(await release()).toEqual({ queued: [], isMore: false });
    const told = await desk.deliver(OWNER);
    const shown = told.flatMap((text) => text.replaceAll(/ [&+]\d+/g, '').split('|'));
    const plain = shown.map((one) => one.replace(/\(\w+\)/, ''));
    const counted = told.flatMap((text) => text.match(/&\d+/g) ?? []).map((one) => Number(one.slice(1)));
    expect(new Set(plain).size).toBe(plain.length);
    expect(plain.length + counted.reduce((sum, n) => sum + n, 0)).toBe(901);
    for (const [n] of names.entries()) {
      const own = all.filter((text) => Number(text) % 9 === n);
      const ofSource = plain.filter((one) => own.includes(one));
      expect(ofSource).toEqual(own.slice(0, ofSource.length));
    }
    expect(told.join().match(/\+\d+/g)).toEqual(['+2']);
    for (const { seq } of parts.flat()) {
      const { state, mergedInto } = await desk.view(seq);
      if (state !== 'merged') expect(state).toBe('confirmed');
      else expect(await desk.view(mergedInto as number)).toMatchObject({ state: 'confirmed' });
    }
    expect(await push('s0', 'after')).toBe('queued');
    expect(await push('s7', 'after')).toBe('delayed limit');
  });

  test('above the limit wait until there is room again, and say so', async () => {
    await addSource(store, 'a', { limit: { count: 2, perMs: HOUR_MS } });
    expect([await push('a', '1'), await push('a', '2'), await push('a', '3'), await push('a', '4')]).toEqual([
      ...['queued', 'queued', 'delayed limit', 'delayed limit'],
    ]);
    expect(await after(59 * MINUTE_MS)).toEqual(['1', '2']);
    expect(await after(MINUTE_MS)).toEqual(['3(limit)|4(limit)']);
    expect(await push('a', '5')).toBe('queued');
    expect(await push('a', '6')).toBe('delayed limit');
  });

  test('that are important wait for nothing', async () => {
    await addSource(store, 'a', { digestMs: HOUR_MS });
    await addSource(store, 'b', { digestMs: HOUR_MS, isImportant: true });
    expect(await push('a', '1')).toBe('delayed digest');
    expect(await push('a', '2', { isImportant: true })).toBe('queued');
    expect(await push('b', '3')).toBe('queued');
    expect(await after(0)).toEqual(['2', '3']);
  });

  test('are joined with three messages left, and the last one says what waits', async () => {
    await addSource(store, 'a');
    await addSource(store, 'b');
    await addSource(store, 'slow', { digestMs: HOUR_MS });
    for (let n = 0; n < 7; n++) await push('a', `${n}`);
    expect(await desk.deliver(OWNER)).toHaveLength(7);
    expect(await push('a', 'x')).toBe('delayed allowance');
    expect(await push('b', 'y')).toBe('delayed allowance');
    expect(await after(MINUTE_MS)).toEqual(['x(allowance)|y(allowance)']);
    expect(await push('slow', 'z')).toBe('delayed digest');
    await desk.sends(OWNER, 'of a command');
    expect(await desk.deliver(OWNER)).toEqual(['of a command']);
    await push('b', 'w');
    expect(await after(MINUTE_MS)).toEqual(['w last, 1 wait']);
    // From now on everything waits for a word.
    expect(await push('a', '8')).toBe('delayed allowance');
    expect(await after(2 * HOUR_MS)).toEqual([]);
    await desk.says(OWNER);
    expect((await after(0)).sort()).toEqual(['8', 'z']);
  });

  test('are not due while what is queued already takes all that is left', async () => {
    await addSource(store, 'a');
    for (let n = 0; n < 8; n++) await desk.sends(OWNER, `${n}`);
    expect(await desk.deliver(OWNER)).toHaveLength(8);
    // Nobody sends these: the login is dead.
    for (const text of ['8', '9']) await desk.sends(OWNER, text);
    expect(await push('a', 'x')).toBe('delayed allowance');
    desk.nowMs += HOUR_MS;
    expect(await release()).toEqual({ queued: [], isMore: false });
    expect(await due()).toEqual([]);
    await desk.says(OWNER);
    expect(await due()).toHaveLength(1);
  });

  test('ask for a word with the last one, unless the user was asked; then nobody else asks', async () => {
    const toAsk = () => store.admin.usersToAsk({ account: ACCOUNT, nowMs: desk.nowMs });
    /** As `--keep-window` does. */
    const ask = async (messageSeq: number) =>
      store.outbox.askForWord({
        ...{ account: ACCOUNT, user: OWNER, part: part('a word?', 'keeper'), nowMs: desk.nowMs, messageSeq },
      });
    const written = async (): Promise<number> => {
      const seq = await desk.says(OWNER);
      for (const { seq } of await store.inbox.unfinished(ACCOUNT)) await desk.runs(seq);
      return seq;
    };
    const spend = async (count: number) => {
      for (let n = 0; n < count; n++) await push('door', `${n}`);
      return (await desk.deliver(OWNER)).length;
    };
    await addSource(store, 'door', { isImportant: true });
    await addSource(store, 'a');

    const first = await written();
    expect(await spend(9)).toBe(9);
    await push('door', 'last');
    // It has not gone yet: one message is left.
    expect(await toAsk()).toEqual([]);
    await ask(first);
    expect(await desk.deliver(OWNER)).toEqual(['last last, 0 wait']);

    await ask(await written());
    expect(await spend(8)).toBe(9);
    await push('door', 'last');
    expect(await desk.deliver(OWNER)).toEqual(['last last, 0 wait, asked before']);

    await written();
    expect(await spend(9)).toBe(9);
    await push('a', 'joined');
    desk.nowMs += MINUTE_MS;
    await store.outbox.releasePushes({ account: ACCOUNT, user: OWNER, nowMs: desk.nowMs, tell });
    expect(await toAsk()).toEqual([]);
    expect(await desk.deliver(OWNER)).toEqual(['joined last, 0 wait']);
  });

  test('wait behind what is held, and go when the user has written', async () => {
    await addSource(store, 'a');
    await desk.sends(OWNER, 'held');
    await desk.refuse((await desk.claimed(OWNER)).seq);
    expect(await push('a', '1')).toBe('delayed hold');
    expect(await push('a', '2')).toBe('delayed hold');
    expect(await due()).toEqual([]);
    await desk.says(OWNER);
    expect(await after(0)).toEqual(['held', '1(hold)|2(hold)']);
  });

  test('to a user who never wrote are not heaped up: one tries, the others wait', async () => {
    await addSource(store, 'a');
    expect(await push('a', '1', { user: FRIEND })).toBe('queued');
    expect(await push('a', '2', { user: FRIEND })).toBe('delayed hold');
    await desk.claim(FRIEND);
    expect(await due()).toEqual([]);
  });

  test('beyond a hundred that wait are counted, and told', async () => {
    await addSource(store, 'a', { digestMs: MINUTE_MS });
    for (let n = 0; n < 103; n++) await push('a', '.');
    expect(await store.outbox.openParts(ACCOUNT)).toHaveLength(100);
    const [text] = await after(MINUTE_MS);
    expect(text).toMatch(/ \+3$/);
    // Files are no pushes of their own.
    await addSource(store, 'b', { digestMs: MINUTE_MS });
    for (let n = 0; n < 51; n++) await push('b', '.', { files: [`/${n}`] });
    expect(await push('b', '.')).toBe('delayed digest');
    // What is important as well, where it cannot go.
    for (let n = 0; n < 102; n++) await pushed('a', '!', { isImportant: true, user: FRIEND });
    expect(await pushed('a', '!', { isImportant: true, user: FRIEND })).toEqual([]);
  });

  test('of one ID wait once, a key replaces, and a ttl that ends is counted', async () => {
    await addSource(store, 'a', { digestMs: MINUTE_MS });
    await push('a', '1', { id: 'i' });
    expect(await push('a', 'again', { id: 'i' })).toBe('delayed digest');
    await push('a', 'old', { key: 'k' });
    await push('a', 'new', { key: 'k' });
    await push('a', 'late', { expiresAtMs: desk.nowMs + 1_000 });
    expect(await after(MINUTE_MS)).toEqual(['1(digest)|new(digest) +1']);
  });

  test('of one key wait no longer than the first of them, however often they are replaced', async () => {
    await addSource(store, 'a', { digestMs: 5 * MINUTE_MS });
    const told: string[] = [];
    for (let n = 1; n <= 10; n++) {
      await push('a', `${n}`, { key: 'disk' });
      told.push(...(await after(MINUTE_MS)));
    }
    expect(told).toEqual(['5', '10']);
  });

  test('of several parts whose ttl ends while they wait count as one', async () => {
    await addSource(store, 'a', { digestMs: MINUTE_MS });
    await push('a', 'late', { expiresAtMs: desk.nowMs + 1_000, files: ['/f1', '/f2'] });
    await push('a', '2');
    expect(await after(MINUTE_MS)).toEqual(['2 +1']);
  });

  test('whose ttl ends while nothing goes are counted in the next text of their source', async () => {
    await addSource(store, 'a', { digestMs: MINUTE_MS });
    await addSource(store, 'b');
    await push('a', 'late', { expiresAtMs: desk.nowMs + 1_000 });
    expect(await after(1_000)).toEqual([]);
    expect(await store.outbox.openParts(ACCOUNT)).toEqual([]);
    await push('b', '1');
    await push('a', '2');
    expect(await after(0)).toEqual(['1']);
    expect(await after(MINUTE_MS)).toEqual(['2 +1']);
  });

  const sweep = () =>
    store.admin.sweep({
      ...{ accounts: [ACCOUNT], nowMs: desk.nowMs, holdMaxMs: HOUR_MS, finishedMs: HOUR_MS },
      finishedPerUser: 100,
    });

  test.each([
    ['queued', 'a claim', () => desk.claim(OWNER)],
    ['held', 'a sweep', sweep],
    ['held', 'a message', () => desk.says(OWNER)],
  ])(
    'that are %s when their ttl ends, as %s finds it, are counted as well, with their files',
    async (state, _, end) => {
      await addSource(store, 'a');
      const [late] = await pushed('a', 'late', { expiresAtMs: desk.nowMs + 1_000, files: ['/f'] });
      if (state === 'held') await desk.refuse((await desk.claimed(OWNER)).seq);
      desk.nowMs += 1_000;
      await end();
      expect(await desk.view(late?.seq ?? 0)).toMatchObject({ state: 'expired', reason: 'ttl' });
      expect((await pushed('a', 'next'))[0]?.text).toBe('next +1');
      await desk.deliver(OWNER);
      expect((await pushed('a', 'another'))[0]?.text).toBe('another');
    },
  );

  test('that tell of others stay, whatever comes with their key, and after their ttl', async () => {
    await addSource(store, 'a');
    await push('a', 'late', { expiresAtMs: desk.nowMs + 1_000 });
    desk.nowMs += 1_000;
    await desk.claim(OWNER);
    const [told] = await pushed('a', 'told', { key: 'k', expiresAtMs: desk.nowMs + 1_000 });
    await push('a', 'newer', { key: 'k' });
    desk.nowMs += 1_000;
    expect(told?.text).toBe('told +1');
    expect(await desk.deliver(OWNER)).toEqual(['told +1', 'newer']);
  });

  test('of a token that was taken back are not queued, whatever is remembered of it', async () => {
    await addSource(store, 'a');
    await push('a', '1', { id: 'i' });
    const gone = { constructor: SourceGone };
    await expect(push('a', '2', { digest: 'of before' })).rejects.toMatchObject(gone);
    const other = await data.open('b');
    await other.access.removeSource({ name: 'a', by: 'terminal', nowMs: desk.nowMs });
    await expect(push('a', '3')).rejects.toMatchObject(gone);
    await expect(push('a', 'again', { id: 'i' })).rejects.toMatchObject(gone);
    expect((await store.outbox.openParts(ACCOUNT)).map(({ text }) => text)).toEqual(['1']);
  });

  test('are told as they are stored, also a text with half a character', async () => {
    await addSource(store, 'a', { digestMs: MINUTE_MS });
    const [told] = await pushed('a', 'x\ud800', { expiresAtMs: desk.nowMs + HOUR_MS, files: ['/f'] });
    expect(told).toEqual(await desk.view(told?.seq ?? 0));
  });

  test('keep their files, which go behind the text', async () => {
    await addSource(store, 'a', { digestMs: MINUTE_MS });
    await push('a', '1', { files: ['/f1'] });
    await push('a', '2', { files: ['/f2'] });
    expect(await store.outbox.unneededFiles(['/f1', '/f2', '/f3'])).toEqual(['/f3']);
    desk.nowMs += MINUTE_MS;
    expect((await release()).queued.map(({ text, file }) => file?.path ?? text)).toEqual([
      ...['1(digest)|2(digest)', '/f1', '/f2'],
    ]);
  });

  test('that wait for a word of the user go another way in time, those that wait for their own time do not', async () => {
    await addSource(store, 'a');
    await addSource(store, 'slow', { digestMs: HOUR_MS });
    await desk.sends(OWNER, 'held');
    await desk.refuse((await desk.claimed(OWNER)).seq);
    await push('a', '1');
    await push('slow', '2');
    desk.nowMs += 10 * MINUTE_MS;
    const claim = () =>
      store.outbox.claimFallback({
        account: ACCOUNT,
        withinMs: 10 * MINUTE_MS,
        leaseMs: MINUTE_MS,
        nowMs: desk.nowMs,
      });
    const claimed = [await claim(), await claim(), await claim()];
    expect(claimed.map((one) => one?.parts.map(({ text }) => text).join())).toEqual(['held', '1', undefined]);
  });

  test('that wait for a word go another way in time, however often they are replaced', async () => {
    await addSource(store, 'a', { fallback: { command: 'mail', withinMs: 10 * MINUTE_MS } });
    const { seq } = await desk.sends(OWNER, 'held');
    await desk.refuse((await desk.claimed(OWNER)).seq);
    const told: unknown[] = [];
    for (const text of ['1', '2', '3', '4']) {
      expect(await push('a', text, { key: 'disk' })).toBe('delayed hold');
      desk.nowMs += 5 * MINUTE_MS;
      const due = { account: ACCOUNT, withinMs: null, nowMs: desk.nowMs };
      const claimed = await store.outbox.claimFallback({ ...due, leaseMs: MINUTE_MS });
      const seqs = claimed?.parts.map((one) => one.seq) ?? [];
      await store.outbox.settleFallback({ account: ACCOUNT, seqs, isDone: true, nowMs: desk.nowMs });
      told.push(claimed?.parts.map((one) => one.text));
    }
    expect(told).toEqual([undefined, ['2'], undefined, ['4']]);
    expect((await desk.view(seq)).state).toBe('held');
  });

  test('can be dropped, and go when their source is removed', async () => {
    await addSource(store, 'a', { digestMs: HOUR_MS });
    const [first] = await pushed('a', '1');
    await push('a', '2');
    const drop = { account: ACCOUNT, seqs: [first?.seq ?? 0], reason: 'dropped', nowMs: desk.nowMs };
    expect(await store.outbox.dropParts(drop)).toMatchObject([{ state: 'expired' }]);
    await store.access.removeSource({ name: 'a', by: 'terminal', nowMs: desk.nowMs });
    expect(await after(HOUR_MS)).toEqual(['2']);
  });

  describe('of several sources', () => {
    test('are a text each, as long as there is room', async () => {
      await addSource(store, 'a', { digestMs: MINUTE_MS });
      await addSource(store, 'b', { digestMs: MINUTE_MS });
      for (const text of ['1', '2']) for (const source of ['a', 'b']) await push(source, text);
      expect((await after(MINUTE_MS)).sort()).toEqual(['1(digest)|2(digest)', '1(digest)|2(digest)']);
    });
  });
}
