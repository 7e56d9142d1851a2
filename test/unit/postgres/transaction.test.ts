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
  ['one of its processes has crashed, and it is given anew', { begunAt: '0/9', firstXid: '7' }, 'aborted'],
  ['one has crashed, and the number has left a trace', { begunAt: '0/9', firstXid: '8' }, 'committed'],
  ['a checkpoint, without a crash, has a later number', { firstXid: '3' }, 'committed'],
  ['it began long ago', { begunAt: '', firstXid: '3' }, 'committed'],
])('what became of a transaction: %s', async (_, over, status) => {
  const server = { timeline: '00000001', startedAt: 'once', firstXid: '5', begunAt: '0/5' };
  const commit = new UnknownCommit({ ...server, xid: '7', result: undefined }, new Error('cut'));
  const connection = { ...server, ...over, exchange: async () => [{ status: 'committed' }] };
  expect(await commitStatus(connection as unknown as Connection, commit)).toBe(status);
});
