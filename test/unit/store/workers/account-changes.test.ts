import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { LIMITS } from '../../../../src/postgres/connection.ts';
import { parseServerUrl } from '../../../../src/postgres/server-address.ts';
import { createServerSteps } from '../../../../src/postgres/server-steps.ts';
import { changesSince } from '../../../../src/store/accounts/account-changes.ts';
import { openPostgresStore } from '../../../../src/store/postgres-store.ts';
import type { Fence } from '../../../../src/store/workers/fence.ts';
import { createLeaseDatabase } from '../../../../src/store/workers/lease-database.ts';
import { channelOf } from '../../../../src/store/workers/worker-rows.ts';
import { administer, connectTo, SERVER, uniqueName, withParts } from '../../../helpers/postgres.ts';
import { ACCOUNT, createDesk, incoming, OWNER } from '../conformance/desk.ts';

describe.skipIf(SERVER === null)('news for whoever serves an account', () => {
  const server = SERVER as string;
  const schema = uniqueName();
  const address = parseServerUrl(withParts(server, { schema }));
  const steps = createServerSteps({ address, clock: systemClock, wait: null });
  const open = (id: string, fence?: Fence) =>
    openPostgresStore({
      address,
      clock: systemClock,
      claimant: { id, isAlive: () => false },
      wait: null,
      ...(fence ? { fence } : {}),
    });

  afterAll(async () => {
    await steps.close();
    await administer(server, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  });

  it('are made by steps without a lease, and by a late owner, and wake the owner', async () => {
    const fence: Fence = () => ({ worker: 'worker:a:0123456789abcdef', epoch });
    let epoch = 1;
    const [other, owner] = [await open('other'), await open('worker:a:0123456789abcdef', fence)];
    const leases = createLeaseDatabase(address, systemClock, LIMITS);
    const card = { name: 'a', host: 'h', pid: 1, version: '0', purpose: 'serve' as const, capacity: null };
    await leases.enter('worker:a:0123456789abcdef', card);
    const me = { worker: 'worker:a:0123456789abcdef', name: 'a' };
    await leases.takeNamed(me, { account: ACCOUNT, mayTakeOver: false });
    const listener = await connectTo(server);
    const heard: string[] = [];
    listener.on('notification', ({ channel }) => heard.push(channel));
    await listener.query(`LISTEN "${channelOf(me.worker)}"`);

    let mark = 0;
    const news = async (): Promise<string[]> => {
      const { upto, accounts } = await steps.read(() => changesSince(mark));
      mark = upto;
      return [...accounts.keys()];
    };
    const desk = await createDesk(owner);
    const says = (text: string, from: string): Promise<unknown> =>
      desk.receive([incoming({ id: text, user: OWNER, fingerprint: text, raw: Buffer.from(text) })], {
        cursor: from,
        allow: 'all',
      });
    await says('1', 'x');
    expect([await news(), heard]).toEqual([[], []]);
    await other.admin.setAllowed({ account: ACCOUNT, user: 'friend', allowed: true, nowMs: 1 });
    expect(await news()).toEqual([ACCOUNT]);
    await expect.poll(() => heard.length).toBe(1);
    await other.inbox.retry({ account: ACCOUNT, id: null });
    expect(await news()).toEqual([ACCOUNT]);
    epoch = 9;
    await expect(says('2', 'y')).rejects.toThrow('another worker serves');
    expect(await news()).toEqual([ACCOUNT]);

    await listener.end();
    await leases.close();
    await owner.close();
    await other.close();
  });

  it('are not missed when a lower transaction commits after a higher one', async () => {
    const slow = await connectTo(server);
    await slow.query(`SET search_path TO ${schema}`);
    await slow.query('BEGIN');
    await slow.query(
      `INSERT INTO account_news VALUES ('slow', CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT))`,
    );
    const store = await open('quick');
    await store.admin.setAllowed({ account: 'quick', user: 'friend', allowed: true, nowMs: 1 });
    const { upto, accounts } = await steps.read(() => changesSince(0));
    expect([accounts.has('quick'), accounts.has('slow')]).toEqual([true, false]);
    await slow.query('COMMIT');
    await slow.end();
    const next = await steps.read(() => changesSince(upto));
    // What is found again has the same number.
    expect([next.accounts.has('slow'), next.accounts.get('quick')]).toEqual([true, accounts.get('quick')]);
    await store.close();
  });
});
