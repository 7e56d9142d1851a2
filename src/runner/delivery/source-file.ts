import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { sep } from 'node:path';
import { hasCode, reasonOf, WxError } from '../../core/errors.ts';
import { shownSize } from '../../core/units.ts';

/** The character that replaces bytes that are not UTF-8. */
const REPLACED = '\ufffd';

/**
 * The name of a file on its disk. A name may have bytes that are not UTF-8. In arguments, and in lines of an agent, these
 * bytes are replaced, so the file is looked up by what is left. Throws WxError `data` if several files match.
 */
export async function trueName(path: string): Promise<string | Buffer> {
  if (!path.includes(REPLACED) || (await lstat(path).catch(() => null))) return path;
  const names = path.split(sep);
  let found: Buffer = Buffer.alloc(0);
  for (const [index, name] of names.entries()) {
    const folder = found;
    if (index > 0) found = Buffer.concat([folder, Buffer.from(sep)]);
    if (!name.includes(REPLACED)) {
      found = Buffer.concat([found, Buffer.from(name)]);
      continue;
    }
    const from = index === 0 ? Buffer.from('.') : folder.length === 0 ? Buffer.from(sep) : folder;
    const there = await readdir(from, { encoding: 'buffer' }).catch((): Buffer[] => []);
    const [first, ...others] = there.filter((one) => one.toString('utf8') === name);
    if (first === undefined) return path;
    if (others.length > 0) {
      throw new WxError('data', `${others.length + 1} files are called ${path}: their names are not UTF-8`, {
        hint: 'wxagent send --file - --name <name> < file',
      });
    }
    found = Buffer.concat([found, first]);
  }
  return found;
}

/** Does not wait for the writer of a pipe. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Opens a file to be sent. Throws WxError `not-found`, or `data` for no regular, readable file ({@link isTooLong}). */
export async function openSource(path: string, maxBytes = Number.POSITIVE_INFINITY): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(await trueName(path), READ);
  } catch (error) {
    if (error instanceof WxError) throw error;
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) {
      throw new WxError('not-found', `there is no file ${path}`, { hint: 'ls -l shows what is there' });
    }
    throw new WxError('data', `${path} cannot be read: ${reasonOf(error)}`, {
      hint: 'check its rights: ls -l',
      cause: error,
    });
  }
  const found = await file.stat();
  if (found.isFile() && found.size <= maxBytes) return file;
  await file.close();
  if (found.isFile())
    throw new WxError('data', `${path} is longer than ${shownSize(maxBytes)}`, {
      hint: 'ls -l',
      cause: new RangeError(`${found.size} bytes`),
    });
  throw found.isDirectory()
    ? new WxError('data', `${path} is a folder; only files can be sent`, {
        hint: `tar cz ${path} | wxagent send --file - --name folder.tar.gz`,
      })
    : notRegular(path);
}

function notRegular(path: string): WxError {
  return new WxError('data', `${path} is not a regular file`, {
    hint: `wxagent send --file - --name <name> < ${path}`,
  });
}

/** Watches an open file that is copied. The check throws WxError `data` if it was written to, or not read to its end. */
export async function watchSource(
  file: FileHandle,
  path: string,
): Promise<(readBytes: number) => Promise<void>> {
  const before = await file.stat({ bigint: true });
  return async (readBytes) => {
    const after = await file.stat({ bigint: true });
    const isSame = after.mtimeNs === before.mtimeNs && after.size === before.size;
    if (isSame && BigInt(readBytes) === after.size) return;
    // What the system makes while it is read (/proc, /sys) has another size than it tells.
    if (isSame) throw notRegular(path);
    throw new WxError('data', `${path} was written to while it was being copied`, {
      hint: 'send it again when it is complete',
    });
  };
}

/** Whether a file was too long to be sent or copied. */
export function isTooLong({ cause }: WxError): boolean {
  return cause instanceof RangeError || hasCode(cause, 'EFBIG');
}
