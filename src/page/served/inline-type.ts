/** What a browser may show of itself, by its first bytes: pictures and sound, nothing that could hold a script. */
const MARKS: readonly { type: string; marks: readonly (readonly [at: number, mark: string])[] }[] = [
  { type: 'image/png', marks: [[0, '\x89PNG\r\n\x1a\n']] },
  { type: 'image/jpeg', marks: [[0, '\xff\xd8\xff']] },
  { type: 'image/gif', marks: [[0, 'GIF8']] },
  {
    type: 'image/webp',
    marks: [
      [0, 'RIFF'],
      [8, 'WEBP'],
    ],
  },
  {
    type: 'audio/wav',
    marks: [
      [0, 'RIFF'],
      [8, 'WAVE'],
    ],
  },
  { type: 'audio/mpeg', marks: [[0, 'ID3']] },
  { type: 'audio/mpeg', marks: [[0, '\xff\xfb']] },
  { type: 'audio/ogg', marks: [[0, 'OggS']] },
  { type: 'video/mp4', marks: [[4, 'ftyp']] },
];

/** Headers under which bytes of anybody may be served: shown only if they are what they must be, never run. */
export function mediaHeaders(bytes: Uint8Array, fileName: string | null): Record<string, string> {
  const head = Buffer.from(bytes.subarray(0, 16)).toString('latin1');
  const type = MARKS.find(({ marks }) => marks.every(([at, mark]) => head.startsWith(mark, at)))?.type;
  return {
    'content-type': type ?? 'application/octet-stream',
    'content-disposition': `${type ? 'inline' : 'attachment'}; filename*=UTF-8''${encodedName(fileName ?? 'file')}`,
    'content-security-policy': "default-src 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
  };
}

/** A name of anybody as RFC 8187 writes it: no quotes, no line ends, nothing that is no Unicode. */
function encodedName(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16)}`,
  );
}
