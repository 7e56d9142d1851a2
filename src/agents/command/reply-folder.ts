import { readdirSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReplyPiece } from '../../core/message.ts';

/** What a command left in its reply folder. */
export interface LeftFiles {
  pieces: ReplyPiece[];
  /** What was left but is not sent, each as `name (reason)`, for the log. */
  skipped: string[];
}

/**
 * The files of a reply folder in the order of their names by UTF-16 units (contract 4):
 * regular files at its top level. Hidden ones are taken for the leavings of tools
 * (`.DS_Store`, half-written temporary files), and a link could lead anywhere.
 */
export async function filesLeftIn(folder: string): Promise<LeftFiles> {
  const left: LeftFiles = { pieces: [], skipped: [] };
  for (const name of namesIn(folder).sort()) {
    const file = join(folder, name);
    const reason = name.startsWith('.') ? 'hidden' : await whyNotSendable(file);
    if (reason === null) left.pieces.push({ file, name });
    else left.skipped.push(`${name} (${reason})`);
  }
  return left;
}

/** Asked here and now: mostly there is nothing, and a thread to look would take longer to wake up. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // A folder the agent has removed holds nothing.
    return [];
  }
}

async function whyNotSendable(file: string): Promise<string | null> {
  try {
    const found = await lstat(file);
    if (found.isFile()) return null;
    if (found.isDirectory()) return 'folder';
    return found.isSymbolicLink() ? 'link' : 'no regular file';
  } catch {
    // Gone meanwhile, or its name is not UTF-8 and cannot be written down.
    return 'unreadable';
  }
}
