import { randomInt } from 'node:crypto';
import { openSync, readSync } from 'node:fs';
import type { Database } from './database.ts';

/**
 * A number in the header of a database (SQLite's `application_id`) that tells it from every other one, and from what it
 * was before: the upper bits are drawn once, the lower ones count on. In the file it never goes back.
 */
export type DatabaseMark = number;

const COUNT_BITS = 12;
const COUNTS = 2 ** COUNT_BITS;
const LINES = 2 ** (31 - COUNT_BITS);

/** A database that no version has marked yet. */
export const UNMARKED: DatabaseMark = 0;

/** The mark as it is committed; the file itself has it after the next checkpoint. */
export function markOf(database: Database): DatabaseMark {
  return Number(database.one('PRAGMA application_id')?.application_id ?? UNMARKED);
}

/** Counts on, or draws the first; within a transaction. */
export function markAnew(database: Database): void {
  const mark = markOf(database);
  const next =
    mark === UNMARKED ? randomInt(1, LINES) * COUNTS : lineOf(mark) * COUNTS + ((countOf(mark) + 1) % COUNTS);
  database.exec(`PRAGMA application_id=${next}`);
}

/** Whether two marks are of one database, be it now and before. */
export function isOfLine(mark: DatabaseMark, other: DatabaseMark): boolean {
  return lineOf(mark) === lineOf(other);
}

/** Whether a database with the mark `before` may have come to `now`: counted on, never back. */
export function mayFollow(now: DatabaseMark, before: DatabaseMark): boolean {
  if (before === UNMARKED) return true;
  return lineOf(now) === lineOf(before) && (countOf(now) - countOf(before) + COUNTS) % COUNTS < COUNTS / 2;
}

const lineOf = (mark: DatabaseMark): number => Math.floor(mark / COUNTS);
const countOf = (mark: DatabaseMark): number => mark % COUNTS;

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';
const MARK_AT = 68;

/** Those that were read, by what tells a file from any other; see {@link markInFile}. */
const descriptors = new Map<string, number>();

/**
 * The mark in the file of a database, whatever its WAL says; null when it is no database. The descriptor stays open: to
 * close it would drop the locks that SQLite has on the file for this process.
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
