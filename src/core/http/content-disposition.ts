import { utf8Of } from '../text-bytes.ts';

const EXTENDED = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i;
const PLAIN = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))/i;

/** The file name in a Content-Disposition (RFC 6266), also as it stands there against the rules; null: there is none. */
export function fileNameIn(header: string): string | null {
  const [, extended] = EXTENDED.exec(header) ?? [];
  if (extended !== undefined) return percentDecoded(extended);
  const [, quoted, token] = PLAIN.exec(header) ?? [];
  const name = quoted?.replace(/\\(.)/g, '$1') ?? token;
  if (name === undefined) return null;
  // Many servers write UTF-8, of which each byte has become a character, or what only the other form may have.
  const isBytes = !/[^\0-\xff]/.test(name);
  return percentDecoded((isBytes ? utf8Of(Buffer.from(name, 'latin1')) : null) ?? name);
}

/** A text with its percent signs undone; as it is where they mean themselves. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
