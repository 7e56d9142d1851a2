/** The MIME type that the content of a file shows, whatever its name says; null when it shows none, as texts do. */
export async function contentTypeOf(path: string): Promise<string | null> {
  const { fileTypeFromFile } = await import('file-type');
  return (await fileTypeFromFile(path))?.mime ?? null;
}
