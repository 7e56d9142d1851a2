import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventPlace } from '../../../../src/store/port/port.ts';
import { connectTo, SERVER } from '../../../helpers/postgres.ts';
import { createDesk, type Desk, FRIEND, OWNER } from '../conformance/desk.ts';
import { postgresStores } from '../postgres-stores.ts';

const START: EventPlace = { xid: 0, seq: 0, atMs: 0 };

describe.skipIf(SERVER === null)(
  'events of transactions that commit in another order than they began',
  () => {
    const stores = postgresStores();
    let data: Awaited<ReturnType<typeof stores.make>>;
    let desk: Desk;
    beforeEach(async () => {
      data = await stores.make();
      desk = await createDesk(await data.open('a'));
    });
    afterEach(() => data.dispose());
    afterAll(stores.drop);

    test('are read in one order, and none comes in front of what was read', async () => {
      const { events } = desk.store;
      const place = (await events.newest()) ?? START;
      const users = async () => (await events.after({ place, limit: 10 })).map(({ user }) => user);
      const late = await connectTo(SERVER as string);
      const seq = await desk.says(OWNER);
      expect(await users()).toEqual([OWNER]);
      await late.query(`BEGIN; SET LOCAL search_path TO ${stores.schema}`);
      await late.query(`UPDATE inbox SET state = 'running' WHERE seq = ${seq}`);
      // Its transaction has a higher number, and is committed first.
      await desk.says(FRIEND);
      expect(await users()).toEqual([OWNER]);
      const before = await events.newest();
      await late.query('COMMIT');
      expect(await users()).toEqual([OWNER, OWNER, FRIEND]);
      const behind = await events.after({ place: before as EventPlace, limit: 10 });
      expect(behind.map(({ user }) => user)).toEqual([OWNER, FRIEND]);
      expect(behind[0]?.xid).toBeLessThan(Number(behind[1]?.xid));
    await late.end();
    });

    test('are written whoever writes, also without the path of the schema', async () => {
      const { events } = desk.store;
      const seq = await desk.says(OWNER);
      const place = (await events.newest()) as EventPlace;
      const person = await connectTo(SERVER as string);
      await person.query(
        `UPDATE ${stores.schema}.inbox SET state = 'done', finished_at = 1 WHERE seq = ${seq}`,
      );
      await person.end();
      expect(await events.after({ place, limit: 10 })).toMatchObject([{ kind: 'message', state: 'done' }]);
    });
  },
);
