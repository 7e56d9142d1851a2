import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Database, openDatabase } from '../../../../src/sqlite/database.ts';
import { SQLITE_EVENTS_FOR_READERS, WRITE_LOG } from '../../../../src/store/events/event-schema.ts';
import type { EventPlace, Store } from '../../../../src/store/port/port.ts';
import { SQLITE_MIGRATIONS } from '../../../../src/store/schema/sqlite-schema.ts';
import { createDesk, type Desk, OWNER, START_MS } from '../conformance/desk.ts';
import { makeSqliteStores } from '../sqlite-stores.ts';

const TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger'";

describe('SQLite writes the log of events', () => {
  let data: Awaited<ReturnType<typeof makeSqliteStores>>;
  let runner: Desk;
  let database: Database;
  beforeEach(async () => {
    data = await makeSqliteStores();
    runner = await createDesk(data.open('runner'));
    database = openDatabase(data.path);
  });
  afterEach(async () => {
    database.close();
    await data.dispose();
  });

  const written = () => database.one('SELECT count(*) AS n FROM events')?.n;
  const behind = async (reader: Store, place: EventPlace | null) =>
    reader.events.after({ place: place ?? { xid: 0, seq: 0, atMs: 0 }, limit: 10 });
  const messages = async (reader: Store, place: EventPlace | null) => {
    const { events, isWhole } = await behind(reader, place);
    return isWhole ? events.map(({ kind, state }) => `${kind} ${state}`) : null;
  };
  /** What a day without a reader comes to, with a sweep behind it. */
  async function letADayPass(): Promise<void> {
    database.run('UPDATE event_log SET wanted_until = wanted_until - 25 * 3600');
    const kept = { finishedMs: 1_000, finishedPerUser: 1_000, holdMaxMs: 1_000 };
    await runner.store.admin.sweep({ accounts: [], nowMs: START_MS, ...kept });
  }

  test('from its first reader on', async () => {
    await runner.says(OWNER);
    expect(written()).toBe(0);
    expect(database.all(TRIGGERS)).toEqual([]);
    const reader = data.open('reader');
    const place = await reader.events.newest();
    expect(place).toBeNull();
    await runner.says(OWNER);
    expect(await messages(reader, place)).toEqual(['message received']);
  });

  test('for a day and an hour after the last one, also while none runs', async () => {
    const first = data.open('first');
    await first.events.newest();
    await first.close();
    const isOn = 'SELECT wanted_until - unixepoch() AS s FROM event_log';
    expect(database.one(isOn)?.s).toBeGreaterThan(25 * 3_600 - 60);
    await runner.says(OWNER);
    const known = await data.open('second').events.newest();
    await runner.says(OWNER);
    expect(await messages(data.open('third'), known)).toEqual(['message received']);
    await letADayPass();
    await runner.says(OWNER);
    expect(written()).toBe(2);
    expect(database.all(TRIGGERS)).toEqual([]);
  });

  test('anew after that: places from before are in it no more, not even the last one', async () => {
    const before = data.open('before');
    await before.events.newest();
    await runner.says(OWNER);
    const first = await before.events.newest();
    await runner.says(OWNER);
    const last = await before.events.newest();
    await letADayPass();
    await runner.says(OWNER);
    const after = data.open('after');
    for (const place of [first, last]) expect(await after.events.at(place as EventPlace)).toBeNull();
    const place = await after.events.newest();
    await runner.says(OWNER);
    for (const known of [first, last]) expect(await messages(after, known)).toBeNull();
    // A reader that has not noticed is told so, too.
    expect(await messages(before, last)).toBeNull();
    expect(await messages(after, place)).toEqual(['message received']);
    expect(place?.seq).toBe(last?.seq);
  });
});

test('an earlier log ends, and its triggers with it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wxagent-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const database = openDatabase(join(folder, 'x.db'));
  onTestFinished(() => database.close());
  for (const sql of SQLITE_MIGRATIONS.slice(0, SQLITE_MIGRATIONS.indexOf(SQLITE_EVENTS_FOR_READERS)))
    database.exec(sql);
  database.exec('UPDATE event_log SET wanted_until = unixepoch() + 3600');
  // As they were: they asked whether the log is wanted.
  for (const sql of WRITE_LOG) database.exec(sql);
  database.exec(SQLITE_EVENTS_FOR_READERS);
  expect(database.one('SELECT wanted_until FROM event_log')).toEqual({ wanted_until: 0 });
  expect(database.all(TRIGGERS)).toEqual([]);
});
