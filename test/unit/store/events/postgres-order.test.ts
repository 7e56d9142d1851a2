import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventPlace, StateEvent } from '../../../../src/store/port/port.ts';
import { readUntil } from '../../../helpers/poll-until.ts';
import { connectTo, SERVER } from '../../../helpers/postgres.ts';
import { createDesk, type Desk, FRIEND, OWNER } from '../conformance/desk.ts';
import { postgresStores } from '../postgres-stores.ts';

describe.skipIf(SERVER === null)(
  'events of transactions that commit in another order than they began',
  () => {
    const stores = postgresStores();
    let data: Awaited<ReturnType<typeof stores.make>>;
    let desk: Desk;
    let seq: number;
    beforeEach(async () => {
      data = await stores.make();
      desk = await createDesk(await data.open('a'));
      seq = await desk.says(OWNER);
    });
    afterEach(() => data.dispose());
    afterAll(stores.drop);

    const after = async (place: EventPlace) => (await desk.store.events.after({ place, limit: 10 })).events;
    /** The events behind a place, when there are so many: transactions of other tests keep them back, too. */
    const events = (place: EventPlace, count: number): Promise<StateEvent[]> =>
      readUntil(
        `${count} events`,
        () => after(place),
        ({ length }) => length === count,
      );
    const usersOf = (found: readonly StateEvent[]) => found.map(({ user }) => user);

    test('are read in one order, and none comes in front of what was read', async () => {
      const [, message] = await events({ xid: 0, seq: 0, atMs: 0 }, 2);
      const place = message as StateEvent;
      const late = await connectTo(SERVER as string);
      await late.query(`BEGIN; SET LOCAL search_path TO ${stores.schema}`);
      await late.query(`UPDATE inbox SET state = 'running' WHERE seq = ${seq}`);
      // Its transaction has a higher number, and is committed first.
      await desk.says(FRIEND);
      expect(await after(place)).toEqual([]);
      expect(await desk.store.events.newest()).toMatchObject({ xid: place.xid, seq: place.seq });
      await late.query('COMMIT');
      const found = await events(place, 2);
      expect(usersOf(found)).toEqual([OWNER, FRIEND]);
      expect(found[0]?.xid).toBeLessThan(Number(found[1]?.xid));
      await late.end();
    });

    test('are written whoever writes, also without the path of the schema', async () => {
      const [, message] = await events({ xid: 0, seq: 0, atMs: 0 }, 2);
      const person = await connectTo(SERVER as string);
      await person.query(
        `UPDATE ${stores.schema}.inbox SET state = 'done', finished_at = 1 WHERE seq = ${seq}`,
      );
      await person.end();
      expect(await events(message as StateEvent, 1)).toMatchObject([{ kind: 'message', state: 'done' }]);
    });
  },
);
