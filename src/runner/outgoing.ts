import { randomUUID } from 'node:crypto';
import { closeSync, constants, fsyncSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { copyFile, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { PartFile, Store } from '../store/port.ts';

/** A file younger than this may belong to a part that is just being committed. */
const YOUNG_MS = 60 * 60_000;

/** Our own copies of files to be sent: on the disk before their part is committed, there until it is final (design 4). */
export interface Outgoing {
  /** Keeps a text as a file. Synchronous, because it happens inside a store step. */
  keepText(text: string, name: string): PartFile;
  /** Keeps a copy of a file, sharing its blocks where the file system can. */
  keepCopy(path: string, name: string): Promise<PartFile>;
  /** Keeps a copy from being swept before its part is committed, which may be hours later; the returned function ends that. */
  spare(file: PartFile): () => void;
  /** Removes copies that no part needs any more. */
  sweep(store: Pick<Store, 'unneededFiles'>, nowMs: number): Promise<void>;
}

/** Copies under one folder, which is made when it is first needed. */
export function createOutgoing(folder: string): Outgoing {
  const spared = new Set<string>();
  function fresh(): string {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return join(folder, randomUUID());
  }
  return {
    keepText(text, name) {
      const path = fresh();
      const file = openSync(path, 'wx', 0o600);
      try {
        writeFileSync(file, text, 'utf8');
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      return { path, name };
    },
    async keepCopy(source, name) {
      const path = fresh();
      await copyFile(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      const file = await open(path, 'r+');
      try {
        await file.chmod(0o600);
        await file.sync();
      } finally {
        await file.close();
      }
      return { path, name };
    },
    spare({ path }) {
      spared.add(path);
      return () => void spared.delete(path);
    },
    async sweep(store, nowMs) {
      const names = await readdir(folder).catch(() => []);
      const old: string[] = [];
      for (const name of names) {
        const path = join(folder, name);
        const { mtimeMs } = await stat(path);
        if (nowMs - mtimeMs > YOUNG_MS && !spared.has(path)) old.push(path);
      }
      for (const path of await store.unneededFiles(old)) await unlink(path);
    },
  };
}
