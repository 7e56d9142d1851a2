import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/sqlite/database.ts';
import { createDatabaseFiles, type DatabaseFiles } from '../../../src/sqlite/database-files.ts';
import {
  isNotOlder,
  isSameDatabase,
  markOf,
  UNMARKED,
  writeNextMark,
} from '../../../src/sqlite/database-mark.ts';

let folder: string;
let path: string;
let database: Database;
let files: DatabaseFiles;
let written: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wxagent-mark-'));
  path = join(folder, 'x.db');
  database = openDatabase(path);
  database.exec('CREATE TABLE t (x BLOB)');
  writeNextMark(database);
  checkpoint();
  written = 0;
  files = createDatabaseFiles(path, { mark: () => markOf(database), onWritten: () => void written++ });
  write();
  files.check();
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});
const write = (on = database): void => void on.run('INSERT INTO t VALUES (zeroblob(10000))');
const checkpoint = (on = database): void => on.exec('PRAGMA wal_checkpoint(PASSIVE)');
const expectGone = (isOverwritten: boolean): void => {
  expect(() => files.check()).toThrow('was deleted, moved or replaced');
  expect(files).toMatchObject({ areGone: true, isOverwritten });
};

test('a mark counts on, of its own line, and comes round', () => {
  const first = markOf(database);
  expect(first).not.toBe(UNMARKED);
  let before = first;
  for (let n = 0; n < 5_000; n++) {
    writeNextMark(database);
    const now = markOf(database);
    expect([isNotOlder(now, before), isNotOlder(before, now), isSameDatabase(now, first)]).toEqual([
      true,
      false,
      true,
    ]);
    before = now;
  }
  expect(isNotOlder(first, first)).toBe(true);
});

test('what SQLite itself writes, whoever asks for it, is no other database; nor is a change of its times', () => {
  const other = openDatabase(path);
  for (const by of [database, other, database]) {
    for (const act of [write, writeNextMark, write]) act(by);
    checkpoint(by);
    files.check();
  }
  other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  other.exec('VACUUM');
  checkpoint(other);
  other.close();
  chmodSync(path, 0o640);
  utimesSync(path, 0, 0);
  expect(() => files.check()).not.toThrow();
  expect(written).toBeGreaterThan(3);
});

test('an older copy is told once the file has another mark, also when its times are those of now', () => {
  copyFileSync(path, `${path}.copy`);
  writeNextMark(database);
  checkpoint();
  files.check();
  const { length } = readFileSync(path);
  const copy = readFileSync(`${path}.copy`);
  writeFileSync(path, Buffer.concat([copy, Buffer.alloc(length - copy.length)]), { flag: 'r+' });
  expectGone(true);
});

test.each([
  ['marked', true],
  ['without a mark', false],
])('another one, %s, is told at once', (_, isMarked) => {
  const other = openDatabase(join(folder, 'other.db'));
  other.exec('CREATE TABLE t (x BLOB)');
  if (isMarked) writeNextMark(other);
  for (let n = 0; n < 9; n++) write(other);
  checkpoint(other);
  other.close();
  writeFileSync(path, readFileSync(join(folder, 'other.db')), { flag: 'r+' });
  expectGone(true);
});

test('another one that SQLite has written is that one: its WAL is left where it is', () => {
  database.exec(`PRAGMA application_id=${2 ** 30 + 7}`);
  checkpoint();
  expectGone(false);
  expect(readFileSync(`${path}-wal`).length).toBeGreaterThan(0);
});
