import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isShortage, reasonOf } from '../../core/errors.ts';
import { digest } from '../../core/ids.ts';
import type { Log } from '../../core/log.ts';
import type { MediaSource } from '../../core/message/media.ts';
import { makeFolder } from '../../home/make-folder.ts';
import type { FetchedFile, FetchRequest, FetchResult } from '../../media/download/port.ts';
import type { WavFile } from '../../media/voice/voice-to-wav.ts';

/** What is known of a file of the cache; kept beside it as `.about.json`. */
export interface CachedFile {
  name: string;
  /** By its content; null: unknown. */
  mime: string | null;
  sizeBytes: number;
  durationMs: number | null;
  /** The modification time after the download. Another one means that somebody has written to the file. */
  mtimeMs: number;
}

/** A file of the cache, or why there is none. */
export type CacheResult = { ok: true; path: string; file: CachedFile } | Extract<FetchResult, { ok: false }>;

/** Fetches one file into a folder; see {@link FetchRequest}. */
export type MediaFetcher = (
  request: Pick<FetchRequest, 'source' | 'folder' | 'knownKeys' | 'signal'>,
) => Promise<FetchResult>;

/** Received files of one account, each in a folder named after its md5 or address: none is downloaded twice. */
export interface MediaCache {
  /** A file of a message of this user, downloaded if necessary; SILK as WAV. Rejects only if this machine is short of something. */
  get(user: string, source: MediaSource, signal: AbortSignal): Promise<CacheResult>;
}

const NAME_CHARS = 32;
/** In each folder of the cache. The safe name of a file never begins with a dot. */
export const ABOUT = '.about.json';

/** The name of a file's folder in the cache. The user is part of it: an md5 must not give access to another user's file. */
export function cacheName(user: string, source: MediaSource): string {
  const { md5, param, fullUrl, keys, kind } = source;
  const named =
    md5 === null
      ? ['address', param ?? fullUrl ?? '', ...keys.map((key) => key.toString('hex'))]
      : ['md5', md5];
  return digest(user, kind, ...named).slice(0, NAME_CHARS);
}

/** Makes the cache in a folder, which is made when it is first needed. */
export function createMediaCache(options: {
  folder: string;
  fetch: MediaFetcher;
  /** Keys that came with files of this md5 before. If a file is sent again, only its first key may be right (protocol 5.3). */
  keysOf: (md5: string) => Promise<Buffer[]>;
  log: Log;
}): MediaCache {
  const { folder, fetch, log } = options;

  async function lookUp(entry: string): Promise<CacheResult | null> {
    try {
      const file = JSON.parse(await readFile(join(entry, ABOUT), 'utf8')) as CachedFile;
      const path = join(entry, file.name);
      const { size, mtimeMs } = await stat(path);
      if (size !== file.sizeBytes || mtimeMs !== file.mtimeMs) return null;
      const now = new Date();
      await utimes(join(entry, ABOUT), now, now);
      return { ok: true, path, file };
    } catch {
      return null; // not downloaded, or removed by a sweep
    }
  }

  async function fetchInto(entry: string, source: MediaSource, signal: AbortSignal): Promise<CacheResult> {
    const staging = join(folder, `.${randomUUID()}`);
    try {
      makeFolder(staging);
      const knownKeys = source.md5 === null ? [] : await options.keysOf(source.md5);
      const result = await fetch({ source, folder: staging, knownKeys, signal });
      if (!result.ok && isShortage(result.cause)) throw new Error(result.detail, { cause: result.cause });
      if (!result.ok) return result;
      const file = await describe(result.file, source, signal);
      await writeFile(join(staging, ABOUT), JSON.stringify(file), { mode: 0o600 });
      await rm(entry, { recursive: true, force: true });
      await rename(staging, entry);
      return { ok: true, path: join(entry, file.name), file };
    } catch (error) {
      if (isShortage(error)) throw error;
      return { ok: false, failure: 'disk', detail: `it cannot be kept: ${reasonOf(error)}` };
    } finally {
      await rm(staging, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Describes a file as it is kept: a voice message becomes WAV. */
  async function describe(
    fetched: FetchedFile,
    source: MediaSource,
    signal: AbortSignal,
  ): Promise<CachedFile> {
    const wav = source.kind === 'voice' ? await wavOf(fetched, signal) : null;
    const { path, name } = wav ?? fetched;
    const { size, mtimeMs } = await stat(path);
    return {
      name,
      mime: wav ? 'audio/wav' : fetched.mime,
      sizeBytes: size,
      durationMs: wav?.durationMs ?? source.durationMs,
      mtimeMs,
    };
  }

  async function wavOf({ path }: FetchedFile, signal: AbortSignal): Promise<WavFile | null> {
    const { turnIntoWav } = await import('../../media/voice/voice-to-wav.ts');
    try {
      return await turnIntoWav(path, signal);
    } catch (error) {
      log.warn(`${reasonOf(error)}; passing it on undecoded`);
      return null;
    }
  }

  return {
    async get(user, source, signal) {
      const entry = join(folder, cacheName(user, source));
      return (await lookUp(entry)) ?? (await fetchInto(entry, source, signal));
    },
  };
}
