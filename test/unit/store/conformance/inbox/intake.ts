import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  LOGIN,
  type MakeStore,
  OWNER,
  START_MS,
  type StoreUnderTest,
} from '../desk.ts';

/** What a poll brings in: duplicates, ids, owners and strangers, the cursor. */
export function describeIntake(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const states = async (...batches: ReturnType<typeof incoming>[][]): Promise<string[]> => {
    const all: string[] = [];
    for (const batch of batches) all.push(...(await desk.receive(batch)).messages.map((one) => one.state));
    return all;
  };
  const ids = async (): Promise<string[]> =>
    (await desk.store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 100 })).map(
      (one) => one.id,
    );

  test('ids with NUL, halves of characters or of any length cost no other message of the poll', async () => {
    const odd = ['a\0b', '\0', 'x'.repeat(100_000), '\ud83d', ''].flatMap((text) => [
      incoming({ user: text }),
      incoming({ id: text, contextToken: text, fingerprint: text }),
    ]);
    const { messages } = await desk.receive([incoming(), ...odd, incoming()], { allow: 'all' });
    expect(messages).toHaveLength(odd.length + 2);
    expect(messages.map(({ state }) => state)).not.toContain('duplicate');
    expect(await desk.store.inbox.unfinished(ACCOUNT)).toHaveLength(messages.length);
  });

  describe('duplicates', () => {
    test('the same id is one message, across polls and within one', async () => {
      const first = incoming();
      expect(await states([first, first], [first])).toEqual(['received', 'duplicate', 'duplicate']);
      expect(await desk.store.inbox.unfinished(ACCOUNT)).toHaveLength(1);
    });

    test('a duplicate is told by the number and the id of the message it repeats', async () => {
      const first = incoming();
      const [stored] = (await desk.receive([first])).messages;
      const [again] = (await desk.receive([{ ...first, id: '99' }])).messages;
      expect(again).toEqual({ ...stored, state: 'duplicate' });
    });

    test.each([
      ['another id', { id: '99' }],
      ['no id', { id: null }],
      ['another token', { id: '99', contextToken: 'other' }],
    ])('the same user, time and content under %s is one message', async (_, over) => {
      const first = incoming();
      expect(await states([first], [{ ...first, ...over }])).toEqual(['received', 'duplicate']);
    });

    test.each([
      ['another time and token', { createdAtMs: START_MS + 1_000_001, contextToken: 'other' }],
      ['another time, and no token,', { createdAtMs: START_MS + 1_000_001, contextToken: null }],
      ['another content', { fingerprint: 'other' }],
      ['another user', { user: FRIEND, ignore: 'kept' }],
    ])('%s under another id is another message', async (_, over) => {
      const first = incoming();
      const [, second] = await states([first], [{ ...first, id: '99', ...over }]);
      expect(second).not.toBe('duplicate');
      expect(await ids()).toHaveLength(2);
    });

    test.each([
      ['of whole seconds', START_MS - 123],
      ['missing', null],
    ])('a time that is %s needs the same token too', async (_, createdAtMs) => {
      const first = incoming({ createdAtMs, contextToken: 'x' });
      const again = { ...first, id: '98' };
      const other = { ...first, id: '99', contextToken: 'y' };
      expect(await states([first], [again], [other])).toEqual(['received', 'duplicate', 'received']);
    });

    test('the same content with the same token is one message at any time, among the newest of its user', async () => {
      const first = incoming({ contextToken: 'x' });
      const again = () => incoming({ contextToken: 'x', fingerprint: first.fingerprint });
      desk.nowMs += 60_000;
      expect(await states([first], [incoming()], [again()], [again()])).toEqual([
        'received',
        'received',
        'duplicate',
        'duplicate',
      ]);
      await states(Array.from({ length: 32 }, () => incoming()));
      expect(await states([again()])).toEqual(['received']);
    });

    test('a token that came with other content says nothing: that server gives it again', async () => {
      const says = (fingerprint: string) => incoming({ contextToken: 'for ever', fingerprint });
      expect(await states([says('hello')], [says('ok')], [says('ok')], [says('hello')])).toEqual(
        Array(4).fill('received'),
      );
    });

    test('people write the same thing twice: without a window both run', async () => {
      const first = incoming({ fingerprint: 'ok' });
      expect(await states([first], [incoming({ fingerprint: 'ok' })])).toEqual(['received', 'received']);
    });

    test('the window counts content alone, and only as long as it lasts', async () => {
      await desk.receive([incoming({ fingerprint: 'ok' })]);
      const again = async (): Promise<string | undefined> => {
        const message = incoming({ fingerprint: 'ok' });
        return (await desk.receive([message], { dedupeWindowMs: 60_000 })).messages[0]?.state;
      };
      desk.nowMs += 59_999;
      expect(await again()).toBe('duplicate');
      desk.nowMs += 1;
      expect(await again()).toBe('received');
    });

    test('the window looks at every message of the user in it, and at nobody else', async () => {
      const say = async (fingerprint: string, user = OWNER): Promise<string | undefined> => {
        const message = incoming({ fingerprint, user });
        const terms = { dedupeWindowMs: 60_000, allow: 'all' } as const;
        desk.nowMs += 20_000;
        return (await desk.receive([message], terms)).messages[0]?.state;
      };
      expect(await say('ok')).toBe('received');
      expect(await say('well')).toBe('received');
      expect(await say('ok', FRIEND)).toBe('received');
      // The first is too old by now; this one counts from here on.
      expect(await say('ok')).toBe('received');
      expect(await say('well', FRIEND)).toBe('received');
      expect(await say('ok')).toBe('duplicate');
      expect(await say('ok', FRIEND)).toBe('received');
    });

    test('a duplicate brings neither token nor budget nor release', async () => {
      const first = incoming({ contextToken: 'one' });
      await desk.receive([first]);
      await desk.sends(OWNER, 'x');
      await desk.refuse((await desk.claimed(OWNER)).seq);
      const taken = await desk.receive([{ ...first, contextToken: 'two' }]);
      expect(taken.released).toEqual([]);
      expect(await desk.store.sessions.contextToken({ account: ACCOUNT, user: OWNER })).toBe('one');
    });
  });

  describe('ids', () => {
    test.each(['1', '9007199254740993', '18446744073709551615', '007'])(
      '%s comes back as it was',
      async (id) => {
        await desk.receive([incoming({ id })]);
        expect(await ids()).toEqual([id]);
      },
    );

    test('numbers that a double cannot tell apart are two ids', async () => {
      expect(
        await states([incoming({ id: '9007199254740992' }), incoming({ id: '9007199254740993' })]),
      ).toEqual(['received', 'received']);
    });

    test('an id that comes again with other content at another time is a message of its own', async () => {
      const [first, second] = [incoming({ id: '7' }), incoming({ id: '7' })];
      expect(await states([first], [second], [second], [first])).toEqual([
        'received',
        'received',
        'duplicate',
        'duplicate',
      ]);
      expect(new Set(await ids()).size).toBe(2);
    });

    test('an id that another user has used is a message of its own', async () => {
      const first = incoming({ id: '7' });
      await desk.receive([first, { ...first, user: FRIEND }], { allow: 'all' });
      expect(new Set(await ids()).size).toBe(2);
    });

    test('messages without an id get one each', async () => {
      await desk.receive([incoming({ id: null }), incoming({ id: null })]);
      const [one, two] = await ids();
      expect(one).toMatch(/./);
      expect(two).toMatch(/./);
      expect(one).not.toBe(two);
    });

    test('two accounts do not share ids', async () => {
      await desk.store.admin.openAccount({ account: 'other', login: LOGIN, owner: OWNER, nowMs: desk.nowMs });
      const message = incoming();
      await desk.receive([message]);
      const [taken] = (await desk.receive([message], { account: 'other' })).messages;
      expect(taken).toMatchObject({ id: message.id, state: 'received' });
    });
  });

  describe('owner and strangers', () => {
    beforeEach(async () => {
      await desk.store.close();
      await data.dispose();
      data = await make();
      desk = await createDesk(await data.open('a'), null);
    });

    test('the first who writes owns an account without an owner, once and for all', async () => {
      expect((await desk.receive([incoming({ user: OWNER })])).learnedOwner).toBe(OWNER);
      expect((await desk.receive([incoming({ user: FRIEND })])).learnedOwner).toBeNull();
      expect((await desk.store.admin.accountView(ACCOUNT))?.owner).toBe(OWNER);
      expect(
        await desk.store.admin.openAccount({
          account: ACCOUNT,
          login: LOGIN,
          owner: null,
          nowMs: desk.nowMs,
        }),
      ).toMatchObject({ owner: OWNER });
    });

    test('what is not for the agent makes nobody the owner', async () => {
      expect((await desk.receive([incoming({ ignore: 'group' })])).learnedOwner).toBeNull();
    });

    test('strangers are stored, not run, and can be run later', async () => {
      await desk.receive([incoming()]);
      const [stranger] = (await desk.receive([incoming({ user: FRIEND })])).messages;
      expect(stranger).toMatchObject({ state: 'ignored', reason: 'stranger' });
      expect(await desk.store.inbox.unfinished(ACCOUNT)).toHaveLength(1);
      expect(await desk.store.inbox.retry({ account: ACCOUNT, id: stranger?.id ?? '' })).toBe(1);
      expect((await desk.store.inbox.unfinished(ACCOUNT)).map((entry) => entry.user)).toEqual([
        OWNER,
        FRIEND,
      ]);
    });

    test.each([['named', new Set([FRIEND])] as const, ['everyone', 'all'] as const])(
      'beside the owner those that are allowed are run: %s',
      async (_, allow) => {
        await desk.receive([incoming()]);
        const taken = await desk.receive([incoming({ user: FRIEND }), incoming()], { allow });
        expect(taken.messages.map((one) => one.state)).toEqual(['received', 'received']);
      },
    );
  });

  test('an ignored message is kept with its reason and opens nothing', async () => {
    await desk.sends(OWNER, 'x');
    await desk.claim(OWNER);
    const taken = await desk.receive([incoming({ ignore: 'kind:image' })]);
    expect(taken.messages).toMatchObject([{ state: 'ignored', reason: 'kind:image' }]);
    expect(taken.released).toEqual([]);
    expect(await desk.store.inbox.unfinished(ACCOUNT)).toEqual([]);
    expect(await desk.claim(OWNER)).toMatchObject({ kind: 'nothing' });
  });

  describe('cursor', () => {
    const cursor = async (): Promise<string> =>
      (await desk.store.admin.openAccount({ account: ACCOUNT, login: LOGIN, owner: null, nowMs: desk.nowMs }))
        .cursor;

    test('it is empty at first, is kept when a poll names none, and moves with one that does', async () => {
      expect(await cursor()).toBe('');
      await desk.receive([incoming()], { cursor: 'c1' });
      await desk.receive([incoming()], { cursor: null });
      expect(await cursor()).toBe('c1');
      await desk.receive([], { cursor: 'c2' });
      expect(await cursor()).toBe('c2');
    });

    test('a poll of an older login brings its messages, but neither cursor nor token nor release', async () => {
      await desk.receive([incoming({ contextToken: 'old' })]);
      await desk.sends(OWNER, 'waits');
      await desk.store.admin.openAccount({
        account: ACCOUNT,
        login: 'login-2',
        owner: OWNER,
        nowMs: desk.nowMs,
      });
      const taken = await desk.receive([incoming({ contextToken: 'late' })], { cursor: 'old' });
      expect(taken).toMatchObject({ messages: [{ state: 'received' }], released: [] });
      expect(await desk.store.sessions.contextToken({ account: ACCOUNT, user: OWNER })).toBeNull();
      const opened = await desk.store.admin.openAccount({
        account: ACCOUNT,
        login: 'login-2',
        owner: OWNER,
        nowMs: desk.nowMs,
      });
      expect(opened.cursor).toBe('');
    });
  });

  test('a poll is stored as a whole or not at all', async () => {
    await desk.says(OWNER);
    await desk.sends(OWNER, 'x');
    await desk.refuse((await desk.claimed(OWNER)).seq);
    const merge = (): never => {
      throw new Error('cannot merge');
    };
    await expect(desk.receive([incoming(), incoming()], { cursor: 'c9', merge })).rejects.toThrow(
      'cannot merge',
    );
    expect(await ids()).toHaveLength(1);
    const opened = await desk.store.admin.openAccount({
      account: ACCOUNT,
      login: LOGIN,
      owner: null,
      nowMs: desk.nowMs,
    });
    expect(opened.cursor).toBe('');
  });
}
