import { isUtf8 } from 'node:buffer';
import { readdirSync, renameSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode } from '../../core/errors.ts';
import { numberedName } from '../../core/file-name.ts';
import type { ReplyPiece } from '../../core/message/message.ts';

/** Most files of one answer: nobody looks at more. */
export const MAX_FILES = 1_000;

/** How many of what is not sent are named. */
const MAX_NAMED = 10;

/** What a command left in its reply folder. */
export interface LeftFiles {
  pieces: ReplyPiece[];
  /** What was left but is not sent, each as `name (reason)`, for the log; of many the first. */
  skipped: string[];
}

/**
 * The files of a reply folder in the order of their names by UTF-16 units (contract 4):
 * regular files at its top level; null when they are too many. Hidden ones are taken for the leavings of tools
 * (`.DS_Store`, half-written temporary files), and a link could lead anywhere. Throws when the folder cannot be read.
 */
export async function filesLeftIn(folder: string): Promise<LeftFiles | null> {
  const left: LeftFiles = { pieces: [], skipped: [] };
  let unnamed = 0;
  for (const name of namesIn(folder).sort()) {
    const file = join(folder, name);
    const reason = name.startsWith('.') ? 'hidden' : await whyNotSendable(file);
    if (reason === null) left.pieces.push({ file, name });
    else if (left.skipped.length < MAX_NAMED) left.skipped.push(`${name} (${reason})`);
    else unnamed++;
    if (left.pieces.length > MAX_FILES) return null;
  }
  if (unnamed > 0) left.skipped.push(`and ${unnamed} more`);
  return left;
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
    // Gone meanwhile.
    return 'unreadable';
  }
}
