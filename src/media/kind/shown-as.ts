import { open } from 'node:fs/promises';
import type { ShownAs } from '../../core/message/media.ts';
import { contentOf, contentOfHead } from './content-type.ts';
import { hasPictures, type Readable } from './film-tracks.ts';

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

/** Bytes that tell the type of a file. */
const HEAD_BYTES = 64 * 1024;

/** As what the phone shows a file, by its content. Sounds are files: bots' voice bubbles do not appear (protocol 12). */
export async function shownAs(path: string, name: string): Promise<ShownAs> {
  const type = (await contentOf(path))?.mime ?? null;
  return shownAsType(type, name, () => inFile(path, hasPictures));
}

/** The same for bytes that are no file. */
export async function shownAsBytes(bytes: Readable, name: string): Promise<ShownAs> {
  const type = (await contentOfHead(await bytes.readAt(0, HEAD_BYTES)))?.mime ?? null;
  return shownAsType(type, name, () => hasPictures(bytes));
}

async function shownAsType(
  type: string | null,
  name: string,
  isFilm: () => Promise<boolean | null>,
): Promise<ShownAs> {
  if (PICTURES.has(type)) return 'image';
  return FILMS.has(type) && ((await isFilm()) ?? !SOUND_NAME.test(name)) ? 'video' : 'file';
}

/** Opens a file for `work`. */
async function inFile<T>(path: string, work: (content: Readable) => Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    return await work({
      sizeBytes: (await file.stat()).size,
      async readAt(position, length) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
        return buffer.subarray(0, bytesRead);
      },
    });
  } finally {
    await file.close();
  }
}
