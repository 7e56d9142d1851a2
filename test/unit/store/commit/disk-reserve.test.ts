import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freeReserve } from '../../../../src/store/commit/disk-reserve.ts';
import { makeSqliteStores } from '../sqlite-stores.ts';

const MIB = 1024 * 1024;

let data: Awaited<ReturnType<typeof makeSqliteStores>>;
let path: string;
beforeEach(async () => {
  data = await makeSqliteStores();
  path = join(dirname(dirname(data.path)), 'reserve');
});
afterEach(() => data.dispose());

test('the reserve is 16 MiB of real blocks, and can be given up once', async () => {
  await data.open('me').admin.keepReserve();
  const { size, blocks } = await stat(path);
  expect([size, blocks * 512 >= size]).toEqual([16 * MIB, true]);
  expect([freeReserve(path), freeReserve(path)]).toEqual([true, false]);
});

test.runIf(process.platform === 'linux')(
  'it is written once, however many accounts ask for it at once',
  async () => {
    const written = async (): Promise<number> =>
      Number(/^wchar: (\d+)$/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1]);
    const store = data.open('me');
    const before = await written();
    await Promise.all(Array.from({ length: 10 }, () => store.admin.keepReserve()));
    expect((await written()) - before).toBeLessThan(20 * MIB);
  },
);
