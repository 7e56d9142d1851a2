import { expect, onTestFinished, test } from 'vitest';
import { openDatabase } from '../../../src/store/database.ts';
import { ACCOUNT, createDesk, OWNER } from './conformance/desk.ts';
import { makeSqliteStores } from './sqlite-stores.ts';

const ROUND = 300;
const KEEP = 100;

test('the file stops growing: what retention forgets makes room for what comes', async () => {
  const stores = await makeSqliteStores();
  onTestFinished(stores.dispose);
  const desk = await createDesk(stores.open('me'));
  const pages: number[] = [];
  for (let round = 0; round < 8; round++) {
    for (let n = 0; n < ROUND; n++) {
      desk.nowMs += 1_000;
      await desk.answers(await desk.says(OWNER), `answer ${round} ${n} ${'x'.repeat(500)}`);
      await desk.deliver(OWNER);
    }
    const retention = {
      account: ACCOUNT,
      nowMs: desk.nowMs,
      holdMaxMs: 1,
      finishedMs: 10 * ROUND * 1_000_000,
      finishedPerUser: KEEP,
    };
    while (await desk.store.sweep(retention));
    const database = openDatabase(stores.path);
    pages.push(Number(database.one('PRAGMA page_count')?.page_count));
    database.close();
  }
  expect(pages[0]).toBeGreaterThan(50);
  expect(pages.at(-1)).toBeLessThan((pages[1] as number) * 1.1);
});
