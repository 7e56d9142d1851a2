import { Socket } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LIMITS, openConnection } from '../../../src/postgres/connection.ts';
import { createQueryTexts } from '../../../src/postgres/query-text.ts';
import { parseServerUrl } from '../../../src/postgres/server-address.ts';
import { one } from '../../../src/sql/statement.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { SERVER, withParts } from '../../helpers/postgres.ts';

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

test.skipIf(SERVER === null)(
  'the start of a server is the same moment, however a connection shows times',
  async () => {
    const zones = ['Asia/Kathmandu', 'America/New_York'];
    const starts = zones.map(async (zone) => {
      const address = parseServerUrl(withParts(SERVER, { options: `-cTimeZone=${zone}` }));
      const connection = await openConnection({
        address,
        limits: LIMITS,
        textFor: createQueryTexts(address),
      });
      await connection.close();
      return connection.startedAt;
    });
    const [one, other] = await Promise.all(starts);
    expect(one).not.toBe('');
    expect(other).toBe(one);
  },
);

test.skipIf(SERVER === null)('the options of other programs are not those of a connection', async () => {
  vi.stubEnv('PGOPTIONS', '-c no_such_setting=1');
  onTestFinished(() => void vi.unstubAllEnvs());
  const address = parseServerUrl(SERVER as string);
  const connection = await openConnection({ address, limits: LIMITS, textFor: createQueryTexts(address) });
  await connection.close();
});

test.skipIf(SERVER === null)(
  'what has ended a connection is what its next statement fails with',
  async () => {
    const address = parseServerUrl(SERVER as string);
    const limits = { ...LIMITS, idleMs: 50 };
    const connection = await openConnection({ address, limits, textFor: createQueryTexts(address) });
    onTestFinished(() => connection.close('now'));
    await connection.exchange([connection.begin.write]);
    await pollUntil('the server has ended it', () => !connection.isOpen);
    await expect(connection.exchange([one('SELECT 1 AS a')])).rejects.toThrow(
      'terminating connection due to idle-in-transaction timeout',
    );
  },
);
