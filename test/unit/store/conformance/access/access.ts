import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CheckedToken, Store } from '../../../../../src/store/port/port.ts';
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
      access.redeemCode({ digest, session: { digest: session, userAgent: 'a browser' }, nowMs });

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
      ]);
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

    test('is read in pages, newest first, and kept as long as messages are', async () => {
      for (const n of [0, 1, 2]) {
        const act = { by: 'terminal', act: 'login', account: null, about: String(n) };
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
