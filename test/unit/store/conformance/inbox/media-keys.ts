import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  type MakeStore,
  OWNER,
  type StoreUnderTest,
} from '../desk.ts';

const DAY_MS = 24 * 60 * 60_000;
const MD5 = 'd41d8cd98f00b204e9800998ecf8427e';
const key = (n: number): Buffer => Buffer.alloc(16, n);

/** The keys that came with files, for files that are sent again (protocol 5.3). */
export function describeMediaKeys(make: MakeStore): void {
  let data: StoreUnderTest;
  let desk: Desk;
  beforeEach(async () => {
    data = await make();
    desk = await createDesk(await data.open('a'));
  });
  afterEach(() => data.dispose());

  const keysOf = (md5: string, account = ACCOUNT) => desk.store.inbox.mediaKeys({ account, md5 });

  test('are found by md5, the oldest first, each once, whoever sent the file', async () => {
    await desk.says(OWNER, { mediaKeys: [{ md5: MD5, key: key(9) }] });
    desk.nowMs += 1;
    await desk.says(FRIEND, {
      mediaKeys: [
        { md5: MD5, key: key(1) },
        { md5: MD5, key: key(9) },
        { md5: 'other', key: key(2) },
      ],
    });
    expect(await keysOf(MD5)).toEqual([key(9), key(1)]);
    expect(await keysOf('unknown')).toEqual([]);
    expect(await keysOf(MD5, 'another account')).toEqual([]);
  });

  test('are kept of messages that no agent sees', async () => {
    await desk.receive([incoming({ ignore: 'too-old', mediaKeys: [{ md5: MD5, key: key(1) }] })]);
    expect(await keysOf(MD5)).toEqual([key(1)]);
  });

  test('are forgotten after their time', async () => {
    await desk.says(OWNER, { mediaKeys: [{ md5: MD5, key: key(1) }] });
    desk.nowMs += 20 * DAY_MS;
    await desk.says(OWNER, { mediaKeys: [{ md5: MD5, key: key(2) }] });
    desk.nowMs += 11 * DAY_MS;
    const retention = {
      accounts: [ACCOUNT],
      holdMaxMs: DAY_MS,
      finishedMs: 30 * DAY_MS,
      finishedPerUser: 100,
    };
    while (await desk.store.admin.sweep({ ...retention, nowMs: desk.nowMs }));
    expect(await keysOf(MD5)).toEqual([key(2)]);
  });
}
