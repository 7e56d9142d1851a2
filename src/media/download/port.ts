import type { Readable } from 'node:stream';
import type { MediaSource } from '../../core/message/media.ts';

/** What downloads need from the wire, what they are asked, and what they come back with. */

/** A CDN as downloads see it; `createCdn` of src/ilink/cdn.ts is one. */
export interface Cdn {
  /** Where a blob can be asked for, the preferred address first, and one of an untrusted host (protocol 5.4, 14). */
  addresses(source: Pick<MediaSource, 'fullUrl' | 'param'>): { urls: string[]; untrusted: string | null };
  /** GETs a blob from byte `from` on, without any token. Resolves when the headers are in; never rejects. */
  open(url: string, options: { from: number; signal: AbortSignal }): Promise<OpenedBlob>;
}

/** The beginning of a CDN's answer. */
export type OpenedBlob =
  /** `body` begins at byte `from` of the blob: 0, or what was asked for where ranges are honoured. Read or destroy it. */
  | { kind: 'open'; from: number; lengthBytes: number | null; body: Readable }
  /** It has said why not. */
  | { kind: 'answered'; status: number; reason: string }
  | { kind: 'failed'; detail: string };

export interface FetchRequest {
  source: MediaSource;
  /** Where the file goes; made, for its owner alone, when it is missing. */
  folder: string;
  /** Name of the file there; null: what its sender called it, made safe, or its kind. Taken names get ` (1)`. */
  name: string | null;
  /** Largest plain size in bytes; 0: any. */
  maxBytes: number;
  /** Keys seen with the same md5, the oldest first: tried before those of `source` (protocol 5.3). */
  knownKeys?: readonly Buffer[];
  /** Also tell an md5 that nothing is to be compared with. */
  wantsMd5?: boolean;
  signal: AbortSignal;
  /** Told as bytes arrive; `totalBytes` null: not known. */
  onProgress?: (doneBytes: number, totalBytes: number | null) => void;
}

/** A file that lies on disk, whole and checked. */
export interface FetchedFile {
  path: string;
  /** The last part of `path`. */
  name: string;
  /** By content; null when the content shows none. */
  mime: string | null;
  sizeBytes: number;
  /** Of the plain content, in hex; null unless the message tells one or it was asked for. */
  md5: string | null;
}

/**
 * Why there is no file. `gone`: not on the CDN any more. `refused`: the CDN says no. `no-address`, `no-key`: the
 * message does not say where it lies, or what opens it. `wrong-key`: none of the keys opens it. `damaged`: not the
 * size or md5 that the message tells, or no ciphertext at all. `too-large`: over `maxBytes`. `disk`: cannot be written.
 */
export type FetchFailure =
  | 'network'
  | 'aborted'
  | 'gone'
  | 'refused'
  | 'no-address'
  | 'no-key'
  | 'wrong-key'
  | 'damaged'
  | 'too-large'
  | 'disk';

/** Why a fetch failed; `detail` is a sentence for people, without a capital at its beginning. */
export interface FailedFetch {
  ok: false;
  failure: FetchFailure;
  detail: string;
  /** Of `disk`: what the system said. */
  cause?: unknown;
}

/** What became of a {@link FetchRequest}. */
export type FetchResult = { ok: true; file: FetchedFile } | FailedFetch;

/** What `createFetcher` of src/media/download/fetch.ts makes. Never rejects; leaves no file unless it resolves with one. */
export type FetchMedia = (request: FetchRequest) => Promise<FetchResult>;
