import { accessSync, constants, statSync } from 'node:fs';
import { posix, win32 } from 'node:path';
import { WxError } from '../../core/errors.ts';

/** Where a command is looked for. */
export interface CommandSearch {
  /** Relative names with a separator, and empty PATH entries, start here. */
  cwd: string;
  /** The variable PATH. */
  path: string | undefined;
  /** The variable PATHEXT; Windows only. */
  pathExt?: string | undefined;
  platform: NodeJS.Platform;
}

const USUAL_PATHEXT = '.COM;.EXE;.BAT;.CMD';

/**
 * The absolute path of the program of `-- cmd`, found the way a shell would.
 * Throws WxError 'not-found' (66) when there is none or it may not be executed.
 */
export function resolveCommand(name: string, search: CommandSearch): string {
  const windows = search.platform === 'win32';
  const paths = windows ? win32 : posix;
  const direct = name.includes('/') || (windows && (name.includes('\\') || name.includes(':')));
  const folders = direct ? [''] : (search.path ?? '').split(paths.delimiter);
  if (windows && !direct) folders.unshift('');

  let refused: string | null = null;
  for (const folder of name === '' ? [] : folders) {
    for (const file of spellings(paths.resolve(search.cwd, folder, name), search)) {
      const found = examine(file, windows);
      if (found === 'program') return file;
      if (found === 'refused') refused ??= file;
    }
  }
  if (refused !== null) {
    throw new WxError('not-found', `${refused} is not executable`, {
      hint: `chmod +x ${refused}`,
    });
  }
  throw new WxError('not-found', `the command "${name}" does not exist`, {
    hint: direct
      ? `paths start at ${search.cwd}`
      : 'give its full path, or ./name for a file in this folder; for a shell line use --exec',
  });
}

/** On Windows a name stands for itself only with one of the known extensions. */
function spellings(file: string, { platform, pathExt }: CommandSearch): string[] {
  if (platform !== 'win32') return [file];
  const extensions = (pathExt || USUAL_PATHEXT).toLowerCase().split(';').filter(Boolean);
  if (extensions.includes(win32.extname(file).toLowerCase())) return [file];
  return extensions.map((extension) => file + extension);
}

function examine(file: string, windows: boolean): 'program' | 'refused' | 'nothing' {
  try {
    if (!statSync(file).isFile()) return 'nothing';
  } catch {
    return 'nothing';
  }
  if (windows) return 'program';
  try {
    accessSync(file, constants.X_OK);
    return 'program';
  } catch {
    return 'refused';
  }
}
