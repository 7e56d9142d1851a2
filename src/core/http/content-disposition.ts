import { utf8Of } from '../text-bytes.ts';

/** Words in which mail writes what is not ASCII (RFC 2047), with their charset, and `B` or `Q`. */
const WORD = /=\?([\w-]+)\?([bq])\?([^?\s]*)\?=\s*/gi;

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

/** A text that is all in the words of mail, as .NET, PowerShell and Java write the names of files; null: it is not. */
export function wordsDecoded(text: string): string | null {
  if (text === '' || text.replace(WORD, '') !== '') return null;
  try {
    return text.replace(WORD, (_, charset: string, form: string, encoded: string) => {
      const bytes = /b/i.test(form) ? Buffer.from(encoded, 'base64') : unquoted(encoded);
      return new TextDecoder(charset, { fatal: true }).decode(bytes);
    });
  } catch {
    return null;
  }
}

/** The bytes of a word that is `Q`: blanks are underlines, and others `=E4`. */
function unquoted(encoded: string): Buffer {
  const text = encoded.replaceAll('_', ' ');
  return Buffer.from(
    text.replace(/=([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
    'latin1',
  );
}
