import { sanitized } from './printer.ts';

/** Made when it is first needed: that takes longer than to cut a text. */
let segmenter: Intl.Segmenter | undefined;

/** A text on one line, cut to `limit` characters as people count them. */
export function excerpt(text: string, limit: number): string {
  const line = sanitized(text).replace(/\s+/g, ' ').trim();
  if (line.length <= limit) return line;
  segmenter ??= new Intl.Segmenter();
  const characters: string[] = [];
  for (const { segment } of segmenter.segment(line)) {
    characters.push(segment);
    if (characters.length > limit) return `${characters.slice(0, limit - 1).join('')}…`;
  }
  return line;
}
