import { extname } from 'node:path';

/** Types by their registered names, where the table of the package has none or an older one. */
const OWN_TYPES = {
  'application/x-ndjson': ['jsonl', 'ndjson'],
  'application/x-subrip': ['srt'],
  'application/yaml': ['yaml', 'yml'],
  'text/vcard': ['vcf'],
};

/** Texts, whose content does not show what they are. Everything else shows it, and a name only claims: `.ts` is a video too. */
const TEXT = /^(text\/|message\/|image\/svg\+xml$|application\/(json|xml|yaml|toml|sql|x-ndjson|x-subrip)$)/;

/** The MIME type of a text by the extension of its name, for content that shows none; null for one unknown here. */
export async function typeByName(name: string): Promise<string | null> {
  const { Mime } = await import('mime/lite');
  const { default: standard } = await import('mime/types/standard.js');
  const type = new Mime(standard).define(OWN_TYPES, true).getType(extname(name));
  return type !== null && TEXT.test(type) ? type : null;
}
