import { expect, test } from 'vitest';
import { typeByName } from '../../../../src/media/kind/type-by-name.ts';

test.each([
  ['notes.txt', 'text/plain'],
  ['run.log', 'text/plain'],
  ['README.MD', 'text/markdown'],
  ['a.csv', 'text/csv'],
  ['a.tsv', 'text/tab-separated-values'],
  ['a.html', 'text/html'],
  ['a.htm', 'text/html'],
  ['a.css', 'text/css'],
  ['a.js', 'text/javascript'],
  ['a.json', 'application/json'],
  ['a.jsonl', 'application/x-ndjson'],
  ['a.xml', 'application/xml'],
  ['a.yaml', 'application/yaml'],
  ['a.yml', 'application/yaml'],
  ['a.toml', 'application/toml'],
  ['a.svg', 'image/svg+xml'],
  ['a.ics', 'text/calendar'],
  ['a.vcf', 'text/vcard'],
  ['a.srt', 'application/x-subrip'],
  ['a.vtt', 'text/vtt'],
  ['a.eml', 'message/rfc822'],
  // Not texts, or texts whose extension means something else: their content tells, or nothing.
  ['a.ts', null],
  ['a.mts', null],
  ['a.tsx', null],
  ['a.rs', null],
  ['a.mp4', null],
  ['a.exe', null],
  ['a.unknown', null],
  ['txt', null],
  ['', null],
])('%j is of the type %j', async (name, type) => {
  expect(await typeByName(name)).toBe(type);
});
