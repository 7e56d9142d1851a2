import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { WxError } from '../../core/errors.ts';
import { openFilesFor, openFilesLimit, tooFewOpenFiles } from '../../home/open-files.ts';
import { withStore } from '../account/store.ts';
import type { Check } from './check.ts';

/** Below this an outgoing file or a burst of messages may fill the disk. */
const ENOUGH_BYTES = 64 * 1024 * 1024;

/** File systems whose locks SQLite cannot trust, by their number in statfs(2). */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x01021997, '9p'],
]);

export const nodeCheck: Check = { name: 'node', run: async () => process.version };

/** What the platform lacks. */
export const platformCheck: Check = {
  name: 'platform',
  async run() {
    const here = `${process.platform} ${process.arch}`;
    if (process.platform !== 'win32') return here;
    return `${here}: no SIGTERM for agents (they are ended at once), no file modes`;
  },
};

/** Whether our files can be written, and only by this user. */
export const foldersCheck: Check = {
  name: 'folders',
  async run({ paths }) {
    const folders = [...new Set([dirname(paths.config), dirname(paths.database)])];
    for (const folder of folders) {
      const existing = firstExisting(folder);
      try {
        accessSync(existing, constants.W_OK | constants.X_OK);
      } catch (error) {
        throw new WxError('cannot-create', `${existing} cannot be written`, {
          hint: `ls -ld ${existing}`,
          cause: error,
        });
      }
    }
    if (
      process.platform !== 'win32' &&
      existsSync(paths.config) &&
      (statSync(paths.config).mode & 0o077) !== 0
    ) {
      throw new WxError('config', `others can read the tokens in ${paths.config}`, {
        hint: `chmod 600 ${paths.config}`,
      });
    }
    return folders.join(', ');
  },
};

/** Whether all accounts can be served by one process that is started as this one is. */
export const openFilesCheck: Check = {
  name: 'files',
  async run({ file }) {
    const limit = openFilesLimit();
    if (limit === null) return 'no limit is known';
    const tooFew = tooFewOpenFiles(file.accounts.length, limit);
    if (tooFew) throw tooFew;
    return `${limit} may be open, ${openFilesFor(file.accounts.length)} are enough`;
  },
};

/** Room on the disk. */
export const diskCheck: Check = {
  name: 'disk',
  async run({ paths }) {
    const { bavail, bsize } = await statfs(firstExisting(dirname(paths.database)));
    const free = bavail * bsize;
    const text = `${Math.floor(free / 1024 / 1024)} MiB free`;
    if (free < ENOUGH_BYTES) throw new WxError('storage', text, { hint: 'free some space: du -sh ~/.cache' });
    return text;
  },
};

/** Whether the database opens, and where it lies. */
export const databaseCheck: Check = {
  name: 'database',
  async run(context) {
    const { database } = context.paths;
    const { type } = await statfs(firstExisting(dirname(database)));
    const network = NETWORK_FILE_SYSTEMS.get(type);
    if (network) {
      throw new WxError('storage', `${database} is on ${network}, whose locks are not reliable`, {
        hint: '--home <a folder on a local disk>',
      });
    }
    if (!existsSync(database)) return 'none yet';
    const fault = await withStore(context, ({ admin }) => admin.verify());
    if (fault === null) return database;
    throw new WxError('storage', `${database} is damaged: ${fault}`, {
      hint: `stop wxagent, move ${database}* away, start again`,
    });
  },
};

function firstExisting(folder: string): string {
  let at = folder;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}
