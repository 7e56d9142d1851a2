import { unlinkSync } from 'node:fs';
import { open, stat, unlink } from 'node:fs/promises';

/** Enough for the messages of many polls and the bookkeeping of SQLite (design 4). */
const RESERVE_BYTES = 16 * 1024 * 1024;
const BLOCK = Buffer.alloc(1024 * 1024);

/** Writes the reserve file unless it is whole already. A disk without room for it goes without; never fails. */
export async function keepReserve(path: string): Promise<void> {
  try {
    if ((await stat(path)).size === RESERVE_BYTES) return;
  } catch {
    // There is none yet.
  }
  try {
    const file = await open(path, 'w', 0o600);
    try {
      // Real blocks: a hole in a file frees nothing when it is removed.
      for (let at = 0; at < RESERVE_BYTES; at += BLOCK.length) await file.write(BLOCK, 0, BLOCK.length, at);
    } finally {
      await file.close();
    }
  } catch {
    await unlink(path).catch(() => {});
  }
}

/** Gives the reserve up; returns whether there was one. */
export function freeReserve(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}
