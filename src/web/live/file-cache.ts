import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ErrorKind, WxError } from '../../core/errors.ts';
import { after } from '../../core/time/clock.ts';
import type { FetchedFile, FetchFailure, FetchResult } from '../../media/download/port.ts';

/** How long a file stays that nobody reads: a player asks for one piece after the other. */
const KEPT_MS = 2 * 60_000;

const KINDS: Readonly<Record<FetchFailure, ErrorKind>> = {
  network: 'network',
  aborted: 'cancelled',
  gone: 'not-found',
  refused: 'data',
  'no-address': 'data',
  'no-key': 'data',
  'wrong-key': 'data',
  damaged: 'data',
  'too-large': 'data',
  disk: 'storage',
};

/** Files that users sent, fetched and decrypted, for as long as somebody reads them. */
export interface FileCache {
  /** The file of this name; `fetch` brings it into a folder if it is not there. Throws WxError when it cannot. */
  take(
    name: string,
    fetch: (folder: string, signal: AbortSignal) => Promise<FetchResult>,
  ): Promise<FetchedFile>;
  close(): Promise<void>;
}

interface Kept {
  folder: string;
  file: Promise<FetchedFile>;
  callOff: () => void;
}

/** Makes an empty cache, in the folder of the system for what passes. */
export function createFileCache(): FileCache {
  const kept = new Map<string, Promise<Kept>>();
  const stop = new AbortController();

  async function put(name: string, fetch: Parameters<FileCache['take']>[1]): Promise<Kept> {
    const folder = await mkdtemp(join(tmpdir(), 'wxagent-web-'));
    const file = fetch(folder, stop.signal).then((result) => {
      if (result.ok) return result.file;
      throw new WxError(KINDS[result.failure], result.detail, { cause: result.cause });
    });
    file.catch(() => void remove(name));
    return { folder, file, callOff: () => {} };
  }

  async function remove(name: string): Promise<void> {
    const entry = kept.get(name);
    kept.delete(name);
    if (!entry) return;
    const { folder, callOff } = await entry;
    callOff();
    await rm(folder, { recursive: true, force: true });
  }

  return {
    async take(name, fetch) {
      const entry = kept.get(name) ?? put(name, fetch);
      kept.set(name, entry);
      const one = await entry;
      one.callOff();
      const file = await one.file;
      one.callOff();
      one.callOff = after(KEPT_MS, () => void remove(name).catch(() => {}));
      return file;
    },
    async close() {
      stop.abort();
      await Promise.all([...kept.keys()].map(remove));
    },
  };
}
