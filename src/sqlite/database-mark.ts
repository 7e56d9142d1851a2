import { randomInt } from 'node:crypto';
import { openSync, readSync } from 'node:fs';
import type { Database } from './database.ts';

/**
 * A number in the header of a database (SQLite's `application_id`). The upper bits are a random id, which tells one
 * database from another. The lower bits are its generation, which tells it from older copies: it only ever grows.
 */
export type DatabaseMark = number;

const GENERATION_BITS = 12;
const GENERATIONS = 2 ** GENERATION_BITS;
const IDS = 2 ** (31 - GENERATION_BITS);

/** The mark of a database that has none yet. */
export const UNMARKED: DatabaseMark = 0;

/** The committed mark. The file itself has it after the next checkpoint. */
export function markOf(database: Database): DatabaseMark {
  return Number(database.one('PRAGMA application_id')?.application_id ?? UNMARKED);
}

/** Writes the mark of the next generation, or the first mark; call it in a transaction. */
export function writeNextMark(database: Database): void {
  const mark = markOf(database);
  const next =
    mark === UNMARKED
      ? randomInt(1, IDS) * GENERATIONS
      : idOf(mark) * GENERATIONS + ((generationOf(mark) + 1) % GENERATIONS);
  database.exec(`PRAGMA application_id=${next}`);
}

/** Whether two marks belong to one database, in any generation. */
export function isSameDatabase(mark: DatabaseMark, other: DatabaseMark): boolean {
  return idOf(mark) === idOf(other);
}

/** Whether the mark `now` is of the same database as `before`, and not of an older generation. */
export function isNotOlder(now: DatabaseMark, before: DatabaseMark): boolean {
  if (before === UNMARKED) return true;
  const generations = (generationOf(now) - generationOf(before) + GENERATIONS) % GENERATIONS;
  return isSameDatabase(now, before) && generations < GENERATIONS / 2;
}

const idOf = (mark: DatabaseMark): number => Math.floor(mark / GENERATIONS);
const generationOf = (mark: DatabaseMark): number => mark % GENERATIONS;

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const MARK_AT = 68;

/** Open descriptors by the identity of their file; see {@link markInFile}. */
const descriptors = new Map<string, number>();

/**
 * The mark in the file of a database, which may differ from that in its WAL; null when the file is not a database. The
 * descriptor stays open: closing it would drop the locks that SQLite has on the file for this process.
 */
export function markInFile(path: string, identity: string): DatabaseMark | null {
  let descriptor = descriptors.get(identity);
  if (descriptor === undefined) {
    descriptor = openSync(path, 'r');
    descriptors.set(identity, descriptor);
  }
  const header = Buffer.alloc(HEADER_BYTES);
  const read = readSync(descriptor, header, 0, HEADER_BYTES, 0);
  if (read < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
  return header.readInt32BE(MARK_AT);
}
