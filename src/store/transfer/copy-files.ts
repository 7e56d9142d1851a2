import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { reasonOf, WxError } from '../../core/errors.ts';
import { makeFolder } from '../../home/make-folder.ts';
import type { Row } from '../../sql/statement.ts';
import type { NeededFile } from '../outbox/parts.ts';
import type { TableSum } from './moved-tables.ts';

/** The bytes of files to be sent, as one side of a move keeps them. */
export interface MovableFiles {
  /** Where this side keeps the file of this id. */
  pathOf(account: string, id: string): string;
  /** Whether a whole file of this size is there. */
  has(file: Pick<NeededFile, 'path' | 'sizeBytes'>): Promise<boolean>;
  read(file: Pick<NeededFile, 'path' | 'sizeBytes'>): AsyncIterable<Buffer>;
  /** Writes a file, in place of what a killed process has left of it. */
  put(account: string, path: string, chunks: AsyncIterable<Buffer>): Promise<void>;
}

/** A copy of ours: a file in `media/out/<account>`, or a blob. Both are named by an id that no other has. */
const COPY = /^(?:blob:|(?:.*[/\\])?media[/\\]out[/\\][^/\\]+[/\\])([\da-f-]{36})$/s;

/** The id of a copy of ours; null: it is something else. */
export function copyId(path: string): string | null {
  return COPY.exec(path)?.[1] ?? null;
}

/** A row of `parts` with another path of its file: `pathFor` gets the account and the id. */
export function withPath(row: Row, pathFor: (account: string, id: string) => string): Row {
  if (!(row.file instanceof Uint8Array)) return row;
  let file: { path?: unknown };
  try {
    file = JSON.parse(Buffer.from(row.file).toString('utf8')) as { path?: unknown };
  } catch {
    return row;
  }
  const id = typeof file?.path === 'string' ? copyId(file.path) : null;
  if (id === null) return row;
  return { ...row, file: Buffer.from(JSON.stringify({ ...file, path: pathFor(row.account as string, id) })) };
}

/** Copies files that are not at the target yet. What the source has lost stays lost: its part says so when it is sent. */
export async function copyFiles(
  needed: readonly NeededFile[],
  from: MovableFiles,
  to: MovableFiles,
  check: () => void,
): Promise<void> {
  for (const file of needed) {
    const id = copyId(file.path);
    if (id === null) continue;
    const path = to.pathOf(file.account, id);
    if ((await to.has({ ...file, path })) || !(await from.has(file))) continue;
    check();
    await to.put(file.account, path, from.read(file));
  }
}

/** Sums up files in the order of their ids. */
export async function sumOfFiles(
  needed: readonly NeededFile[],
  files: MovableFiles,
  check: () => void,
): Promise<TableSum> {
  const sum = createHash('sha256');
  const sorted = [...needed].sort((a, b) => ((copyId(a.path) ?? '') < (copyId(b.path) ?? '') ? -1 : 1));
  for (const file of sorted) {
    check();
    const content = createHash('sha256');
    const isThere = await files.has(file);
    if (isThere) for await (const chunk of files.read(file)) content.update(chunk);
    sum.update(`${copyId(file.path)} ${isThere ? content.digest('hex') : 'gone'}\n`);
  }
  return { rows: sorted.length, digest: sum.digest('hex') };
}

/** Files of a home, each account's in a folder of its own. */
export function filesInFolders(folderOf: (account: string) => string): MovableFiles {
  return {
    pathOf: (account, id) => join(folderOf(account), id),
    async has({ path, sizeBytes }) {
      const found = await stat(path).catch(() => null);
      return found?.isFile() === true && (sizeBytes === null || found.size === sizeBytes);
    },
    read: ({ path }) => createReadStream(path),
    async put(_, path, chunks) {
      // Of a killed process only such a file is left, which a sweep of the home removes.
      const fresh = join(dirname(path), randomUUID());
      try {
        makeFolder(dirname(path));
        const file = await open(fresh, 'wx', 0o600);
        try {
          for await (const chunk of chunks) await file.writeFile(chunk);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(fresh, path);
      } catch (error) {
        await rm(fresh, { force: true });
        if (error instanceof WxError) throw error;
        throw new WxError(
          'storage',
          `cannot write ${basename(path)} in ${dirname(path)}: ${reasonOf(error)}`,
          { hint: 'make room on that disk, then try again', cause: error },
        );
      }
    },
  };
}
