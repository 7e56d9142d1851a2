import { unlinkSync } from 'node:fs';
import { open, stat, unlink } from 'node:fs/promises';

/** Enough for the messages of many polls and for SQLite's own files. */
const RESERVE_BYTES = 16 * 1024 * 1024;
const BLOCK = Buffer.alloc(1024 * 1024);

/** Writes the reserve file unless it is complete. Without room on the disk there is none; never fails. */
export async function keepReserve(path: string): Promise<void> {
  try {
    if ((await stat(path)).size === RESERVE_BYTES) return;
  } catch {
    // It does not exist yet.
  }
  try {
    const file = await open(path, 'w', 0o600);
    try {
      // Real blocks: deleting a sparse file frees nothing.
      for (let at = 0; at < RESERVE_BYTES; at += BLOCK.length) await file.write(BLOCK, 0, BLOCK.length, at);
    } finally {
      await file.close();
    }
  } catch {
    await unlink(path).catch(() => {});
  }
}

/** Deletes the reserve; returns whether there was one. */
export function freeReserve(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}
