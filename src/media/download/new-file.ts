import { hash, randomBytes } from 'node:crypto';
import { type FileHandle, link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { codeOf, hasCode } from '../../core/errors.ts';
import { numberedName } from '../../core/file-name.ts';

/** Names tried before it is not the name that is taken. */
const MAX_NAMES = 10_000;

/** How file systems without hard links say so. */
const NO_LINKS = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'];

/** A file that has no name yet. */
export interface Temporary {
  path: string;
  file: FileHandle;
  /** May be called again. */
  close(): Promise<void>;
}

/** This machine in the names of temporary files: a folder may be shared. */
const HOST = hash('sha256', hostname(), 'hex').slice(0, 8);
const LEFT = /^\.wxagent-([0-9a-f]{8})-(\d+)-[0-9a-f]{16}\.part$/;
/** Nothing is written to for so long, whoever's it is. */
const OLD_MS = 24 * 60 * 60_000;

/** Removes what downloads have left in a folder that were killed. Never rejects. */
async function removeLeft(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const [, host, pid] = LEFT.exec(name) ?? [];
    if (host === undefined) continue;
    const path = join(folder, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > OLD_MS || (host === HOST && !isRunning(Number(pid))))
      await rm(path, { force: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}

/** Opens a new file in a folder, for its owner alone. Rejects with the system's error. */
export async function openTemporary(folder: string): Promise<Temporary> {
  await removeLeft(folder);
  const path = join(folder, `.wxagent-${HOST}-${process.pid}-${randomBytes(8).toString('hex')}.part`);
  const file = await open(path, 'wx+', 0o600);
  let closed: Promise<void> | null = null;
  return {
    path,
    file,
    close() {
      closed ??= file.close();
      return closed;
    },
  };
}

/** Gives a file its name, or the first free `name (1)`. Nothing is overwritten, no link followed. Returns the path. */
export async function giveName(
  path: string,
  folder: string,
  name: string,
): Promise<{ path: string; name: string }> {
  for (let n = 0; n < MAX_NAMES; n++) {
    const taken = numberedName(name, n);
    const target = join(folder, taken);
    try {
      await claim(path, target);
      return { path: target, name: taken };
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
  throw new Error(`${folder} is full of files called ${name}`);
}

/** Moves a file to a name that nothing has; rejects with EEXIST when something has. */
async function claim(path: string, target: string): Promise<void> {
  try {
    await link(path, target);
  } catch (error) {
    if (!NO_LINKS.includes(codeOf(error))) throw error;
    // The name is taken by an empty file first.
    await (await open(target, 'wx', 0o600)).close();
    return rename(path, target);
  }
  await rm(path);
}
