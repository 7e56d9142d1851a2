/** A text without the mark that editors of Windows put before it. */
export function withoutBom(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** A value without the blanks and quotes that files of variables put around it: Docker reads them with the quotes and all. */
export function withoutQuotes(text: string): string {
  return text.trim().replace(/^(['"])(.*)\1$/, '$2');
}
