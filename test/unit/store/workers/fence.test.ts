import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { LIMITS } from '../../../../src/postgres/connection.ts';
import { parseServerUrl } from '../../../../src/postgres/server-address.ts';
import { LeaseLost } from '../../../../src/store/port/lease.ts';
import type { Store } from '../../../../src/store/port/port.ts';
import { openPostgresStore } from '../../../../src/store/postgres-store.ts';
import { createLeaseDatabase, type LeaseDatabase } from '../../../../src/store/workers/lease-database.ts';
import { administer, connectTo, SERVER, uniqueName, withParts } from '../../../helpers/postgres.ts';
import { ACCOUNT, createDesk, type Desk, incoming, LOGIN, OWNER, part, TERMS } from '../conformance/desk.ts';

describe.skipIf(SERVER === null)('the fence around an account', () => {
  const server = SERVER as string;
  const schema = uniqueName();
  const address = parseServerUrl(withParts(server, { schema }));
  const card = {
    name: 'test',
    host: 'here',
    pid: 1,
    version: '0',
    purpose: 'share' as const,
    capacity: null,
  };
  let leases: LeaseDatabase;
  let admin: Client;
  /** The lease that the late owner believes to have. */
  let own: { worker: string; epoch: number } | null;
  let late: Desk;
  const stores: Store[] = [];

  async function open(fence?: (account: string) => typeof own): Promise<Store> {
    const claimant = { id: 'late', isAlive: () => false };
    const store = await openPostgresStore({
      address,
      clock: systemClock,
      claimant,
      wait: null,
      ...(fence ? { fence } : {}),
    });
    stores.push(store);
    return store;
  }

  const ask = async (sql: string): Promise<Record<string, unknown>[]> => (await admin.query(sql)).rows;
  const takeAway = (): Promise<unknown> =>
    ask(`UPDATE leases SET worker = 'new', epoch = epoch + 1 WHERE account = '${ACCOUNT}'`);

  beforeAll(async () => {
    admin = await connectTo(server);
    const store = await open();
    await admin.query(`SET search_path TO ${schema}`);
    await store.close();
    stores.length = 0;
  });

  beforeEach(async () => {
    await ask('TRUNCATE workers, leases, accounts, users, inbox, parts, session_values, children');
    leases = createLeaseDatabase(address, systemClock, LIMITS);
    await leases.enter('old', { ...card, name: 'old' });
    await leases.enter('new', { ...card, name: 'new' });
    await leases.add([ACCOUNT, 'other']);
    const taken = await leases.take({ worker: 'old', name: 'old' }, { most: 2, mayTakeOver: false });
    own = taken.find(({ account }) => account === ACCOUNT) ?? null;
    late = await createDesk(await open(() => own));
  });

  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close();
    await leases.close();
  });

  afterAll(async () => {
    await admin?.end();
    await administer(server, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  });

  it('lets nothing of a late owner through, and nothing of who has no lease at all', async () => {
    const seq = await late.says(OWNER);
    const other = await late.says(OWNER);
    const turn = await late.start(seq);
    await late.sends(OWNER, 'one');
    const claimed = await late.claimed(OWNER);
    const { turns, outbox, inbox, admin: desk, sessions } = late.store;
    const base = { account: ACCOUNT, nowMs: late.nowMs };
    const claim = { ...base, user: OWNER, paceMs: 0, encode: () => Buffer.from('') };
    const refused = { kind: 'refused', code: -2, errmsg: '' } as const;
    const key = { account: ACCOUNT, user: OWNER, sessionId: 's', name: 'n' };
    const policy = { allow: 'all' as const, dedupeWindowMs: 0, chat: TERMS };
    const steps: Record<string, () => Promise<unknown>> = {
      openAccount: () => desk.openAccount({ ...base, login: 'x', owner: null }),
      recover: () => turns.recover({ ...base, former: 'new', retries: 0 }),
      triage: () => inbox.triage({ ...base, ...policy, read: () => incoming() }),
      'a cursor': () => late.receive([], { cursor: 'late' }),
      markLogin: () => desk.markLogin({ account: ACCOUNT, login: LOGIN, expired: true }),
      startTurn: () => turns.startTurn({ ...base, seq: other, mergeMs: 0 }),
      queueOutput: () =>
        turns.queueOutput({
          ...base,
          turn,
          output: { index: 0, digest: 'd' },
          parts: [part('x')],
          claim: null,
        }),
      queueNotice: () => turns.queueNotice({ ...base, turn, parts: [part('x')], claim: null }),
      finishTurn: () =>
        turns.finishTurn({ ...base, turn, result: { kind: 'done' }, parts: [part('x')], claim }),
      finishAnswer: () => turns.finishAnswer({ ...base, seq: other }),
      recordChild: () => turns.recordChild({ account: ACCOUNT, id: null, child: { pid: 1, startTime: '1' } }),
      claimPart: () => outbox.claimPart(claim),
      renewLease: () => outbox.renewLease({ ...base, user: OWNER }),
      returnPart: () => outbox.returnPart({ account: ACCOUNT, seq: claimed.seq }),
      'settlePart: refused': () => outbox.settlePart({ ...base, seq: claimed.seq, reply: refused }),
      'settlePart: unknown': () =>
        outbox.settlePart({ ...base, seq: claimed.seq, reply: { kind: 'unknown', detail: '' } }),
      settleUpload: () =>
        outbox.settleUpload({ ...base, seq: claimed.seq, result: { kind: 'uploaded', upload: '{}' } }),
      recordUpload: () =>
        outbox.recordUpload({ account: ACCOUNT, seq: claimed.seq, sentBytes: 1, totalBytes: 1 }),
      setSessionValue: () => sessions.setSessionValue({ ...key, value: 'late', nowMs: 1 }),
    };
    await takeAway();
    async function everything(): Promise<unknown[]> {
      const tables = ['accounts', 'users', 'inbox', 'parts', 'leases', 'session_values', 'children'];
      const rows: unknown[] = [];
      for (const table of tables) rows.push(await ask(`SELECT * FROM ${table} ORDER BY 1, 2`));
      return rows;
    }
    const before = await everything();
    const believed = own;
    for (const lease of [believed, null]) {
      own = lease;
      for (const [name, step] of Object.entries(steps)) {
        await expect(step(), name).rejects.toBeInstanceOf(LeaseLost);
      }
    }
    expect(await everything()).toEqual(before);
    expect((await ask('SELECT epoch FROM leases')).map(({ epoch }) => Number(epoch)).sort()).toEqual([1, 2]);
  });

  it('lets in what the poll of a late owner was handed, but not its cursor', async () => {
    await late.receive([], { cursor: 'start' });
    await takeAway();
    for (const lease of [own, null]) {
      own = lease;
      await expect(late.receive([incoming()], { cursor: 'late', allow: 'all' })).rejects.toBeInstanceOf(
        LeaseLost,
      );
    }
    // The new owner got one of them as well.
    const twice = incoming();
    const present = await open(() => ({ worker: 'new', epoch: 2 }));
    const desk = await createDesk(present);
    await desk.receive([twice], { cursor: 'new', allow: 'all' });
    await expect(late.receive([twice], { cursor: 'late', allow: 'all' })).rejects.toBeInstanceOf(LeaseLost);
    expect(await present.inbox.unfinished(ACCOUNT)).toHaveLength(3);
    expect(await ask('SELECT cursor FROM accounts')).toEqual([{ cursor: 'new' }]);
    for (const { seq } of await present.inbox.unfinished(ACCOUNT)) await desk.answers(seq, 'once');
    expect(await present.outbox.openParts(ACCOUNT)).toHaveLength(3);
  });

  it('stores what polls without messages have brought of the accounts that are still its own', async () => {
    const other = (await leases.heldLeases('old')).find(({ account }) => account === 'other') ?? null;
    const store = await open((account) => (account === 'other' ? other : own));
    const polled = { login: LOGIN, nowMs: late.nowMs, cursor: 'late' };
    await store.admin.openAccount({ ...polled, account: 'other', owner: null });
    await takeAway();
    const before = await ask('SELECT account, cursor FROM accounts ORDER BY account');
    for (const lease of [own, null]) {
      own = lease;
      await store.admin.recordPolls([
        { ...polled, account: ACCOUNT },
        { ...polled, account: 'other' },
      ]);
    }
    expect(await ask('SELECT account, cursor FROM accounts ORDER BY account')).toEqual(
      before.map((row) => (row.account === 'other' ? { ...row, cursor: 'late' } : row)),
    );
  });

  it('records that a part has arrived, whoever serves the account by now, and claims no other', async () => {
    await late.says(OWNER);
    await late.sends(OWNER, 'one');
    await late.sends(OWNER, 'two');
    const claimed = await late.claimed(OWNER);
    await takeAway();
    const next = {
      account: ACCOUNT,
      user: OWNER,
      nowMs: late.nowMs,
      paceMs: 0,
      encode: () => Buffer.from(''),
    };
    await expect(
      late.store.outbox.settlePart({
        account: ACCOUNT,
        seq: claimed.seq,
        known: claimed.view,
        reply: { kind: 'accepted', messageId: 'm' },
        nowMs: late.nowMs,
        next,
      }),
    ).rejects.toBeInstanceOf(LeaseLost);
    expect((await ask('SELECT state FROM parts ORDER BY seq')).map(({ state }) => state)).toEqual([
      'confirmed',
      'queued',
    ]);
  });

  it('costs a message no way to the server of its own, and others nothing', async () => {
    const seq = await late.says(OWNER);
    // A step beside it, under the same transaction, is not hurt by one that is late.
    const [turn, value] = await Promise.allSettled([
      late.start(seq),
      late.store.sessions.setSessionValue({
        account: ACCOUNT,
        user: OWNER,
        sessionId: 's',
        name: 'n',
        value: 'v',
        nowMs: 1,
      }),
    ]);
    expect([turn.status, value.status]).toEqual(['fulfilled', 'fulfilled']);
    const unfenced = await open();
    await unfenced.inbox.retry({ account: ACCOUNT, id: null });
  });

  it('makes a commit wait for a takeover that is under way, and then refuses it', async () => {
    const seq = await late.says(OWNER);
    await admin.query('BEGIN');
    await takeAway();
    let isOver = false;
    const started = late.start(seq).finally(() => {
      isOver = true;
    });
    started.catch(() => {});
    while ((await waiting()) === 0 && !isOver);
    expect(isOver).toBe(false);
    await admin.query('COMMIT');
    await expect(started).rejects.toBeInstanceOf(LeaseLost);
  });

  /** How many transactions wait for a row. */
  async function waiting(): Promise<number> {
    const [row] = await administer(
      server,
      "SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')",
    );
    return Number(row?.n);
  }

  it('makes a takeover pass by an account in whose transaction its owner stands still', async () => {
    await admin.query('BEGIN');
    await ask(
      `SELECT epoch FROM leases WHERE account = '${ACCOUNT}' AND worker = 'old' AND epoch = 1 FOR SHARE`,
    );
    await administer(server, `UPDATE ${schema}.workers SET expires_at = 1 WHERE worker = 'old'`);
    const take = () => leases.take({ worker: 'new', name: 'new' }, { most: 9, mayTakeOver: true });
    expect((await take()).map(({ account }) => account)).toEqual(['other']);
    // Its row stays until its last account has moved.
    expect(await administer(server, `SELECT worker FROM ${schema}.workers ORDER BY 1`)).toHaveLength(2);
    await admin.query('COMMIT');
    expect(await take()).toEqual([{ account: ACCOUNT, worker: 'new', epoch: 2, former: 'old' }]);
    expect(await administer(server, `SELECT worker FROM ${schema}.workers`)).toEqual([{ worker: 'new' }]);
  });

  it('makes nobody wait who offers accounts that are known, or hands others over', async () => {
    const beside = await connectTo(server);
    try {
      await beside.query(`SET search_path TO ${schema}`);
      await beside.query('BEGIN');
      await beside.query(`SELECT epoch FROM leases WHERE account = '${ACCOUNT}' FOR SHARE`);
      await leases.add([ACCOUNT, 'other', 'one more']);
      expect(await leases.give('old', [{ to: 'new', count: 2 }], [])).toEqual(['other']);
    } finally {
      await beside.end();
    }
    expect(await ask('SELECT account, shared FROM leases ORDER BY account')).toEqual(
      [ACCOUNT, 'one more', 'other'].sort().map((account) => ({ account, shared: '1' })),
    );
  });

  it('keeps the row of a worker as long as it has an account, and never renews one that has expired', async () => {
    await expect(leases.leave('old')).rejects.toThrow(/foreign key/);
    expect(await leases.keepAlive('old', 5_000)).toBe(true);
    await ask("UPDATE workers SET expires_at = 1 WHERE worker = 'old'");
    expect(await leases.keepAlive('old', 5_000)).toBe(false);
    expect(await leases.take({ worker: 'old', name: 'old' }, { most: 9, mayTakeOver: true })).toEqual([]);
    await leases.take({ worker: 'new', name: 'new' }, { most: 1, mayTakeOver: true });
    // Whatever the clock of the server says later, it stays expired.
    expect(await ask("SELECT expires_at FROM workers WHERE worker = 'old'")).toEqual([{ expires_at: '0' }]);
  });
});
