import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, open } from 'node:fs/promises';

/** The last line of a backup, behind the pages of its database: the SHA-256 of all that stands before it. */
const LINE = /^wxagent sha256 ([\da-f]{64})\n$/;
const LINE_BYTES = 'wxagent sha256 '.length + 64 + 1;

const MAGIC = 'SQLite format 3\0';
/** Where the header of an SQLite file has the size of a page, and how many there are. */
const HEADER = { bytes: 100, pageSize: 16, pages: 28 };

/** What is wrong with a file that should be a backup; null for `what`: it is none at all. */
export class UnlikeBackup extends Error {
  readonly what: string | null;

  constructor(what: string | null) {
    super(what ?? 'no backup');
    this.what = what;
  }
}

/** Appends the digest of a file to it, and has all of it on the disk. */
export async function sealBackup(path: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  await appendFile(path, `wxagent sha256 ${hash.digest('hex')}\n`);
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Takes the database out of a backup that comes in pieces, piece by piece. Says in the end whether the backup had a digest:
 * those of the first version had none. Throws {@link UnlikeBackup} for what is no backup, not whole, or not what was written.
 */
export async function unsealBackup(
  chunks: AsyncIterable<Uint8Array>,
  write: (chunk: Buffer) => Promise<unknown>,
): Promise<{ hasDigest: boolean }> {
  const hash = createHash('sha256');
  let waiting: Buffer = Buffer.alloc(0);
  let wholeBytes: number | null = null;
  let bytes = 0;
  for await (const chunk of chunks) {
    waiting = waiting.length === 0 ? Buffer.from(chunk) : Buffer.concat([waiting, chunk]);
    if (wholeBytes === null) {
      if (waiting.length < HEADER.bytes) continue;
      wholeBytes = bytesIn(waiting);
    }
    const part = waiting.subarray(0, wholeBytes - bytes);
    waiting = waiting.subarray(part.length);
    if (waiting.length > LINE_BYTES) throw new UnlikeBackup('something was added to it');
    if (part.length === 0) continue;
    hash.update(part);
    bytes += part.length;
    await write(part);
  }
  if (wholeBytes === null) wholeBytes = bytesIn(waiting);
  if (bytes < wholeBytes) throw new UnlikeBackup(`it has ${bytes + waiting.length} of ${wholeBytes} bytes`);
  if (waiting.length === 0) return { hasDigest: false };
  const [, digest] = LINE.exec(waiting.toString('latin1')) ?? [];
  if (digest === undefined) throw new UnlikeBackup('its last line, with its digest, is not whole');
  if (digest !== hash.digest('hex')) throw new UnlikeBackup('its content does not have its digest');
  return { hasDigest: true };
}

/** How long the database is whose beginning this is. */
function bytesIn(beginning: Buffer): number {
  if (beginning.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new UnlikeBackup(null);
  if (beginning.length < HEADER.bytes) throw new UnlikeBackup(`it has ${beginning.length} bytes`);
  const pageSize = beginning.readUInt16BE(HEADER.pageSize);
  return (pageSize === 1 ? 65_536 : pageSize) * beginning.readUInt32BE(HEADER.pages);
}
