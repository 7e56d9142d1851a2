import { rm } from 'node:fs/promises';
import { reasonOf } from '../../core/errors.ts';
import { plainFileName } from '../../core/file-name.ts';
import type { MediaSource } from '../../core/message/media.ts';
import { distinctKeys } from '../../core/message/media-key.ts';
import type { Clock } from '../../core/time/clock.ts';
import { shownSize } from '../../core/units.ts';
import { BLOCK_BYTES, encryptedSize } from '../cipher.ts';
import { type ContentType, contentOf } from '../kind/content-type.ts';
import { createPlainFile } from './decrypting.ts';
import { giveName, openTemporary, type Temporary } from './new-file.ts';
import type { Cdn, FailedFetch, FetchFailure, FetchMedia, FetchRequest, FetchResult } from './port.ts';
import { recoverKey } from './recover-key.ts';
import { transfer } from './transfer.ts';

/** Everything known before the first request. */
interface Plan {
  urls: string[];
  /** Keys in the order they are tried; none: a plain picture. */
  keys: Buffer[];
  limitBytes: number;
  overlong: FailedFetch;
  /** Bytes that have to come; null: the message does not tell. */
  expectedBytes: number | null;
}

/** Fetches media in constant memory into a temporary file, which is named when whole and durable (protocol 5.3, 5.4). */
export function createFetcher(options: {
  cdn: Cdn;
  clock: Clock;
  /** Makes a folder that is missing, and those above it, for this user alone. Throws the system's error. */
  makeFolder(path: string): void;
}): FetchMedia {
  return async (request) => {
    const plan = planOf(request, options.cdn);
    if ('ok' in plan) return plan;
    let temporary: Temporary | null = null;
    try {
      options.makeFolder(request.folder);
      temporary = await openTemporary(request.folder);
      return await fetchInto(temporary, request, plan, options);
    } catch (error) {
      return {
        ...failed('disk', `it cannot be stored in ${request.folder}: ${reasonOf(error)}`),
        cause: error,
      };
    } finally {
      await temporary?.close();
      if (temporary) await rm(temporary.path, { force: true });
    }
  };
}

/** What there is to do, or why that need not be tried. */
function planOf({ source, maxBytes, knownKeys = [] }: FetchRequest, cdn: Cdn): Plan | FailedFetch {
  const { urls, untrusted } = cdn.addresses(source);
  if (urls.length === 0) {
    if (untrusted === null) return failed('no-address', 'the message has no address of the file');
    return failed('no-address', `the file is on ${untrusted}, a host that is not trusted`);
  }
  const keys = source.isPlain ? [] : distinctKeys([...knownKeys, ...source.keys]);
  if (!source.isPlain && keys.length === 0) return failed('no-key', 'the message has no usable key to it');
  const tooLarge = failed('too-large', `it is larger than the ${shownSize(maxBytes)} allowed`);
  if (maxBytes > 0 && (source.sizeBytes ?? 0) > maxBytes) return tooLarge;
  const arriving = (plainBytes: number): number => (source.isPlain ? plainBytes : encryptedSize(plainBytes));
  if (source.sizeBytes !== null) {
    const overlong = failed(
      'damaged',
      `it is longer than the ${source.sizeBytes} bytes that the message tells`,
    );
    const expectedBytes = arriving(source.sizeBytes);
    return { urls, keys, limitBytes: expectedBytes, overlong, expectedBytes };
  }
  const limitBytes = maxBytes > 0 ? arriving(maxBytes) : Number.POSITIVE_INFINITY;
  return { urls, keys, limitBytes, overlong: tooLarge, expectedBytes: null };
}

async function fetchInto(
  temporary: Temporary,
  request: FetchRequest,
  plan: Plan,
  options: { cdn: Cdn; clock: Clock },
): Promise<FetchResult> {
  const { source, folder, maxBytes, signal, onProgress } = request;
  const { path, file } = temporary;
  const { keys, expectedBytes } = plan;
  const wantsMd5 = source.md5 !== null || request.wantsMd5 === true;
  const plain = createPlainFile(file, { key: keys[0] ?? null, wantsMd5 });
  try {
    const moved = await transfer({ ...options, ...plan, signal, onProgress, write: plain.write });
    if (!moved.ok) return moved;
    const encryptedBytes = moved.sizeBytes;
    if (expectedBytes !== null && encryptedBytes < expectedBytes) {
      return failed('damaged', `what the CDN has is cut short: ${encryptedBytes} of ${expectedBytes} bytes`);
    }
    if (keys.length > 0 && (encryptedBytes === 0 || encryptedBytes % BLOCK_BYTES !== 0)) {
      return failed('damaged', `what the CDN has is cut short: ${encryptedBytes} bytes, no whole blocks`);
    }
    const { sizeBytes, md5 } = source;
    const opened = await recoverKey({ file, plain, keys, encryptedBytes, wantsMd5, sizeBytes, md5 });
    if ('ok' in opened) return opened;
    if (maxBytes > 0 && opened.sizeBytes > maxBytes) return plan.overlong;
    await plain.sync();
    await plain.release();
    await temporary.close();
    const content = await contentOf(path);
    const placed = await giveName(path, folder, request.name ?? nameOf(source, content));
    const mime = content?.mime ?? null;
    return { ok: true, file: { ...placed, mime, sizeBytes: opened.sizeBytes, md5: opened.md5 } };
  } finally {
    await plain.release();
  }
}

/** What its sender called it, made safe; else what it is, with the extension of its content. */
function nameOf(source: MediaSource, content: ContentType | null): string {
  const named = source.name === null ? null : plainFileName(source.name);
  return named ?? `${source.kind}${content?.extension ?? ''}`;
}

function failed(failure: FetchFailure, detail: string): FailedFetch {
  return { ok: false, failure, detail };
}
