import { Readable } from 'node:stream';
import { isEncoded, PLAIN_ENCODING, plainChunks } from '../core/http/content-encoding.ts';
import type { MediaSource } from '../core/message/media.ts';
import { percentEncoded } from '../core/text-bytes.ts';
import { endpointUrl, type HostTrust } from './hosts.ts';
import { headerOf } from './http/http.ts';
import type { Transport } from './http/transport.ts';

/** Longest wait for an answer of the CDN, and for the next bytes of a blob (protocol 1.4). */
const TIMEOUT_MS = 60_000;
/** How much of a refusal is read, and how much of that is told. */
const REASON_BYTES = 4_096;
const REASON_CHARS = 200;

/** What a CDN has answered so far. */
type Opened =
  | { kind: 'open'; from: number; lengthBytes: number | null; body: Readable }
  | { kind: 'answered'; status: number; reason: string }
  | { kind: 'failed'; detail: string };

/** The downloads of one CDN, as src/media/download/port.ts wants them (protocol 5.4). No token goes to it, ever. */
export function createCdn(options: { transport: Transport; trust: HostTrust; cdnUrl: string }) {
  const { transport, trust, cdnUrl } = options;
  return {
    addresses({ fullUrl, param }: Pick<MediaSource, 'fullUrl' | 'param'>) {
      const made =
        param && `${endpointUrl(cdnUrl, 'download')}?encrypted_query_param=${percentEncoded(param)}`;
      const named = [fullUrl, made].filter((url) => url !== null && URL.canParse(url)) as string[];
      const urls = named.filter((url) => trust.isTrusted(new URL(url)));
      const untrusted = named.find((url) => !urls.includes(url));
      return {
        urls: [...new Set(urls)],
        untrusted: untrusted === undefined ? null : new URL(untrusted).host,
      };
    },

    async open(url: string, { from, signal }: { from: number; signal: AbortSignal }): Promise<Opened> {
      const opened = await transport.open({
        url,
        headers: { ...PLAIN_ENCODING, ...(from > 0 && { range: `bytes=${from}-` }) },
        timeoutMs: TIMEOUT_MS,
        signal,
      });
      if (!opened.ok) return { kind: 'failed', detail: opened.detail };
      const { status, body } = opened;
      const encoding = headerOf(opened, 'content-encoding');
      const isPacked = isEncoded(Buffer.alloc(0), encoding);
      if (isPacked && status === 206 && from > 0) {
        // A range of what was packed is none of the blob.
        discard(body);
        return this.open(url, { from: 0, signal });
      }
      const begins = status === 206 ? beginOf(headerOf(opened, 'content-range')) : 0;
      if ((status === 200 || status === 206) && begins !== null) {
        if (isPacked)
          return { kind: 'open', from: begins, lengthBytes: null, body: unpacked(body, encoding) };
        const length = Number(headerOf(opened, 'content-length') ?? Number.NaN);
        return { kind: 'open', from: begins, lengthBytes: Number.isNaN(length) ? null : length, body };
      }
      const reason =
        headerOf(opened, 'x-error-message') ??
        (await beginningOf(plainChunks(body, encoding, { guess: true })));
      discard(body);
      return {
        kind: 'answered',
        status,
        reason: reason
          .replace(/\p{Cc}+/gu, ' ')
          .trim()
          .slice(0, REASON_CHARS),
      };
    },
  };
}

/** A body in plain form, though it was to come so (`accept-encoding`). */
function unpacked(body: Readable, encoding: string | undefined): Readable {
  // One that nobody reads is not begun, and ends with this.
  return Readable.from(plainChunks(body, encoding), { objectMode: false }).on('close', () => discard(body));
}

function discard(body: Readable): void {
  body.on('error', () => {}).destroy();
}

/** The first byte of a `Content-Range: bytes 16-31/32`; null when that is unreadable. */
function beginOf(range: string | undefined): number | null {
  const first = /^bytes (\d+)-/.exec(range ?? '')?.[1];
  return first === undefined ? null : Number(first);
}

/** The first bytes of a body as text; as far as they come. */
async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes >= REASON_BYTES) break;
    }
  } catch {
    // What has come is all there is.
  }
  return Buffer.concat(chunks).toString('utf8');
}
