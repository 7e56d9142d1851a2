import { SQLITE_EVENTS, SQLITE_EVENTS_FOR_READERS, SQLITE_WANTED_EVENTS } from '../events/event-schema.ts';
import { baseMigrations, type ColumnTypes } from './base-tables.ts';
import { migrations } from './migrations.ts';

const TYPES: ColumnTypes = {
  key: 'TEXT',
  whole: 'INTEGER',
  bytes: 'BLOB',
  numbered: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  byKey: ' WITHOUT ROWID',
};

const {
  beforeEvents,
  beforeWantedEvents,
  beforeLaterEvents,
  beforeEventsForReaders,
  beforeEventsInPlace,
  since,
} = migrations(TYPES);
const texts = (all: readonly (readonly string[])[]): string[] =>
  all.map((statements) => statements.map((one) => `${one};\n`).join(''));

/** Forward migrations of SQLite, in order; the number of those applied is `user_version`. */
export const SQLITE_MIGRATIONS: readonly string[] = [
  ...texts(baseMigrations(TYPES)),
  ...texts(beforeEvents),
  SQLITE_EVENTS,
  ...texts(beforeWantedEvents),
  SQLITE_WANTED_EVENTS,
  ...texts(beforeLaterEvents),
  '', // Triggers of the log, which its first reader makes since.
  ...texts(beforeEventsForReaders),
  SQLITE_EVENTS_FOR_READERS,
  ...texts(beforeEventsInPlace),
  ...texts(since),
];
