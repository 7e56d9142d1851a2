import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { hasCode, reasonOf, WxError } from '../core/errors.ts';
import { shownSize } from '../core/units.ts';

/** Without waiting for a writer, as a pipe would make one. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a file that somebody wants to have sent. Throws WxError `not-found` (66), or `data` (65) for what is there but
 * can not be sent: a folder, a device, one that may not be read, or is longer than `maxBytes`.
 */
export async function openSource(path: string, maxBytes = Number.POSITIVE_INFINITY): Promise<FileHandle> {
  let file: FileHandle;
  try {
    file = await open(path, READ);
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) {
      throw new WxError('not-found', `there is no file ${path}`, { hint: 'ls -l shows what is there' });
    }
    throw new WxError('data', `${path} cannot be read: ${reasonOf(error)}`, {
      hint: 'check its rights: ls -l',
    });
  }
  const found = await file.stat();
  if (found.isFile() && found.size <= maxBytes) return file;
  await file.close();
  if (found.isFile())
    throw new WxError('data', `${path} is longer than ${shownSize(maxBytes)}`, { hint: 'ls -l' });
  throw found.isDirectory()
    ? new WxError('data', `${path} is a folder; only files can be sent`, {
        hint: `tar cz ${path} | wxagent send --file - --name folder.tar.gz`,
      })
    : new WxError('data', `${path} is no regular file`, {
        hint: `wxagent send --file - --name <name> < ${path}`,
      });
}
