import { readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from './make-folder.ts';

/** So many answers are kept, of so many bytes together: an address that is wrong answers nonsense at every poll. */
const MOST_KEPT = 20;
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Keeps an answer of the server that nobody here can read, as a file of a folder: there may be messages in it, and the
 * server gives them only once (protocol 3.2). The same one again is kept once; the oldest go. Returns its path.
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

/** Makes room for one more of that size beside those named, the oldest first. */
async function forgetOldest(folder: string, names: readonly string[], newBytes: number): Promise<void> {
  let leftBytes = MOST_BYTES - newBytes;
  for (const [age, name] of [...names].reverse().entries()) {
    const path = join(folder, name);
    leftBytes -= (await stat(path)).size;
    if (leftBytes < 0 || age >= MOST_KEPT - 1) await unlink(path);
  }
}
