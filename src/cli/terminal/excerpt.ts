import { sanitized } from './printer.ts';

/** A text on one line, cut to `limit` characters as people count them. */
export function excerpt(text: string, limit: number): string {
  const line = sanitized(text).replace(/\s+/g, ' ').trim();
  if (line.length <= limit) return line;
  const characters = [...new Intl.Segmenter().segment(line)].map(({ segment }) => segment);
  return characters.length > limit ? `${characters.slice(0, limit - 1).join('')}…` : line;
}
