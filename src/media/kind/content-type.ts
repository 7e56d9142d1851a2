/** What the content of a file shows, whatever its name says. */
export interface ContentType {
  mime: string;
  /** The usual end of such a file's name, with its dot. */
  extension: string;
}

/** What kind of file this is by its content; null when that shows none, as that of texts does. */
export async function contentOf(path: string): Promise<ContentType | null> {
  const { fileTypeFromFile } = await import('file-type');
  return typeOf(await fileTypeFromFile(path));
}

/** The same by the beginning of a file, which says it for everything that a phone shows. */
export async function contentOfHead(head: Uint8Array): Promise<ContentType | null> {
  const { fileTypeFromBuffer } = await import('file-type');
  return typeOf(await fileTypeFromBuffer(head));
}

function typeOf(found: { mime: string; ext: string } | undefined): ContentType | null {
  return found ? { mime: found.mime, extension: `.${found.ext}` } : null;
}
