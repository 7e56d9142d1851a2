import { readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from './make-folder.ts';

/** Limits of what is kept: a wrong address may return nonsense at every poll. */
const MOST_KEPT = 20;
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Keeps a response of the server that cannot be read as a file in a folder. It may contain messages, and the server
 * sends them only once (protocol 3.2). An equal one is kept once; the oldest are deleted. Returns the path.
 */
export async function keepUnread(folder: string, bytes: Buffer, nowMs: number): Promise<string> {
  makeFolder(folder);
  const names = (await readdir(folder)).sort();
  const newest = names.at(-1);
  if (newest !== undefined) {
    const path = join(folder, newest);
    if ((await readFile(path)).equals(bytes)) return path;
  }
  const path = join(folder, `${new Date(nowMs).toISOString().replaceAll(':', '')}.body`);
  await writeFile(path, bytes, { mode: 0o600, flush: true });
  await forgetOldest(folder, names, bytes.length);
  return path;
}

/** Makes room for one more of that size; deletes the oldest first. */
async function forgetOldest(folder: string, names: readonly string[], newBytes: number): Promise<void> {
  let leftBytes = MOST_BYTES - newBytes;
  for (const [age, name] of [...names].reverse().entries()) {
    const path = join(folder, name);
    leftBytes -= (await stat(path)).size;
    if (leftBytes < 0 || age >= MOST_KEPT - 1) await unlink(path);
  }
}
