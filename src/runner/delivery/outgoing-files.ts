import { randomUUID } from 'node:crypto';
import { closeSync, constants, fsyncSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { copyFile, type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, reasonOf, WxError } from '../../core/errors.ts';
import { plainFileName } from '../../core/file-name.ts';
import { makeFolder } from '../../home/make-folder.ts';
import { shownAs } from '../../media/kind/shown-as.ts';
import { type Digest, digestOf, digestOfBytes, digestOfFile } from '../../media/upload/digest.ts';
import { fileChunks } from '../../media/upload/file-chunks.ts';
import type { Outbox, PartFile } from '../../store/port/port.ts';
import { openSource, trueName, watchSource } from './source-file.ts';

/** A file younger than this may belong to a part that is just being committed. */
const YOUNG_MS = 60 * 60_000;

/**
 * Our own copies of files to be sent. A copy is flushed before its part is committed, and stays until the part is
 * final. Names lose what no phone can show. Throws WxError `storage` if a copy cannot be written.
 */
export interface Outgoing {
  /** Keeps a text as a file. Synchronous for store steps; throws the system's error, so that a full disk is known. */
  keepText(text: string, name: string): PartFile;
  /**
   * Keeps a copy of a file, which shares its blocks if the file system can. Throws WxError `not-found` or `data` if the
   * file cannot be read, is longer than `maxBytes`, or was written to meanwhile.
   */
  keepCopy(path: string, name: string, maxBytes?: number): Promise<PartFile>;
  /** Keeps the content of a stream. Throws what the stream throws. */
  keepStream(chunks: AsyncIterable<Uint8Array>, name: string): Promise<PartFile>;
  /** Opens a copy. Throws the error of the system, or WxError `data`, if it is gone. */
  open(file: PartFile): Promise<OpenCopy>;
  /** Removes those copies that no part needs any more. */
  discard(outbox: Pick<Outbox, 'unneededFiles'>, paths: readonly string[]): Promise<void>;
  /** Pins a copy whose part is not committed yet, so that no sweep removes it. The returned function unpins it. */
  pin(file: PartFile): () => void;
  /** Removes copies that no part needs any more. */
  sweep(outbox: Pick<Outbox, 'unneededFiles'>, nowMs: number): Promise<void>;
}

/** A copy that is being read, as often as needed. */
export interface OpenCopy {
  /** Its bytes from the beginning. Each chunk is good until the next is asked for. */
  chunks(): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

/** Keeps copies in one folder, which is made when it is first needed. */
export function createOutgoing(folder: string): Outgoing {
  const pinned = new Set<string>();
  function fresh(): string {
    try {
      makeFolder(folder);
    } catch (error) {
      cannotWrite(error);
    }
    return join(folder, randomUUID());
  }

  /** Has `fill` write a new file; nothing is left of it when that fails. */
  async function keep(name: string, fill: (path: string) => Promise<Digest>): Promise<PartFile> {
    const path = fresh();
    try {
      const digest = await fill(path);
      return { path, name: shownName(name), kind: await shownAs(path, name), ...digest };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  return {
    keepText(text, name) {
      const path = fresh();
      const bytes = Buffer.from(text, 'utf8');
      const file = openSync(path, 'wx', 0o600);
      try {
        writeFileSync(file, bytes);
        fsyncSync(file);
      } catch (error) {
        rmSync(path, { force: true });
        throw error;
      } finally {
        closeSync(file);
      }
      return { path, name: shownName(name), kind: 'file', ...digestOfBytes(bytes) };
    },
    async keepCopy(source, name, maxBytes) {
      const from = await openSource(source, maxBytes);
      try {
        const check = await watchSource(from, source);
        return await keep(name, async (path) => {
          const digest = await copyAny(from, source, path);
          await check(digest.sizeBytes);
          return digest;
        });
      } finally {
        await from.close();
      }
    },
    keepStream: (chunks, name) => keep(name, (path) => writeAll(chunks, path)),
    async open({ path }) {
      const file = await open(path);
      return { chunks: () => fileChunks(file), close: () => file.close() };
    },
    async discard(outbox, paths) {
      if (paths.length === 0) return;
      for (const path of await outbox.unneededFiles(paths)) await rm(path, { force: true });
    },
    pin({ path }) {
      pinned.add(path);
      return () => void pinned.delete(path);
    },
    async sweep(outbox, nowMs) {
      const names = await readdir(folder).catch(() => []);
      const old: string[] = [];
      for (const name of names) {
        const path = join(folder, name);
        // A `send` that ends removes its own.
        const found = await stat(path).catch(() => null);
        if (found && nowMs - found.mtimeMs > YOUNG_MS && !pinned.has(path)) old.push(path);
      }
      // Mostly there is none, and the store need not be flushed for it.
      if (old.length === 0) return;
      for (const path of await outbox.unneededFiles(old)) await rm(path, { force: true });
    },
  };
}

/** The name under which a phone shows a file. */
export function shownName(name: string): string {
  return plainFileName(name) ?? 'file';
}

/** Copies an open file. */
async function copyAny(from: FileHandle, source: string, path: string): Promise<Digest> {
  return (await shareBlocks(await trueName(source), path))
    ? digestOfFile(path)
    : writeAll(fileChunks(from), path);
}

/** Whether the file system has made a copy that shares its blocks with the source. */
async function shareBlocks(source: string | Buffer, path: string): Promise<boolean> {
  try {
    await copyFile(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch {
    return false;
  }
  const file = await open(path, 'r+');
  try {
    await file.chmod(0o600);
    await file.sync();
  } finally {
    await file.close();
  }
  return true;
}

/** Writes all chunks into a new file, and flushes it. */
async function writeAll(chunks: AsyncIterable<Uint8Array>, path: string): Promise<Digest> {
  const file = await open(path, 'wx', 0o600).catch(cannotWrite);
  try {
    const digest = await digestOf(chunks, (chunk) => file.writeFile(chunk).catch(cannotWrite));
    await file.sync().catch(cannotWrite);
    return digest;
  } finally {
    await file.close();
  }
}

function cannotWrite(error: unknown): never {
  const hint = hasCode(error, 'ENOSPC')
    ? 'make room on the disk of media/out (wxagent doctor)'
    : 'wxagent doctor';
  throw new WxError('storage', `no copy of the file can be kept: ${reasonOf(error)}`, { hint, cause: error });
}
