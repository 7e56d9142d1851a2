import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { LIMITS } from '../../../../src/postgres/connection.ts';
import { parseServerUrl } from '../../../../src/postgres/server-address.ts';
import { createServerSteps } from '../../../../src/postgres/server-steps.ts';
import type { StepRunner } from '../../../../src/sql/step-runner.ts';
import type { Store } from '../../../../src/store/port/port.ts';
import { openPostgresStore } from '../../../../src/store/postgres-store.ts';
import { createLeaseDatabase, type LeaseDatabase } from '../../../../src/store/workers/lease-database.ts';
import type { LeaseHints } from '../../../../src/store/workers/lease-keeper.ts';
import { TTL_MS } from '../../../../src/store/workers/lease-trust.ts';
import { type WorkerCard, workerOf, workerViews } from '../../../../src/store/workers/worker-rows.ts';
import { type CuttingProxy, startCuttingProxy } from '../../../helpers/cutting-proxy.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, upstreamOf, withParts } from '../../../helpers/postgres.ts';
import { createQuickClock } from '../../../helpers/quick-clock.ts';
import { startTestWorker, type TestWorker } from './worker-desk.ts';

/** The database's TTL of 20 s, in which a worker renews often: a busy machine costs it no lease. */
const TIMES = 10;

describe.skipIf(SERVER === null)('workers that share the accounts of a server', () => {
  const server = SERVER as string;
  const schema = uniqueName();
  const url = withParts(server, { schema });
  const workers: TestWorker[] = [];
  let leases: LeaseDatabase;
  let proxy: CuttingProxy | null = null;
  let store: Store;
  let steps: StepRunner;
  /** Who serves an account now, as the workers themselves believe. */
  const serving = new Map<string, string>();

  const ask = (sql: string): Promise<Record<string, unknown>[]> =>
    administer(server, `SET search_path TO ${schema}`, sql);

  async function start(
    name: string,
    over: {
      isSlow?: boolean;
      url?: string;
      purpose?: WorkerCard['purpose'];
      rest?: (account: string) => Promise<boolean>;
      ended?: Promise<void>;
    } = {},
  ): Promise<TestWorker> {
    const worker = await startTestWorker(over.url ?? url, name, {
      clock: createQuickClock(TIMES),
      ...over,
    });
    workers.push(worker);
    return worker;
  }

  const accounts = (count: number): string[] => Array.from({ length: count }, (_, n) => `bot-${n}`);
  const held = (): number[] => workers.map((worker) => worker.serving.size);
  const areServed = (count: number) => (): boolean => held().reduce((sum, one) => sum + one, 0) === count;
  const expire = (worker: TestWorker): Promise<unknown> =>
    ask(`UPDATE workers SET expires_at = 1 WHERE worker = '${worker.keeper.worker}'`);

  beforeAll(async () => {
    const claimant = { id: 'test', isAlive: () => false };
    store = await openPostgresStore({
      address: parseServerUrl(url),
      clock: systemClock,
      claimant,
      wait: null,
    });
    leases = createLeaseDatabase(parseServerUrl(url), systemClock, LIMITS);
    steps = createServerSteps({ address: parseServerUrl(url), clock: systemClock, wait: null });
    // The database's own log: who had which account, in the order of its transactions.
    await ask(
      `CREATE TABLE epochs (n BIGINT GENERATED ALWAYS AS IDENTITY, account TEXT, worker TEXT, epoch BIGINT, former TEXT, dead BOOLEAN);
       CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.worker IS DISTINCT FROM OLD.worker THEN
           INSERT INTO ${schema}.epochs (account, worker, epoch, former, dead) VALUES (NEW.account, NEW.worker, NEW.epoch, OLD.worker,
             EXISTS (SELECT 1 FROM ${schema}.workers WHERE worker = OLD.worker AND expires_at < 100));
         END IF; RETURN NEW; END $$;
       CREATE TRIGGER note AFTER UPDATE ON leases FOR EACH ROW EXECUTE FUNCTION note()`,
    );
  });

  beforeEach(async () => {
    await ask('TRUNCATE workers, leases, epochs');
    serving.clear();
  });

  afterEach(async () => {
    await proxy?.close();
    proxy = null;
    for (const { keeper } of workers.splice(0)) await keeper.stop(0);
    // Never two at once, and every owner under an epoch of its own: a living one has given back first.
    const log = await ask('SELECT account, worker, epoch, former, dead FROM epochs ORDER BY n');
    const last = new Map<unknown, number>();
    for (const { account, worker, epoch, former, dead } of log) {
      if (worker === null) continue;
      // One that begins anew follows itself.
      const isSame = String(former).split(':')[1] === String(worker).split(':')[1];
      expect(former === null || dead || isSame).toBe(true);
      expect(Number(epoch)).toBe((last.get(account) ?? 0) + 1);
      last.set(account, Number(epoch));
    }
  });

  afterAll(async () => {
    await leases?.close();
    await steps?.close();
    await store?.close();
    await administer(server, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  });

  it('keep no statements at the server: a pooler gives the connection to others between transactions', async () => {
    proxy = await startCuttingProxy(upstreamOf(server));
    let sent = '';
    proxy.rule = (from, bytes) => {
      if (from === 'client') sent += bytes.toString('latin1');
      return 'pass';
    };
    await leases.add(accounts(1));
    await start('a', { url: withParts(url, { host: '127.0.0.1', port: proxy.port, sslmode: 'disable' }) });
    await pollUntil('it serves', areServed(1));
    expect(sent).toContain('FROM leases');
    // A message `Parse`, and the name of what is parsed.
    expect(sent).not.toMatch(/wxagent_[0-9a-f]{24}\0/);
  });

  it('share them evenly, also when one joins, and hand over only what is drained', async () => {
    await leases.add(accounts(20));
    const first = await start('a', { isSlow: true });
    await pollUntil('one serves all', areServed(20));
    const second = await start('b');
    await pollUntil('ten are asked to drain', () => first.drained.size === 10);
    // Nothing moves before it is drained.
    await pollUntil('the second one looks', () => second.keeper.trust.isTrusted());
    expect(held()).toEqual([20, 0]);
    for (const end of first.drained.values()) end();
    await pollUntil('both have ten', () => held().join() === '10,10');
    const moved = await ask("SELECT epoch FROM leases WHERE worker LIKE 'worker:b:%'");
    expect(moved.map(({ epoch }) => Number(epoch))).toEqual(Array(10).fill(2));
    await ask(
      `INSERT INTO workers (worker, name, host, pid, version, purpose, capacity, started_at, renewed_at, expires_at)
         VALUES ('worker:dead:1', 'dead', 'x', 7, '1', 'share', 3, 4000000000000, 1, 1)`,
    );
    const views = await steps.read(workerViews);
    expect(
      views.map(({ name, state, accounts, pid }) => [name, state, accounts, pid === process.pid]),
    ).toEqual([
      ['a', 'serving', 10, true],
      ['b', 'serving', 10, true],
      ['dead', 'expired', 0, false],
    ]);
    expect(views[2]?.lagMs).toBeGreaterThan(1e12);
    const [account = ''] = second.serving.keys();
    expect(await steps.read(() => workerOf(account))).toMatchObject({ name: 'b', pid: process.pid });
    expect(await steps.read(() => workerOf('nobody'))).toBe(null);
    const { claimant } = second.keeper;
    expect([claimant.id, first.keeper.worker, 'host/1/2'].map(claimant.isAlive)).toEqual([
      false,
      false,
      true,
    ]);
    expect(first.dropped).toEqual([]);
  });

  it('hand over as many as they mean to, however the server plans it', async () => {
    await leases.add(accounts(100));
    const card: WorkerCard = { name: 'x', host: 'x', pid: 1, version: '0', purpose: 'share', capacity: null };
    for (const worker of ['worker:x:1', 'worker:y:1']) await leases.enter(worker, card);
    await leases.take({ worker: 'worker:x:1', name: 'x' }, { most: 100, mayTakeOver: false });
    // With so few rows it may ask for those that are picked once more for each row.
    const dear = ['hashjoin', 'mergejoin', 'material', 'hashagg', 'sort', 'indexscan', 'bitmapscan'];
    const options = dear.map((how) => `-c enable_${how}=off`).join(' ');
    const at = parseServerUrl(`${url}&options=${encodeURIComponent(options)}`);
    const looping = createLeaseDatabase(at, systemClock, LIMITS);
    const given = await looping.give('worker:x:1', [{ to: 'worker:y:1', count: 50 }], []);
    await looping.close();
    expect(given).toHaveLength(50);
    expect(await ask('SELECT account FROM leases WHERE next IS NOT NULL')).toHaveLength(50);
    await ask('TRUNCATE workers, leases, epochs');
  });

  it('hand over no account whose turn runs, and that one when it has ended', async () => {
    await leases.add(accounts(6));
    const first = await start('a', {
      rest: async (account) => (await ask(`SELECT 1 FROM inbox WHERE account = '${account}'`)).length === 0,
    });
    await pollUntil('one serves all', areServed(6));
    await ask(
      `INSERT INTO inbox (account, id, "user", state, kind, fingerprint, received_at, raw)
         SELECT account, 'm', 'u', 'running', 'text', 'f', 1, '' FROM leases WHERE account <> 'bot-5'`,
    );
    const second = await start('b');
    await pollUntil('it has the one at rest', () => second.serving.has('bot-5'));
    expect([first.serving.size, second.serving.size, first.drained.size]).toEqual([5, 1, 0]);
    await ask('TRUNCATE inbox');
    await pollUntil('each has three', () => held().join() === '3,3');
  });

  it('hand over an account whose turns never pause, when they have ended for that; and keep one where they take too long', async () => {
    await leases.add(accounts(2));
    const asked: string[] = [];
    const first = await start('a', {
      async rest(account) {
        asked.push(account);
        return asked.length > 1;
      },
    });
    await pollUntil('one serves both', areServed(2));
    await ask(
      `INSERT INTO inbox (account, id, "user", state, kind, fingerprint, received_at, raw)
         SELECT account, 'm', 'u', 'running', 'text', 'f', 1, '' FROM leases`,
    );
    const second = await start('b');
    await pollUntil('it has one of them', () => second.serving.size === 1);
    await ask('TRUNCATE inbox');
    expect(asked).toHaveLength(2);
    expect([...first.serving.keys(), ...second.serving.keys()]).toEqual(asked);
    // The mark of the one that is kept is gone; nothing was ended.
    expect(await ask('SELECT account FROM leases WHERE next IS NOT NULL')).toEqual([]);
    expect([first.dropped, first.serving.get(asked[0] ?? '')?.epoch]).toEqual([[], 1]);
  });

  it('hand over also what was marked for it by a commit whose answer was lost', async () => {
    const between = await startCuttingProxy(upstreamOf(server));
    proxy = between;
    await leases.add(accounts(2));
    await start('a', {
      url: withParts(url, { host: '127.0.0.1', port: between.port, sslmode: 'disable' }),
    });
    await pollUntil('one serves both', areServed(2));
    let marking: number | null = null;
    between.rule = (from, bytes, connection) => {
      if (from === 'client' && bytes.includes('SET next = $2')) marking = connection;
      if (from === 'client' || connection !== marking || !bytes.includes('COMMIT\0')) return 'pass';
      between.rule = () => 'pass';
      return 'cut';
    };
    await start('b');
    await pollUntil('each has one', () => held().join() === '1,1');
    expect(marking).not.toBe(null);
  });

  it('keep off accounts that were asked for by name, which only one has at a time', async () => {
    await leases.add(accounts(4));
    const first = await start('a');
    await pollUntil('it serves all', areServed(4));
    const second = await start('b', { purpose: 'serve' });
    // One that is served, one that nobody shares.
    expect(await second.keeper.acquire('bot-0')).toEqual({
      holder: {
        host: 'here',
        pid: process.pid,
        purpose: 'share',
        renewal: expect.any(String),
        leftMs: expect.any(Number),
      },
    });
    expect(await second.keeper.acquire('alone')).toMatchObject({ lease: { epoch: 1, former: null } });
    expect(await second.keeper.acquire('alone')).toMatchObject({ lease: { epoch: 1 } });
    const look = await start('c', { purpose: 'look' });
    expect(await look.keeper.acquire('alone')).toMatchObject({ holder: { purpose: 'serve' } });
    expect(held()).toEqual([4, 1, 0]);
    await second.keeper.release('alone');
    expect(second.keeper.fence('alone')).toBe(null);
    expect(await look.keeper.acquire('alone')).toMatchObject({
      lease: { epoch: 2, former: second.keeper.worker },
    });
    // What is free is not shared unless it was offered; what another has by name comes back to all.
    await first.keeper.stop(Number.POSITIVE_INFINITY);
    workers.splice(0, 1);
    expect(await second.keeper.acquire('bot-1')).toMatchObject({ lease: { epoch: 2 } });
    const third = await start('d');
    await pollUntil('it serves the others', () => third.serving.size === 3);
    await second.keeper.release('bot-1');
    await pollUntil('it serves that one, too', () => third.serving.size === 4);
    expect(third.serving.has('alone')).toBe(false);
  });

  it('take an account by name from one that is dead, after one TTL, and lose it as the others do', async () => {
    await leases.add(['bot-0']);
    await leases.enter('worker:dead:1', {
      name: 'dead',
      host: 'x',
      pid: 7,
      version: '0',
      purpose: 'serve',
      capacity: null,
    });
    await leases.takeNamed(
      { worker: 'worker:dead:1', name: 'dead' },
      { account: 'bot-0', mayTakeOver: false },
    );
    await ask('UPDATE workers SET expires_at = 1');
    const first = await start('a', { purpose: 'serve' });
    const dead = {
      holder: { host: 'x', pid: 7, purpose: 'serve', renewal: expect.any(String), leftMs: 0 },
    };
    expect(await first.keeper.acquire('bot-0')).toEqual(dead);
    let taken = await first.keeper.acquire('bot-0');
    while ('holder' in taken) taken = await first.keeper.acquire('bot-0');
    expect(taken.lease).toMatchObject({ epoch: 2, former: 'worker:dead:1' });
    expect(await ask('SELECT name FROM workers')).toEqual([{ name: 'a' }]);
    const trust = first.keeper.trustOf('bot-0');
    // It stands still, and another has it when it goes on.
    await ask(
      `UPDATE workers SET expires_at = 1; UPDATE leases SET worker = NULL, epoch = 7; TRUNCATE epochs`,
    );
    await pollUntil('it is lost', () => first.dropped.length > 0);
    expect([first.dropped, trust.isTrusted(), first.keeper.fence('bot-0')]).toEqual([['bot-0'], false, null]);
    // It has to begin anew, first.
    let again = await first.keeper.acquire('bot-0');
    while ('holder' in again) again = await first.keeper.acquire('bot-0');
    expect(again.lease).toMatchObject({ epoch: 8, worker: first.keeper.worker });
    await ask('TRUNCATE epochs');
  });

  it('wake who waits for an account, when it is given back', async () => {
    const listeners = new Map<string, () => void>();
    const woken: string[] = [];
    const hints = (): LeaseHints => ({
      listen: (channel, onHint) => void listeners.set(channel, onHint),
      notify(channel) {
        woken.push(channel);
        listeners.get(channel)?.();
      },
      async close() {},
    });
    await leases.add(accounts(2));
    const clock = createQuickClock(TIMES);
    workers.push(await startTestWorker(url, 'a', { clock, hints: hints() }));
    await pollUntil('one serves all', areServed(2));
    workers.push(await startTestWorker(url, 'b', { clock, hints: hints() }));
    await pollUntil('each has one', () => held().join() === '1,1');
    expect(woken).toEqual([`wxagent_${workers[1]?.keeper.worker.slice(-16)}`]);
    expect([...listeners.keys()]).toContain(woken[0]);
  });

  it('give all back at the end, drained, and are on the list no more', async () => {
    await leases.add(accounts(10));
    const first = await start('a', { isSlow: true });
    await pollUntil('one serves all', areServed(10));
    const end = first.keeper.stop(Number.POSITIVE_INFINITY);
    workers.splice(0);
    const second = await start('b');
    await pollUntil('all drain', () => first.drained.size === 10);
    expect(second.serving.size).toBe(0);
    for (const drain of first.drained.values()) drain();
    await end;
    await pollUntil('the other serves all', areServed(10));
    expect(await ask('SELECT name FROM workers')).toEqual([{ name: 'b' }]);
    expect([...second.serving.values()].every(({ former }) => former === first.keeper.worker)).toBe(true);
    // Its name finds them again.
    const third = await start('a');
    await pollUntil('half of them return', () => third.serving.size === 5);
  });

  it('take over from one that is dead, when they themselves have not been away for one TTL', async () => {
    await leases.add(accounts(6));
    await leases.enter('worker:dead:1', {
      name: 'dead',
      host: 'x',
      pid: 1,
      version: '0',
      purpose: 'share',
      capacity: null,
    });
    await leases.take({ worker: 'worker:dead:1', name: 'dead' }, { most: 6, mayTakeOver: false });
    await ask('UPDATE workers SET expires_at = 1');
    const clock = createQuickClock(TIMES, 3_600_000);
    let tookAtMs = 0;
    const first = await startTestWorker(url, 'a', {
      clock,
      onStart() {
        tookAtMs ||= clock.monotonic();
      },
    });
    workers.push(first);
    await pollUntil('its accounts are served', areServed(6));
    expect(tookAtMs).toBeGreaterThanOrEqual(TTL_MS);
    expect((await ask('SELECT worker FROM workers')).map(({ worker }) => worker)).toEqual([
      first.keeper.worker,
    ]);
    expect([...first.serving.values()].map(({ epoch, former }) => [epoch, former])).toEqual(
      Array(6).fill([2, 'worker:dead:1']),
    );
  });

  it('lose nothing to each other when the server was away from all', async () => {
    proxy = await startCuttingProxy(upstreamOf(server));
    const through = withParts(url, { host: '127.0.0.1', port: proxy.port });
    await leases.add(accounts(12));
    const first = await start('a', { url: through });
    const second = await start('b', { url: through });
    await pollUntil('both serve', () => areServed(12)() && held().every((count) => count >= 5));
    const before = [first.keeper.worker, second.keeper.worker];
    const owners = await ask('SELECT account, last_name FROM leases ORDER BY account');
    await proxy.refuse();
    await ask('UPDATE workers SET expires_at = 1');
    await pollUntil('they act no more', () => workers.every(({ keeper }) => !keeper.trust.isTrusted()));
    await proxy.accept();
    await pollUntil('both are back', () =>
      workers.every(({ keeper }) => keeper.trust.isTrusted() && !before.includes(keeper.worker)),
    );
    await pollUntil('all are served again', areServed(12));
    expect(await ask('SELECT account, last_name FROM leases ORDER BY account')).toEqual(owners);
    expect([...first.dropped, ...second.dropped].sort()).toEqual(accounts(12).sort());
    expect(workers.flatMap(({ reports }) => reports).length).toBeGreaterThan(0);
  });

  it('end what they serve when no renewal was granted for one TTL, and not only when the server is back', async () => {
    proxy = await startCuttingProxy(upstreamOf(server));
    await leases.add(accounts(3));
    const first = await start('a', { url: withParts(url, { host: '127.0.0.1', port: proxy.port }) });
    await pollUntil('it serves all', areServed(3));
    const trust = first.keeper.trustOf('bot-0');
    await proxy.refuse();
    await pollUntil('it acts no more', () => !trust.isTrusted());
    await pollUntil('it serves none', areServed(0));
    expect([first.dropped.sort(), first.keeper.fence('bot-0')]).toEqual([accounts(3), null]);
    await proxy.accept();
    await pollUntil('it serves all again', areServed(3));
    expect([...first.serving.values()].map(({ epoch }) => epoch)).toEqual([2, 2, 2]);
  });

  it('begin anew under another id when they have expired, and serve under new epochs', async () => {
    await leases.add(accounts(3));
    const first = await start('a');
    await pollUntil('it serves all', areServed(3));
    const { worker } = first.keeper;
    const [ofOld, over] = [first.keeper.trustOf('bot-0'), new AbortController()];
    await pollUntil('it is trusted', () => ofOld.isTrusted());
    expect(ofOld.signal.aborted).toBe(false);
    // One signal for all polls, since each that is listened to is kept.
    expect(ofOld.signal).toBe(ofOld.signal);
    let isBack = false;
    await expire(first);
    await pollUntil('it is lost', () => ofOld.signal.aborted);
    const regained = ofOld.regained(over.signal).then(() => {
      isBack = true;
    });
    await pollUntil('it has another id', () => first.keeper.worker !== worker);
    await pollUntil('it serves all again', areServed(3));
    expect(first.dropped).toHaveLength(3);
    expect([...first.serving.values()].map(({ epoch }) => epoch)).toEqual([2, 2, 2]);
    // What acted under the former lease never goes on.
    await pollUntil('it is trusted again', () => first.keeper.trustOf('bot-0').isTrusted());
    expect([ofOld.isTrusted(), isBack]).toEqual([false, false]);
    over.abort();
    await regained;
    expect(first.keeper.fence('bot-0')).toMatchObject({ worker: first.keeper.worker, epoch: 2 });
  });

  it('serve again what they have lost only when all that was done under the former lease has ended', async () => {
    await leases.add(accounts(2));
    let end = (): void => {};
    const first = await start('a', {
      ended: new Promise((resolve) => {
        end = resolve;
      }),
    });
    await pollUntil('it serves both', areServed(2));
    await expire(first);
    await pollUntil('both are lost', () => first.dropped.length === 2);
    // They are its own again; it hands one over, and yet no step of before may take them for the former ones.
    const second = await start('b');
    await pollUntil('one of them is handed over all the same', () => second.serving.size === 1);
    expect([first.serving.size, ...accounts(2).map(first.keeper.fence)]).toEqual([0, null, null]);
    end();
    await pollUntil('it serves the other one', () => first.serving.size === 1);
    expect([...first.serving.values()].map(({ epoch }) => epoch)).toEqual([2]);
  });

  it('find out what was taken from them, and end it', async () => {
    await leases.add(accounts(3));
    const first = await start('a');
    await pollUntil('it serves all', areServed(3));
    await leases.enter('worker:other:1', {
      name: 'x',
      host: 'x',
      pid: 1,
      version: '0',
      purpose: 'share',
      capacity: 0,
    });
    await ask(`ALTER TABLE leases DISABLE TRIGGER note`);
    await ask(`UPDATE leases SET worker = 'worker:other:1', epoch = 9 WHERE account = 'bot-1'`);
    await ask(`ALTER TABLE leases ENABLE TRIGGER note`);
    await leases.remove('bot-2', first.keeper.worker);
    await leases.remove('bot-1', first.keeper.worker);
    expect(await ask('SELECT account FROM leases ORDER BY 1')).toEqual([
      { account: 'bot-0' },
      { account: 'bot-1' },
    ]);
    await pollUntil('it serves one', () => first.serving.size === 1);
    expect(first.dropped.sort()).toEqual(['bot-1', 'bot-2']);
    expect(first.keeper.fence('bot-1')).toBe(null);
  });

  it('go on renewing while every other connection is busy', async () => {
    const first = await start('a');
    const before = Number((await ask('SELECT renewed_at FROM workers'))[0]?.renewed_at);
    const busy = Array.from({ length: 8 }, (_, n) =>
      store.inbox.retry({ account: `busy-${n}`, id: null }).catch(() => {}),
    );
    const lock = administer(
      server,
      `BEGIN`,
      `LOCK TABLE ${schema}.inbox IN ACCESS EXCLUSIVE MODE`,
      'SELECT pg_sleep(2)',
      'COMMIT',
    );
    await pollUntil('renewals go on', () => first.keeper.trust.isTrusted());
    await lock;
    await Promise.all(busy);
    const after = Number((await ask('SELECT renewed_at FROM workers'))[0]?.renewed_at);
    expect(after).toBeGreaterThan(before);
    expect(first.dropped).toEqual([]);
  });

  it('serve once what they have taken in a COMMIT whose answer was cut', async () => {
    proxy = await startCuttingProxy(upstreamOf(server));
    await leases.add(accounts(4));
    let cuts = 0;
    let isTake = false;
    proxy.rule = (from, bytes) => {
      if (from === 'client' && bytes.includes('WITH found AS')) isTake = true;
      const isCommit = from === 'server' && isTake && bytes.includes('COMMIT\0');
      if (!isCommit || cuts > 0) return 'pass';
      cuts++;
      return 'cut';
    };
    const starts: string[] = [];
    const through = withParts(url, { host: '127.0.0.1', port: proxy.port, prepare: 'off' });
    const worker = await startTestWorker(through, 'a', {
      clock: createQuickClock(TIMES),
      onStart: ({ account }) => starts.push(account),
    });
    workers.push(worker);
    await pollUntil('it serves all', areServed(4));
    expect(cuts).toBe(1);
    expect(starts.sort()).toEqual(accounts(4));
    expect((await ask('SELECT DISTINCT epoch FROM leases')).map(({ epoch }) => Number(epoch))).toEqual([1]);
  });
});
