import { constants } from 'node:fs';
import { copyFile, link, lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TurnFolders } from '../../agents/port/port.ts';
import { limitTurn } from '../../agents/port/turn-end.ts';
import { isShortage, reasonOf } from '../../core/errors.ts';
import { plainFileName } from '../../core/file-name.ts';
import type { Log } from '../../core/log.ts';
import type { MediaSource } from '../../core/message/media.ts';
import type { Attachment, Turn } from '../../core/message/message.ts';
import { decodeRaw, type Inbound, readInbound } from '../../ilink/message/inbound.ts';
import { typeByName } from '../../media/kind/type-by-name.ts';
import type { Inbox } from '../../store/port/port.ts';
import { sweepMediaCache, sweepSessions } from './cache-sweep.ts';
import { type CacheResult, cacheName, createMediaCache, type MediaFetcher } from './media-cache.ts';
import { isQuoting, quoteOf } from './quotes.ts';
import { createHearing, type SpeechToText } from './transcripts.ts';

/** Longest time for everything that one message brings: 100 MiB on a slow line. */
const FETCH_LIMIT_MS = 5 * 60_000;

/** What turns are given beside the text of their message: its files, and what it quotes. */
export interface Attachments {
  /**
   * The turn with its attachments and its quote, fetched unless the signal is aborted. What cannot be fetched says
   * why in its `error`. A message of nothing but text resolves at once. Rejects only for the store.
   */
  complete(turn: Turn, inbound: Inbound, folders: () => TurnFolders, signal: AbortSignal): Promise<Turn>;
  /** Keeps the cache bounded. */
  sweep(nowMs: number): Promise<void>;
}

/** What {@link createAttachments} is made of. */
export interface AttachmentOptions {
  /** Key of the account in the store. */
  account: string;
  inbox: Pick<Inbox, 'quoted' | 'unfinishedContent' | 'mediaKeys'>;
  /** Folder of the account's media cache. */
  cache: string;
  fetch: MediaFetcher;
  /** Speech to text for voice messages without a transcript; null: none. */
  speechToText: SpeechToText | null;
  /** Where agents find the files: in the folder they are lent, as links, or in the cache. */
  place: 'turn' | 'cache';
  /** Where links lie as long as the sessions of users (see {@link createFolderMaker}). */
  sessions: string;
  log: Log;
  limitMs?: number;
}

/** See {@link Attachments}. */
export function createAttachments(options: AttachmentOptions): Attachments {
  const { account, inbox, log } = options;
  const hear = options.speechToText && createHearing(options.speechToText, log);
  const cache = createMediaCache({
    folder: options.cache,
    fetch: options.fetch,
    keysOf: (md5) => inbox.mediaKeys({ account, md5 }),
    log,
  });

  /**
   * With a transcript the text says it all, and the sound is left on the CDN, as the official client does (protocol 12);
   * unless it is to be heard here.
   */
  function isWanted({ kind, transcript }: MediaSource): boolean {
    return kind !== 'voice' || transcript === null || options.speechToText?.always === true;
  }

  async function complete(
    turn: Turn,
    inbound: Inbound,
    folders: () => TurnFolders,
    signal: AbortSignal,
  ): Promise<Turn> {
    if (inbound.media.length === 0 && !isQuoting(inbound)) return turn;
    const quote = await quoteOf(inbound, { account, user: turn.user }, inbox);
    const limit = limitTurn(signal, options.limitMs ?? FETCH_LIMIT_MS);
    let number = 0;

    async function attach(
      sources: MediaSource[],
      text: string,
    ): Promise<{ text: string; attachments: Attachment[] }> {
      let said = text;
      const attachments: Attachment[] = [];
      // One after the other: a message has one, and a crowd of them must not crowd the line.
      for (const source of sources.filter(isWanted)) {
        const { attachment, cached } = await attachmentOf(source, ++number);
        attachments.push(attachment);
        const { kind, path } = attachment;
        const isHeard = hear && kind === 'voice' && path !== null && cached !== null;
        const heard = isHeard ? await hear(cached, path, signal) : null;
        if (heard?.trim()) said = withHeard(said, source.transcript, heard);
      }
      return { text: said, attachments };
    }

    /** A file as the agent gets it, and where it lies in the cache. */
    async function attachmentOf(
      source: MediaSource,
      n: number,
    ): Promise<{ attachment: Attachment; cached: string | null }> {
      const result = await cache.get(turn.user, source, limit.signal);
      const cached = result.ok ? result.path : null;
      const placed = await placedAs(result, source, n, folders);
      if ('attachment' in placed) return { attachment: { kind: source.kind, ...placed.attachment }, cached };
      const why = limit.signal.aborted ? 'it could not be fetched in time' : placed.error;
      if (!signal.aborted) log.warn(`${source.kind} not fetched: ${why}`, { message: turn.id });
      const { kind, sizeBytes, durationMs } = source;
      const name = nameOf(source);
      return {
        attachment: { kind, path: null, name, mime: null, sizeBytes, durationMs, error: why },
        cached,
      };
    }

    try {
      const own = await attach(inbound.media, turn.text);
      const quoted = quote && { id: quote.id, ...(await attach(quote.media, quote.text)) };
      return { ...turn, ...own, quote: quoted };
    } finally {
      limit.release();
    }
  }

  /** Puts a file where the agent finds it. */
  async function placedAs(
    result: CacheResult,
    source: MediaSource,
    n: number,
    folders: () => TurnFolders,
  ): Promise<{ attachment: Omit<Attachment, 'kind'> } | { error: string }> {
    if (!result.ok) {
      return { error: result.failure === 'too-large' ? `${result.detail} (--max-media)` : result.detail };
    }
    const { mime, sizeBytes, durationMs } = result.file;
    // In the cache the same content may have come under another name.
    const name = nameOf(source) ?? result.file.name;
    let { path } = result;
    if (options.place === 'turn') {
      try {
        path = await placeIn(folders().media, n, name, result.path);
      } catch (error) {
        if (isShortage(error)) throw error;
        return { error: `it cannot be put into the folder of the turn: ${reasonOf(error)}` };
      }
    }
    return {
      attachment: { path, name, mime: mime ?? (await typeByName(name)), sizeBytes, durationMs, error: null },
    };
  }

  /** Names in the cache that messages which still have to run, and what they quote, will ask for. */
  async function needed(): Promise<ReadonlySet<string>> {
    const names = new Set<string>();
    for (const { user, raw } of await inbox.unfinishedContent(account)) {
      const inbound = readInbound(decodeRaw(raw));
      const quote = await quoteOf(inbound, { account, user }, inbox);
      for (const source of [...inbound.media, ...(quote?.media ?? [])]) names.add(cacheName(user, source));
    }
    return names;
  }

  return {
    complete,
    async sweep(nowMs) {
      await sweepMediaCache(options.cache, nowMs, needed);
      await sweepSessions(options.sessions, nowMs);
    },
  };
}

/** What its sender called it, made safe; null: nothing. */
function nameOf({ name }: MediaSource): string | null {
  return name === null ? null : plainFileName(name);
}

/** What was heard in the place of what WeChat has heard, or behind what there is. */
function withHeard(text: string, transcript: string | null, heard: string): string {
  const at = transcript === null ? -1 : text.indexOf(transcript);
  if (transcript !== null && at >= 0) return text.slice(0, at) + heard + text.slice(at + transcript.length);
  return text === '' ? heard : `${text}\n${heard}`;
}

/** Names a file may be given in a folder where others of its name lie. */
const MAX_NAMES = 1_000;

/** Puts a file into a folder, where one of another turn may have its name; returns where. */
async function placeIn(folder: string, n: number, name: string, source: string): Promise<string> {
  for (let k = 1; ; k++) {
    const number = k === 1 ? String(n) : `${n}-${k}`;
    const path = join(folder, plainFileName(`${number}-${name}`) ?? number);
    try {
      await linkOrCopy(source, path);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || k === MAX_NAMES) throw error;
      if (await isSameFile(source, path)) return path;
    }
  }
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one), lstat(other)]);
  return a.ino === b.ino && a.dev === b.dev;
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // Across file systems, or one without links.
    await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
}
