import { accessSync, closeSync, constants, existsSync, openSync, readSync, statSync } from 'node:fs';
import { posix, win32 } from 'node:path';
import { WxError } from '../../core/errors.ts';

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

/** The absolute path of the program of `-- cmd`, found as a shell would. Throws WxError `not-found`. */
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
      if (found === 'program') {
        if (!windows) checkScript(file);
        return file;
      }
      if (found === 'refused') refused ??= file;
    }
  }
  if (refused !== null) {
    throw new WxError('not-found', `${refused} is not executable`, { hint: `chmod +x ${refused}` });
  }
  throw new WxError('not-found', `the command "${name}" does not exist`, {
    hint: direct
      ? `paths start at ${search.cwd}`
      : 'give its full path, or ./name for a file in this folder, or check PATH',
  });
}

/** Refuses a script of which the system finds no interpreter. */
function checkScript(file: string): void {
  const [, interpreter] = /^#!\s*([^\s]+)/.exec(beginningOf(file)) ?? [];
  if (interpreter === undefined) return;
  if (hasWindowsLines(file))
    throw new WxError('not-found', `${file} is a script with the line ends of Windows (CRLF)`, {
      hint: crlfHint(file),
    });
  if (posix.isAbsolute(interpreter) && !existsSync(interpreter))
    throw new WxError('not-found', `${file} is a script for ${interpreter}, which does not exist`, {
      hint: `head -1 ${file}`,
    });
}

/** What to do about a command that was not found or not understood because a script has the line ends of Windows. */
export function windowsLinesHint(words: readonly string[], cwd: string): string | null {
  const script = words.map((word) => posix.resolve(cwd, word)).find(hasWindowsLines);
  return script === undefined ? null : `${script} has the line ends of Windows (CRLF): ${crlfHint(script)}`;
}

function crlfHint(file: string): string {
  return `sed -i 's/\\r$//' ${file}`;
}

function hasWindowsLines(file: string): boolean {
  return examine(file, true) === 'program' && /^[^\n]*\r\n/.test(beginningOf(file));
}

const BEGINNING_BYTES = 1024;

function beginningOf(file: string): string {
  const buffer = Buffer.alloc(BEGINNING_BYTES);
  try {
    const opened = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return buffer.toString('latin1', 0, readSync(opened, buffer, 0, buffer.length, 0));
    } finally {
      closeSync(opened);
    }
  } catch {
    return ''; // a program need not be readable
  }
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
