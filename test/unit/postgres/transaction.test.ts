import { expect, it } from 'vitest';
import type { Connection } from '../../../src/postgres/connection.ts';
import { commitStatus, UnknownCommit } from '../../../src/postgres/transaction.ts';

it.each<[string, Partial<Connection>, unknown]>([
  ['the server knows', {}, 'committed'],
  ['a standby was promoted, where the number may be that of another', { timeline: '00000002' }, null],
  [
    'the server has crashed, and the number has left a trace',
    { startedAt: 'later', firstXid: '8' },
    'committed',
  ],
  ['the server has crashed, and the number is given anew', { startedAt: 'later', firstXid: '7' }, 'aborted'],
  ['a checkpoint, without a crash, has a later number', { firstXid: '3' }, 'committed'],
])('what became of a transaction: %s', async (_, over, status) => {
  const server = { timeline: '00000001', startedAt: 'once', firstXid: '5' };
  const commit = new UnknownCommit({ ...server, xid: '7', result: undefined }, new Error('cut'));
  const connection = { ...server, ...over, exchange: async () => [{ status: 'committed' }] };
  expect(await commitStatus(connection as unknown as Connection, commit)).toBe(status);
});
