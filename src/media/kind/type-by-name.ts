import { extname } from 'node:path';

/** Texts and their kin, whose content does not show what they are; almost everything else shows it. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  '.txt': 'text/plain',
  '.log': 'text/plain',
  '.md': 'text/markdown',
  '.csv': 'text/csv',
  '.tsv': 'text/tab-separated-values',
  '.html': 'text/html',
  '.htm': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.jsonl': 'application/x-ndjson',
  '.xml': 'application/xml',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.toml': 'application/toml',
  '.svg': 'image/svg+xml',
  '.ics': 'text/calendar',
  '.vcf': 'text/vcard',
  '.srt': 'application/x-subrip',
  '.eml': 'message/rfc822',
};

/** The MIME type that the extension of a name says, for content that shows none; null for one unknown here. */
export function typeByName(name: string): string | null {
  return BY_EXTENSION[extname(name).toLowerCase()] ?? null;
}
