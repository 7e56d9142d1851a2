import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { openServer, type StoreServer } from '../../../../src/store/postgres-server.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, withParts } from '../../../helpers/postgres.ts';
import { ACCOUNT, createDesk, OWNER } from '../conformance/desk.ts';

const MINUTE_MS = 60_000;

describe.skipIf(SERVER === null)('a worker that runs a command', () => {
  let schema: string;
  const opened: StoreServer[] = [];
  const working: Awaited<ReturnType<StoreServer['work']>>[] = [];

  beforeEach(() => {
    schema = uniqueName();
  });
  afterEach(async () => {
    for (const { store, keeper } of working.splice(0)) {
      await keeper.stop();
      await store.close();
    }
    for (const server of opened.splice(0)) await server.close();
    await administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  });

  async function work(name: string) {
    const url = withParts(SERVER as string, { schema });
    const server = await openServer({
      url,
      sealing: { keys: undefined, oldKeys: undefined, isPlaintext: true },
      clock: systemClock,
    });
    opened.push(server);
    const worker = await server.work({
      card: { name, host: 'here', pid: process.pid, version: '0', purpose: 'serve', capacity: null },
      service: { start() {}, rest: async () => true, async drain() {}, async drop() {} },
      wait: null,
      report() {},
    });
    working.push(worker);
    return worker;
  }

  it('and loses its leases meanwhile has told all the same: nobody runs it once more', async () => {
    const [one, other] = [await work('one'), await work('other')];
    await one.keeper.acquire(ACCOUNT);
    const desk = await createDesk(one.store);
    const { seq } = await desk.sends(OWNER, 'alert');
    desk.nowMs += 10 * MINUTE_MS;
    const claim = ({ store }: typeof one) =>
      store.outbox.claimFallback({
        ...{ account: ACCOUNT, withinMs: 10 * MINUTE_MS, nowMs: desk.nowMs, leaseMs: 3 * MINUTE_MS },
      });
    expect(await claim(one)).toMatchObject({ attempt: 1, parts: [{ seq }] });

    const before = one.keeper.worker;
    one.keeper.distrust();
    await pollUntil('it begins anew', () => one.keeper.worker !== before);
    expect([await claim(one), await claim(other)]).toEqual([null, null]);
    const told = { account: ACCOUNT, seqs: [seq], isDone: true, nowMs: desk.nowMs };
    expect(await one.store.outbox.settleFallback(told)).toMatchObject([{ state: 'fallback' }]);
    desk.nowMs += 3 * MINUTE_MS;
    expect([await claim(one), await claim(other)]).toEqual([null, null]);
  });
});
