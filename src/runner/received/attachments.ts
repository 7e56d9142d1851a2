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
import { createTranscriber, type SpeechToText } from './transcripts.ts';

/** Longest time for all files of one message: 100 MiB on a slow line. */
const FETCH_LIMIT_MS = 5 * 60_000;

/** Gets the files of messages, and what they quote. */
export interface Attachments {
  /**
   * Completes a turn with its attachments and its quote. The `error` of an attachment says why it could not be fetched.
   * A message of nothing but text resolves at once. Rejects for the store, and if this machine is short of something.
   */
  complete(turn: Turn, inbound: Inbound, folders: () => TurnFolders, signal: AbortSignal): Promise<Turn>;
  /** Removes old files of the cache. */
  sweep(nowMs: number): Promise<void>;
}

/** Options of {@link createAttachments}. */
export interface AttachmentOptions {
  /** Key of the account in the store. */
  account: string;
  inbox: Pick<Inbox, 'quoted' | 'unfinishedContent' | 'mediaKeys'>;
  /** The folder of the account's media cache. */
  cache: string;
  fetch: MediaFetcher;
  /** Speech to text for voice messages without a transcript; null: none. */
  speechToText: SpeechToText | null;
  /** Where agents find the files: as links in the folder of the turn, or in the cache. */
  place: 'turn' | 'cache';
  /** The parent of the folders of sessions (see {@link createFolderMaker}). */
  sessions: string;
  log: Log;
  limitMs?: number;
}

/** See {@link Attachments}. */
export function createAttachments(options: AttachmentOptions): Attachments {
  const { account, inbox, log } = options;
  const transcribe = options.speechToText && createTranscriber(options.speechToText, log);
  const cache = createMediaCache({
    folder: options.cache,
    fetch: options.fetch,
    keysOf: (md5) => inbox.mediaKeys({ account, md5 }),
    log,
  });

  /** A sound file with a transcript is not fetched, as in the official client (protocol 12), but for `--stt-always`. */
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
      let completed = text;
      const attachments: Attachment[] = [];
      // One after the other, so that many files do not share the line.
      for (const source of sources.filter(isWanted)) {
        const { attachment, cached } = await attachmentOf(source, ++number);
        attachments.push(attachment);
        const { kind, path } = attachment;
        const isSound = transcribe && kind === 'voice' && path !== null && cached !== null;
        const transcript = isSound ? await transcribe(cached, path, signal) : null;
        if (transcript?.trim()) completed = withTranscript(completed, source.transcript, transcript);
      }
      return { text: completed, attachments };
    }

    /** A file as the agent gets it, and its path in the cache. */
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
    // The file in the cache may have come under another name.
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

  /** Names in the cache that unfinished messages, and their quotes, will need. */
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

/** The name that its sender gave it, made safe; null: none. */
function nameOf({ name }: MediaSource): string | null {
  return name === null ? null : plainFileName(name);
}

/** Puts a transcript in the place of the one of WeChat, or after the text. */
function withTranscript(text: string, ofWeChat: string | null, transcript: string): string {
  const at = ofWeChat === null ? -1 : text.indexOf(ofWeChat);
  if (ofWeChat !== null && at >= 0) return text.slice(0, at) + transcript + text.slice(at + ofWeChat.length);
  return text === '' ? transcript : `${text}\n${transcript}`;
}

/** Tries for a free name in a folder. */
const MAX_NAMES = 1_000;

/** Puts a file into a folder, under a free name. Returns its path. */
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
