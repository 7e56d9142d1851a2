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

/** What a server answers with. */
export interface ServedMedia {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** Bytes of anybody as they may be served, never run. `range` is that header: some browsers play nothing without it. */
export function serveMedia(bytes: Buffer, fileName: string | null, range: string | undefined): ServedMedia {
  const head = bytes.toString('latin1', 0, 16);
  const type = MARKS.find(({ marks }) => marks.every(([at, mark]) => head.startsWith(mark, at)))?.type;
  const headers = {
    'content-type': type ?? 'application/octet-stream',
    'content-disposition': `${type ? 'inline' : 'attachment'}; filename*=UTF-8''${encodedName(fileName ?? 'file')}`,
    'content-security-policy': "default-src 'none'; form-action 'none'; frame-ancestors 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
    'accept-ranges': 'bytes',
  };
  const wanted = range === undefined ? null : readRange(range, bytes.length);
  if (wanted === null) return { status: 200, headers, body: bytes };
  const [start, end] = wanted;
  const place = start < end ? `${start}-${end - 1}` : '*';
  return {
    status: start < end ? 206 : 416,
    headers: { ...headers, 'content-range': `bytes ${place}/${bytes.length}` },
    body: bytes.subarray(start, end),
  };
}

/** Where one range begins and where it is over; null for what is no such range, and is ignored. */
function readRange(range: string, size: number): [start: number, end: number] | null {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range) ?? [];
  if (from === '' && to === '') return null;
  if (from === '') return [Math.max(0, size - Number(to)), size];
  if (to !== '' && Number(to) < Number(from)) return null;
  return [Number(from), Math.min(size, to === '' ? size : Number(to) + 1)];
}

/** A name of anybody as RFC 8187 writes it: no quotes, no line ends, nothing that is no Unicode. */
export function encodedName(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
