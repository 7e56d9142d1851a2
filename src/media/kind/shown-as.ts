import type { ShownAs } from '../../core/message/media.ts';
import { contentOf } from './content-type.ts';
import { hasPictures } from './film-tracks.ts';

/** Pictures that every phone shows; others (HEIC, TIFF, AVIF, SVG) only as the files they are. */
const PICTURES: ReadonlySet<string | null> = new Set([
  'image/jpeg',
  'image/png',
  'image/apng',
  'image/gif',
  'image/webp',
  'image/bmp',
]);

/** Films that every phone plays. */
const FILMS: ReadonlySet<string | null> = new Set(['video/mp4', 'video/quicktime', 'video/x-m4v']);

/** Of a film that names no tracks only the name tells what it is. */
const SOUND_NAME = /\.(?:m4a|m4b|aac)$/i;

/**
 * As what the phone shows a file: by its content, whatever its name says. Sounds are files, because voice bubbles of
 * bots do not appear (protocol 12).
 */
export async function shownAs(path: string, name: string): Promise<ShownAs> {
  const type = (await contentOf(path))?.mime ?? null;
  if (PICTURES.has(type)) return 'image';
  return FILMS.has(type) && ((await hasPictures(path)) ?? !SOUND_NAME.test(name)) ? 'video' : 'file';
}
