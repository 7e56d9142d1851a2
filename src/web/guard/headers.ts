import { plainFileName } from '../../core/file-name.ts';
import { encodedName } from '../../page/served/media.ts';
import { PAGE_HEADERS } from '../../page/served/page-headers.ts';

/** What every response says; see {@link PAGE_HEADERS}. */
export const SAFE_HEADERS: Readonly<Record<string, string>> = {
  ...PAGE_HEADERS,
  'cache-control': 'no-store',
};

/** Kinds that a browser shows without running anything in them. */
const SHOWN = new Set([
  ...['image/png', 'image/jpeg', 'image/gif', 'image/webp'],
  ...['audio/mpeg', 'audio/ogg', 'audio/wav', 'video/mp4'],
]);

/** The headers of a user's file: pictures, sounds and films by their bytes (`mime`) are shown, all else is saved. */
export function fileHeaders(name: string | null, mime: string | null): Record<string, string> {
  const isShown = mime !== null && SHOWN.has(mime);
  const saved = (name === null ? null : plainFileName(name)) ?? 'file';
  return {
    'content-type': isShown ? mime : 'application/octet-stream',
    'content-disposition': `${isShown ? 'inline' : 'attachment'}; filename*=UTF-8''${encodedName(saved)}`,
    'content-security-policy': "default-src 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
  };
}
