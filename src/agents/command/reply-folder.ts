import { isUtf8 } from 'node:buffer';
import { readdirSync, renameSync } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { hasCode, isShortage, reasonOf } from '../../core/errors.ts';
import { numberedName } from '../../core/file-name.ts';
import { MAX_ANSWER_FILES, type ReplyPiece } from '../../core/message/message.ts';

/** How many of what is not sent are named. */
const MAX_NAMED = 10;

/** What a command left in its reply folder. */
export interface LeftFiles {
  pieces: ReplyPiece[];
  /** What was left but is not sent, each as `name (reason)`, for the log; of many the first. */
  skipped: string[];
}

/**
 * The files of a reply folder in the order of their names by UTF-16 units: regular files at its top level.
 * Hidden ones are taken for the leavings of tools (`.DS_Store`, half-written temporary files), and a link could lead
 * anywhere. More than an answer may have are not looked at one by one: nobody sends them. Nor is what was sent already,
 * by its {@link stateOf}. Throws when this machine is short of what it takes to read the folder.
 */
export async function filesLeftIn(folder: string, sent: ReadonlySet<string> = new Set()): Promise<LeftFiles> {
  const left: LeftFiles = { pieces: [], skipped: [] };
  let names: string[];
  try {
    names = namesIn(folder).sort();
  } catch (error) {
    if (isShortage(error)) throw error;
    const detail = `the reply folder cannot be read: ${reasonOf(error)}`;
    return { ...left, pieces: [{ missing: { name: basename(folder), reason: 'unreadable', detail } }] };
  }
  let unnamed = 0;
  for (const name of names) {
    const file = join(folder, name);
    if (sent.size > 0 && sent.has((await stateOf(file)) ?? '')) continue;
    const isFew = left.pieces.length < MAX_ANSWER_FILES;
    const reason = name.startsWith('.') ? 'hidden' : isFew ? await whyNotSendable(file) : null;
    if (reason === null) left.pieces.push({ file, name });
    else if (left.skipped.length < MAX_NAMED) left.skipped.push(`${name} (${reason})`);
    else unnamed++;
  }
  if (unnamed > 0) left.skipped.push(`and ${unnamed} more`);
  return left;
}

/** Which file a path leads to, and its state, which any change of it changes; null: to none. */
export async function stateOf(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found && [found.dev, found.ino, found.size, found.mtimeNs].join();
}

/** Asked here and now: mostly there is nothing, and a thread to look would take longer to wake up. */
function namesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder, { encoding: 'buffer' });
    const known = new Set(names.filter(isUtf8).map(String));
    return names.map((name) => (isUtf8(name) ? String(name) : renamed(folder, name, known)));
  } catch (error) {
    // A folder the agent has removed holds nothing.
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return [];
    throw error;
  }
}

/** Renames a file whose name is no UTF-8, as in archives from elsewhere, so that it can be written down. */
function renamed(folder: string, name: Buffer, known: Set<string>): string {
  const shown = decodedName(name);
  let n = 0;
  while (known.has(numberedName(shown, n))) n++;
  const free = numberedName(shown, n);
  known.add(free);
  renameSync(Buffer.concat([Buffer.from(`${folder}/`), name]), join(folder, free));
  return free;
}

/** Most such names are Chinese ones of Windows. */
function decodedName(name: Buffer): string {
  for (const encoding of ['gb18030', 'utf-8'] as const) {
    try {
      const text = new TextDecoder(encoding, { fatal: encoding !== 'utf-8' }).decode(name);
      if (!text.includes('/') && Buffer.byteLength(text) <= 255) return text;
    } catch {
      // Not in this one.
    }
  }
  return 'file';
}

async function whyNotSendable(file: string): Promise<string | null> {
  try {
    const found = await lstat(file);
    if (found.isFile()) return null;
    if (found.isDirectory()) return 'folder';
    return found.isSymbolicLink() ? 'link' : 'no regular file';
  } catch {
    // Gone meanwhile: who copies it says so.
    return null;
  }
}
