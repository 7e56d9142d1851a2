import { expect, test } from 'vitest';
import type { Connection } from '../../../src/postgres/connection.ts';
import { createPool } from '../../../src/postgres/pool.ts';
import { createStillClock, settle } from '../../helpers/still-clock.ts';

const FULL = Object.assign(new Error('sorry, too many clients already'), { code: '53300' });
const SILENT = Object.assign(new Error('the server has not answered'), { code: 'ETIMEDOUT' });

/** A pool whose connections are opened, or refused, when the test says so. */
function poolOf() {
  const clock = createStillClock();
  const opening: { take(): Connection; refuse(error: Error): void }[] = [];
  const open = (): Promise<Connection> =>
    new Promise((resolve, reject) => {
      const connection = { isOpen: true, async close() {} } as unknown as Connection;
      opening.push({
        take() {
          resolve(connection);
          return connection;
        },
        refuse: reject,
      });
    });
  return { pool: createPool(open, clock), clock, opening };
}

test('who gets no connection, because the server has no more, gets the next that others have done with', async () => {
  const { pool, opening } = poolOf();
  const first = pool.acquire();
  const others = [pool.acquire(), pool.acquire()];
  for (const one of opening.splice(1)) one.refuse(FULL);
  await settle();
  const connection = opening[0]?.take() as Connection;
  expect(await first).toBe(connection);
  for (const other of others) {
    await pool.release(connection);
    expect(await other).toBe(connection);
  }
});

test('hears of a server that is silent, whoever else asks for it', async () => {
  const { pool, opening } = poolOf();
  const first = pool.acquire();
  void pool.acquire();
  opening[0]?.refuse(SILENT);
  await expect(first).rejects.toBe(SILENT);
});

test.each([0, 1, 2, 3, 4])(
  'no connection is lost that is given back %d moments after a wait has ended',
  async (n) => {
    const { pool, clock, opening } = poolOf();
    const used = pool.acquire();
    const connection = opening.shift()?.take() as Connection;
    await used;
    const late = pool.acquire();
    opening.shift()?.refuse(FULL);
    await settle();
    clock.pass(1_000);
    for (let moment = 0; moment < n; moment++) await null;
    await pool.release(connection);
    await settle();
    // Whoever tries for one of their own leaves it to the next.
    const isRetried = opening.length > 0;
    expect(await (isRetried ? pool.acquire() : late)).toBe(connection);
  },
);
