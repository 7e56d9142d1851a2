import { expect, test } from 'vitest';
import { acquirePollerLease } from '../../../src/cli/account/poller-lease.ts';
import type { PollerLeases } from '../../../src/store/server.ts';
import { createStillClock, settle } from '../../helpers/still-clock.ts';

/** Leases of one process at a server that the test speaks for. */
function leasesOf(renew: PollerLeases['renew']): PollerLeases {
  return {
    claimant: 'here/1/start/uuid',
    take: async () => ({ former: 'there/2/start/uuid' }),
    renew,
    holder: async () => ({ claimant: 'there/3/start/uuid', purpose: 'serve' }),
    async end() {},
  };
}

async function lose(renew: PollerLeases['renew'], seconds: number): Promise<string | null> {
  const clock = createStillClock();
  let isLost = false;
  const taken = await acquirePollerLease({ clock }, leasesOf(renew), 'x', {
    purpose: 'serve',
    onLost: () => (isLost = true),
  });
  if (!('lock' in taken)) throw new Error('it was free');
  expect(taken.lock.former).toMatchObject({ host: 'there', pid: 2 });
  for (let passed = 0; passed < seconds * 1_000; passed += 500) {
    clock.pass(500);
    await settle();
  }
  try {
    taken.lock.check();
    expect(isLost).toBe(false);
    return null;
  } catch (error) {
    expect(isLost).toBe(true);
    return (error as Error).message;
  } finally {
    await taken.lock.release();
    clock.pass(1_000);
  }
}

test('a lease is kept while it is renewed', async () => {
  expect(await lose(async () => ['x'], 60)).toBeNull();
});

test('a lease that cannot be renewed is trusted for two thirds of its time', async () => {
  const never = () => Promise.reject(new Error('no server'));
  expect(await lose(never, 12)).toBeNull();
  expect(await lose(never, 15)).toContain('could not be renewed');
  expect(await lose(() => new Promise(() => {}), 15)).toContain('could not be renewed');
});

test('a lease that another has is lost at once', async () => {
  expect(await lose(async () => [], 6)).toBe('process 3 on there receives the messages of x now');
});
