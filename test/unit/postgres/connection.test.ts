import { Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LIMITS, openConnection } from '../../../src/postgres/connection.ts';
import { createQueryTexts } from '../../../src/postgres/query-text.ts';
import { parseServerUrl } from '../../../src/postgres/server-address.ts';
import { one } from '../../../src/sql/statement.ts';
import { SERVER } from '../../helpers/postgres.ts';

test.skipIf(SERVER === null)('what is asked for in one moment goes out in one write', async () => {
  const address = parseServerUrl(SERVER as string);
  const connection = await openConnection({ address, limits: LIMITS, textFor: createQueryTexts(address) });
  onTestFinished(() => connection.close());
  const writes = (['_write', '_writev'] as const).map((name) => vi.spyOn(Socket.prototype, name));
  onTestFinished(() => {
    for (const write of writes) write.mockRestore();
  });
  const texts = ['SELECT 1 AS a', 'SELECT 2 AS a', 'SELECT CAST(? AS TEXT) AS a'];
  const [begun, ended] = await Promise.all([
    connection.exchange([
      connection.begin.write,
      ...texts.map((text, n) => one(text, ...(n < 2 ? [] : ['3']))),
    ]),
    connection.exchange(['COMMIT']),
  ]);
  expect(begun.slice(1)).toEqual([{ a: 1 }, { a: 2 }, { a: '3' }]);
  expect(ended).toEqual(['COMMIT']);
  expect(writes.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBe(1);
});
