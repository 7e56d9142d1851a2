import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Store } from '../../../../../src/store/port/port.ts';
import { ACCOUNT, type MakeStore, type StoreUnderTest } from '../desk.ts';

const OTHER_ACCOUNT = 'd52a19bb88cf@im.bot';

/** Who receives: what is noted beside the poller lock. */
export function describePollers(make: MakeStore): void {
  let data: StoreUnderTest;
  let one: Store;
  let two: Store;
  beforeEach(async () => {
    data = await make();
    [one, two] = [data.open('one'), data.open('two')];
  });
  afterEach(() => data.dispose());

  const serve = (store: Store, account = ACCOUNT) => store.admin.becomePoller({ account, purpose: 'serve' });
  const ONE = { claimant: 'one', purpose: 'serve' };

  test('one process at a time, until it receives no more; another account is free', async () => {
    expect(await one.admin.poller(ACCOUNT)).toBeNull();
    expect(await Promise.all([serve(one), serve(two)])).toEqual([null, ONE]);
    expect(await two.admin.poller(ACCOUNT)).toEqual(ONE);
    expect(await serve(two, OTHER_ACCOUNT)).toBeNull();
    // It is no other to itself.
    expect([await one.admin.poller(ACCOUNT), await serve(one)]).toEqual([null, null]);
    await two.admin.endPolling(ACCOUNT);
    expect(await serve(two)).toEqual(ONE);
    await one.admin.endPolling(ACCOUNT);
    expect(await two.admin.becomePoller({ account: ACCOUNT, purpose: 'look' })).toBeNull();
    expect(await serve(one)).toEqual({ claimant: 'two', purpose: 'look' });
  });

  test('whoever is gone keeps nobody out', async () => {
    await serve(one);
    data.kill('one');
    expect([await two.admin.poller(ACCOUNT), await serve(two)]).toEqual([null, null]);
  });
}
