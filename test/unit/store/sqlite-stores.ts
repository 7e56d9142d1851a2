import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/core/time/clock.ts';
import type { Store } from '../../../src/store/port/port.ts';
import { openStore } from '../../../src/store/sqlite-store.ts';
import type { StoreUnderTest } from './conformance/desk.ts';

/** These open at once. */
type SqliteStoresUnderTest = Omit<StoreUnderTest, 'open'> & { path: string; open(process: string): Store };

/** SQLite stores on one file in a folder of their own. */
export async function makeSqliteStores(): Promise<SqliteStoresUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'wxagent-store-'));
  const path = join(folder, 'state', 'wxagent.db');
  const dead = new Set<string>();
  const stores: Store[] = [];
  return {
    path,
    open(process) {
      const claimant = { id: process, isAlive: (holder: string) => !dead.has(holder) };
      const store = openStore({
        path,
        reserve: join(folder, 'reserve'),
        clock: systemClock,
        claimant,
        wait: null,
      });
      stores.push(store);
      return store;
    },
    kill: (process) => void dead.add(process),
    async dispose() {
      for (const store of stores.splice(0)) await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
