import { expect, it } from 'vitest';
import type { Connection } from '../../../src/postgres/connection.ts';
import { commitStatus, UnknownCommit } from '../../../src/postgres/transaction.ts';

it.each<[string, string, string, unknown]>([
  ['the server knows', '7', '00000001', 'committed'],
  ['a standby was promoted, where the number may be that of another transaction', '7', '00000002', null],
])('what became of a transaction: %s', async (_, xid, timeline, status) => {
  const commit = new UnknownCommit({ xid, timeline: '00000001', result: undefined }, new Error('cut'));
  const connection = { timeline, exchange: async () => [{ status: 'committed' }] } as unknown as Connection;
  expect(await commitStatus(connection, commit)).toBe(status);
});
