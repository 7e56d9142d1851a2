import { basename } from 'node:path';

/** What the file systems of Linux, macOS and Windows take for one name. */
const MAX_BYTES = 255;

/** Names that Windows keeps for devices, whatever follows the dot, also with blanks before it. */
export const DEVICE_NAME = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[\d¹²³])(?= *(?:\.|$))/i;

/** Control characters, half characters, what Windows forbids, what breaks a line or makes a name read from right to left. */
const UNFIT = /[\p{Cc}\p{Surrogate}\p{Zl}\p{Zp}<>:"|?*\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The last component of a name that others chose, fit for every file system and every phone: no path, no control
 * characters, no leading dots, no device of Windows, at most 255 bytes with its extension kept. null when nothing is left.
 */
export function plainFileName(name: string): string | null {
  const base = basename(name.replaceAll('\\', '/'))
    .replace(UNFIT, '_')
    .replace(/^[. ]+|[. ]+$/g, '')
    .replace(DEVICE_NAME, '_$&');
  return base === '' ? null : withSuffix(base, '');
}

/** Another name for the n-th file of this name, 0 being the first: `a.txt`, `a (1).txt`, `a (2).txt`. */
export function numberedName(name: string, n: number): string {
  return n === 0 ? name : withSuffix(name, ` (${n})`);
}

/** Puts `suffix` before the extension, and cuts what is before it at a character so that all of it fits. */
function withSuffix(name: string, suffix: string): string {
  const extension = /(?<=[^.])\.[A-Za-z0-9]{1,10}$/.exec(name)?.[0] ?? '';
  let room = MAX_BYTES - extension.length - suffix.length;
  let stem = '';
  for (const character of name.slice(0, name.length - extension.length)) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    stem += character;
  }
  return stem + suffix + extension;
}
