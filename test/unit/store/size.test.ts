import { statSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../../src/sqlite/database.ts';
import { ACCOUNT, createDesk, OWNER } from './conformance/desk.ts';
import { makeSqliteStores } from './sqlite-stores.ts';

const ROUND = 100;
const KEEP = 40;

test('the file stops growing: what retention forgets makes room for what comes', async () => {
  const stores = await makeSqliteStores();
  onTestFinished(stores.dispose);
  const desk = await createDesk(stores.open('me'));
  const pages: number[] = [];
  for (let round = 0; round < 6; round++) {
    for (let n = 0; n < ROUND; n++) {
      desk.nowMs += 1_000;
      await desk.answers(await desk.says(OWNER), `answer ${round} ${n} ${'x'.repeat(500)}`);
      await desk.deliver(OWNER);
    }
    const retention = {
      accounts: [ACCOUNT],
      nowMs: desk.nowMs,
      holdMaxMs: 1,
      finishedMs: 10 * ROUND * 1_000_000,
      finishedPerUser: KEEP,
    };
    while (await desk.store.admin.sweep(retention));
    const database = openDatabase(stores.path);
    pages.push(Number(database.one('PRAGMA page_count')?.page_count));
    database.close();
  }
  expect(pages[0]).toBeGreaterThan(20);
  expect(pages.at(-1)).toBeLessThan((pages[1] as number) * 1.1);
});

test('the WAL does not stay as long as a long reader has made it', async () => {
  const stores = await makeSqliteStores();
  onTestFinished(stores.dispose);
  const desk = await createDesk(stores.open('me'));
  const reader = openDatabase(stores.path);
  reader.exec('BEGIN');
  reader.one('SELECT count(*) FROM inbox');
  const wal = (): number => statSync(`${stores.path}-wal`).size;
  const write = (): Promise<unknown> => desk.says(OWNER, { raw: Buffer.alloc(512 * 1024, 1) });
  for (let n = 0; n < 50; n++) await write();
  const longest = wal();
  expect(longest).toBeGreaterThan(20 * 1024 * 1024);
  reader.exec('COMMIT');
  reader.close();
  for (let n = 0; n < 9 && wal() >= longest; n++) await write();
  expect(wal()).toBeLessThan(17 * 1024 * 1024);
});
