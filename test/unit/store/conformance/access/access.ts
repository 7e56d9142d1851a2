import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CheckedInvitation, CheckedToken, Store } from '../../../../../src/store/port/port.ts';
import { ACCOUNT, createDesk, type Desk, FRIEND, type MakeStore, OWNER, START_MS } from '../desk.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Tokens, browsers and the audit. */
export function describeAccess(make: MakeStore): void {
  let data: Awaited<ReturnType<MakeStore>>;
  let desk: Desk;
  let access: Store['access'];
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
    access = desk.store.access;
  });
  afterEach(() => data.dispose());

  const token = (over: Partial<CheckedToken> = {}): CheckedToken => ({
    ...{ id: 'id-1', name: 'cron', scope: 'send', account: ACCOUNT, user: OWNER, createdAtMs: START_MS },
    ...{ expiresAtMs: START_MS + DAY_MS, lastUsedAtMs: null, digest: 'aa' },
    ...over,
  });
  const add = (over?: Partial<CheckedToken>) =>
    access.addToken({ token: token(over), by: 'terminal', nowMs: START_MS });
  const acts = async () =>
    (await access.audit({ beforeSeq: null, limit: 100 })).map(({ who, act, account, about }) => ({
      ...{ who, act, account, about },
    }));

  describe('a token', () => {
    test('is found by its ID, with its digest, which no list shows', async () => {
      expect(await add()).toBe(true);
      expect(await access.token('id-1')).toEqual(token());
      const { digest: _, ...shown } = token();
      expect(await access.tokens()).toEqual([shown]);
      expect(await access.token('id-2')).toBeNull();
    });

    test('has a name of its own: a second one of that name is not stored', async () => {
      await add();
      expect(await add({ id: 'id-2', digest: 'bb' })).toBe(false);
      expect(await access.tokens()).toHaveLength(1);
      expect(await acts()).toHaveLength(1);
    });

    test('is listed by age, and is gone once it is removed', async () => {
      await add({ id: 'b', name: 'b', createdAtMs: START_MS + 1 });
      await add({ id: 'a', name: 'a', account: null, user: null, expiresAtMs: null, scope: 'admin' });
      expect((await access.tokens()).map(({ name }) => name)).toEqual(['a', 'b']);
      expect(await access.removeToken({ name: 'a', by: 'terminal', nowMs: START_MS })).toBe(true);
      expect(await access.removeToken({ name: 'a', by: 'terminal', nowMs: START_MS })).toBe(false);
      expect(await access.token('a')).toBeNull();
      expect(await acts()).toEqual([
        { who: 'terminal', act: 'token-remove', account: null, about: 'a' },
        { who: 'terminal', act: 'token-add', account: null, about: 'a' },
        { who: 'terminal', act: 'token-add', account: ACCOUNT, about: 'b' },
      ]);
    });

    test('has its last use noted at most every five minutes', async () => {
      await add();
      const usedAt = async (nowMs: number) => {
        await access.noteTokenUse({ id: 'id-1', nowMs });
        return (await access.token('id-1'))?.lastUsedAtMs;
      };
      expect(await usedAt(START_MS)).toBe(START_MS);
      expect(await usedAt(START_MS + 4 * MINUTE_MS)).toBe(START_MS);
      expect(await usedAt(START_MS + 5 * MINUTE_MS)).toBe(START_MS + 5 * MINUTE_MS);
    });
  });

  describe('a one-time code', () => {
    const code = (digest = 'code', nowMs = START_MS) =>
      access.addCode({ digest, expiresAtMs: nowMs + 10 * MINUTE_MS, by: 'terminal', nowMs });
    const redeem = (digest: string, session: string, nowMs = START_MS) =>
      access.redeemCode({
        digest,
        session: { digest: session, userAgent: 'a browser' },
        replaces: null,
        nowMs,
      });

    test('is exchanged for one session', async () => {
      await code();
      expect(await redeem('other', 's0')).toBe(false);
      expect(await redeem('code', 's1')).toBe(true);
      expect(await redeem('code', 's2')).toBe(false);
      expect(await access.session({ digest: 's1', nowMs: START_MS })).toEqual({
        ...{ digest: 's1', userAgent: 'a browser', createdAtMs: START_MS, lastSeenAtMs: START_MS },
      });
      expect(await access.session({ digest: 's2', nowMs: START_MS })).toBeNull();
      expect(await acts()).toEqual([
        { who: 'browser s1', act: 'session-start', account: null, about: 'a browser' },
        { who: 'terminal', act: 'code-add', account: null, about: '2026-11-22T12:10:00.123Z' },
      ]);
    });

    test('lets a browser that is in begin its session anew, with another cookie', async () => {
      await code('c1');
      await redeem('c1', 's1');
      await code('c2');
      const replaces = 's1';
      const session = { digest: 's2', userAgent: 'a browser' };
      // A wrong code takes nothing away.
      const input = { session, replaces, nowMs: START_MS + 1 };
      expect(await access.redeemCode({ ...input, digest: 'wrong' })).toBe(false);
      expect(await access.session({ digest: 's1', nowMs: START_MS })).not.toBeNull();
      expect(await access.redeemCode({ ...input, digest: 'c2' })).toBe(true);
      expect((await access.sessions({ nowMs: START_MS })).map(({ digest }) => digest)).toEqual(['s2']);
      expect((await acts())[0]).toMatchObject({ who: 'browser s2', act: 'session-confirm' });
    });

    test('is good for one of two that take it at the same time', async () => {
      await code();
      const taken = await Promise.all([redeem('code', 's1'), redeem('code', 's2')]);
      expect(taken.sort()).toEqual([false, true]);
      expect(await access.sessions({ nowMs: START_MS })).toHaveLength(1);
    });

    test('is good until its time', async () => {
      await code();
      expect(await redeem('code', 's1', START_MS + 10 * MINUTE_MS)).toBe(false);
      expect(await redeem('code', 's1', START_MS + 10 * MINUTE_MS - 1)).toBe(true);
    });

    test('opens no more than 25 sessions: the one seen longest ago goes', async () => {
      for (let n = 0; n < 26; n++) {
        await code(`c${n}`, START_MS + n);
        await redeem(`c${n}`, `s${n}`, START_MS + n);
      }
      const sessions = await access.sessions({ nowMs: START_MS + 26 });
      expect(sessions).toHaveLength(25);
      expect(sessions[0]?.digest).toBe('s25');
      expect(await access.session({ digest: 's0', nowMs: START_MS + 26 })).toBeNull();
    });

    test('gives a session that lasts seven days from its last use', async () => {
      await code();
      await redeem('code', 's1');
      const later = START_MS + 6 * DAY_MS;
      await access.noteSessionUse({ digest: 's1', nowMs: later });
      expect(await access.session({ digest: 's1', nowMs: later + 7 * DAY_MS - 1 })).not.toBeNull();
      expect(await access.session({ digest: 's1', nowMs: later + 7 * DAY_MS })).toBeNull();
      expect(await access.sessions({ nowMs: later + 7 * DAY_MS })).toEqual([]);
    });

    test('gives a session that can be ended, alone or with all others', async () => {
      for (const n of [1, 2, 3]) {
        await code(`c${n}`);
        await redeem(`c${n}`, `s${n}`);
      }
      const end = (digest: string | null) => access.endSessions({ digest, by: 'token x', nowMs: START_MS });
      expect(await end('s1')).toBe(1);
      expect(await end('s1')).toBe(0);
      expect(await end(null)).toBe(2);
      expect((await acts()).slice(0, 2)).toEqual([
        { who: 'token x', act: 'session-end', account: null, about: 'all' },
        { who: 'token x', act: 'session-end', account: null, about: 'browser s1' },
      ]);
    });
  });

  describe('an invitation', () => {
    const invitation = (over: Partial<CheckedInvitation> = {}): CheckedInvitation => ({
      ...{ id: 'i1', name: 'mum', digest: 'aa', createdAtMs: START_MS, usedAtMs: null },
      ...{ expiresAtMs: START_MS + DAY_MS, ...over },
    });
    const invite = (over?: Partial<CheckedInvitation>, nowMs = START_MS) =>
      access.addInvitation({ invitation: invitation(over), by: 'terminal', nowMs });
    const use = (id = 'i1') => access.useInvitation({ id, nowMs: START_MS + 1 });

    test('is found by its ID, with its digest, which no list shows', async () => {
      expect(await invite()).toBe(true);
      expect(await access.invitation('i1')).toEqual(invitation());
      const { digest: _, ...shown } = invitation();
      expect(await access.invitations()).toEqual([shown]);
      expect(await access.invitation('i2')).toBeNull();
      expect(await acts()).toEqual([{ who: 'terminal', act: 'invitation-add', account: null, about: 'mum' }]);
    });

    test('is used by one of those that use it at the same time', async () => {
      await invite();
      expect((await Promise.all([use(), use(), use()])).sort()).toEqual([false, false, true]);
      expect(await use('i2')).toBe(false);
      expect((await access.invitation('i1'))?.usedAtMs).toBe(START_MS + 1);
      expect((await acts()).map(({ who, act, about }) => [who, act, about])).toEqual([
        ['invitation mum', 'invitation-use', 'mum'],
        ['terminal', 'invitation-add', 'mum'],
      ]);
    });

    test('can be used again when what it was used for has failed', async () => {
      await invite();
      await access.returnInvitation({ id: 'i1', nowMs: START_MS });
      expect(await acts()).toHaveLength(1);
      await use();
      await access.returnInvitation({ id: 'i1', nowMs: START_MS });
      expect((await acts())[0]).toMatchObject({ who: 'invitation mum', act: 'invitation-return' });
      expect(await use()).toBe(true);
    });

    test('has a name of its own, until it is used, expired or removed', async () => {
      await invite();
      expect(await invite({ id: 'i2' })).toBe(false);
      expect(await access.removeInvitation({ name: 'mum', by: 'token x', nowMs: START_MS })).toBe('i1');
      expect(await access.removeInvitation({ name: 'mum', by: 'token x', nowMs: START_MS })).toBeNull();
      expect(await use()).toBe(false);
      expect((await acts())[0]).toMatchObject({ who: 'token x', act: 'invitation-remove', about: 'mum' });
      expect(await invite({ id: 'i2' })).toBe(true);
      await use('i2');
      expect(await invite({ id: 'i3' })).toBe(true);
      expect(await invite({ id: 'i4' }, START_MS + DAY_MS)).toBe(true);
      expect((await access.invitations()).map(({ id }) => id)).toEqual(['i4']);
    });

    test('is listed for a week after it has expired', async () => {
      await invite();
      const listed = async (nowMs: number) => {
        await invite({ id: 'other', name: 'other', createdAtMs: nowMs, expiresAtMs: nowMs + 1 }, nowMs);
        return (await access.invitations()).map(({ name }) => name);
      };
      expect(await listed(START_MS + 8 * DAY_MS - 1)).toEqual(['other', 'mum']);
      expect(await listed(START_MS + 8 * DAY_MS)).toEqual(['other']);
    });
  });

  describe('the audit', () => {
    test('has what was asked for, once it has happened, and only if it was asked by name', async () => {
      const { inbox, outbox, admin } = desk.store;
      const allow = { account: ACCOUNT, user: FRIEND, allowed: true, nowMs: START_MS };
      await admin.setAllowed(allow);
      expect(await acts()).toEqual([]);
      // It is allowed already: nothing happens.
      await admin.setAllowed({ ...allow, by: 'token x' });
      expect(await acts()).toEqual([]);
      await admin.setAllowed({ ...allow, allowed: false, by: 'token x' });
      const waiting = await desk.sends(OWNER, 'hello');
      const drop = { account: ACCOUNT, seqs: [waiting.seq], reason: 'dropped', nowMs: START_MS };
      await outbox.dropParts({ ...drop, by: 'token x' });
      await outbox.dropParts({ ...drop, by: 'token x' });
      await inbox.retry({ account: ACCOUNT, id: null, by: 'token x' });
      expect(await acts()).toEqual([
        { who: 'token x', act: 'drop', account: ACCOUNT, about: String(waiting.seq) },
        { who: 'token x', act: 'disallow', account: ACCOUNT, about: FRIEND },
      ]);
    });

    test('has a login in the transaction in which the store hears of it', async () => {
      const open = { account: ACCOUNT, login: 'login-2', owner: OWNER, nowMs: START_MS };
      await desk.store.admin.openAccount(open);
      expect(await acts()).toEqual([]);
      await desk.store.admin.openAccount({ ...open, login: 'login-3', by: 'invitation mum', name: 'mum' });
      expect(await acts()).toEqual([{ who: 'invitation mum', act: 'login', account: ACCOUNT, about: 'mum' }]);
    });

    test('is read in pages, newest first, and kept as long as messages are', async () => {
      for (const n of [0, 1, 2]) {
        const act = { by: 'terminal', act: 'login' as const, account: null, about: String(n) };
        await access.noteAct({ ...act, nowMs: START_MS + n * DAY_MS });
      }
      const [first] = await access.audit({ beforeSeq: null, limit: 1 });
      expect(first?.about).toBe('2');
      const older = await access.audit({ beforeSeq: first?.seq ?? 0, limit: 9 });
      expect(older.map(({ about }) => about)).toEqual(['1', '0']);
      await desk.store.admin.sweep({
        ...{ accounts: [ACCOUNT], nowMs: START_MS + 31 * DAY_MS, holdMaxMs: DAY_MS },
        ...{ finishedMs: 30 * DAY_MS, finishedPerUser: 100 },
      });
      expect((await acts()).map(({ about }) => about)).toEqual(['2', '1']);
    });
  });
}
