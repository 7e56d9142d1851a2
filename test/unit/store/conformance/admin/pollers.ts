import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Poller, Store } from '../../../../../src/store/port/port.ts';
import { readUntil } from '../../../../helpers/poll-until.ts';
import { ACCOUNT, type MakeStore, type StoreUnderTest } from '../desk.ts';

const OTHER_ACCOUNT = 'd52a19bb88cf@im.bot';

/** Who receives: what is noted beside the lock of the process. */
export function describePollers(make: MakeStore): void {
  let data: StoreUnderTest;
  let one: Store;
  let two: Store;
  beforeEach(async () => {
    data = await make();
    [one, two] = [await data.open('one'), await data.open('two')];
  });
  afterEach(() => data.dispose());

  const serve = (store: Store, slot: number, former: Poller | null = null, account = ACCOUNT) =>
    store.admin.becomePoller({ account, purpose: 'serve', slot, former });
  const ONE: Poller = { claimant: 'one', purpose: 'serve', slot: 1 };

  test('one process at a time, until it receives no more; another account is free', async () => {
    expect(await one.admin.poller(ACCOUNT)).toBeNull();
    expect([await serve(one, 1), await serve(two, 2)]).toEqual([true, false]);
    expect([await one.admin.poller(ACCOUNT), await two.admin.poller(ACCOUNT)]).toMatchObject([ONE, ONE]);
    expect(await serve(two, 2, null, OTHER_ACCOUNT)).toBe(true);
    expect([await one.admin.polledAccounts(), await two.admin.polledAccounts()]).toEqual([
      [ACCOUNT],
      [OTHER_ACCOUNT],
    ]);
    await two.admin.endPolling(ACCOUNT);
    expect(await serve(two, 2)).toBe(false);
    await one.admin.endPolling(ACCOUNT);
    expect(await two.admin.becomePoller({ account: ACCOUNT, purpose: 'look', slot: 2, former: null })).toBe(
      true,
    );
    expect(await one.admin.poller(ACCOUNT)).toMatchObject({ claimant: 'two', purpose: 'look', slot: 2 });
  });

  test('of those who want the place of one that is gone, one gets it', async () => {
    await serve(one, 1);
    const wishes = [serve(two, 2, ONE), serve(await data.open('three'), 3, ONE)];
    expect((await Promise.all(wishes)).sort()).toEqual([false, true]);
    expect(await one.admin.polledAccounts()).toEqual([]);
  });

  test('it is noted since when, also with another lock; who comes after begins anew', async () => {
    const since = async () => (await one.admin.poller(ACCOUNT))?.sinceMs ?? Number.NaN;
    const beforeMs = Date.now() - 60_000;
    await serve(one, 1);
    const began = await since();
    expect(began).toBeGreaterThan(beforeMs);
    await serve(one, 4, ONE);
    expect(await since()).toBe(began);
    await readUntil(
      'the clock goes on',
      async () => Date.now(),
      (nowMs) => nowMs > began + 1,
    );
    await serve(two, 2, { ...ONE, slot: 4 });
    expect(await since()).toBeGreaterThan(began);
  });

  test('another lock of the same process is noted in place of the one before', async () => {
    await serve(one, 1);
    expect([await serve(one, 4, { ...ONE, slot: 3 }), await serve(one, 4, ONE)]).toEqual([false, true]);
    expect(await two.admin.poller(ACCOUNT)).toMatchObject({ ...ONE, slot: 4 });
  });
}
