import { stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { plainFileName } from '../../core/file-name.ts';
import type { ReplyPiece } from '../../core/message/message.ts';
import type { TurnContext } from '../port/port.ts';
import { isGiven, isObject } from './reply-line.ts';

/** A file of a reply, or what is wrong with it. */
export type ReplyFile = { piece: ReplyPiece } | { bad: string };

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** The form in which programs have bytes at hand that were made for a browser. */
const DATA_URL = /^data:[^,]{0,200};base64,/i;

/** What files of answers need: the turn, and who fetches those that are named by `url` into a file at `path`. */
export type FileContext = Pick<TurnContext, 'folders'> & {
  /** Resolves with null, or with what is wrong. */
  fetchFile(url: string, path: string): Promise<string | null>;
};

/**
 * Turns an entry of the files of a JSON answer, the `index`-th of all, into a piece: `{"path"}` as it is, `{"base64"}`
 * and `{"url"}` as files of the reply folder (contract 4). A text alone is a path or an address. `where` names it.
 */
export async function readReplyFile(
  given: unknown,
  where: string,
  index: number,
  { folders, fetchFile }: FileContext,
): Promise<ReplyFile> {
  const entry = typeof given === 'string' ? sourceOf(given) : given;
  if (!isObject(entry)) return { bad: `${where} is no object` };
  const name = typeof entry.name === 'string' ? plainFileName(entry.name) : null;
  const sources = ['path', 'url', 'base64'].filter((key) => isGiven(entry[key]));
  if (sources.length !== 1) return { bad: `${where} needs exactly one of path, url and base64` };
  if (typeof entry.path === 'string') {
    const bad = await whyNotReadable(entry.path);
    return bad === null ? { piece: { file: entry.path, name } } : { bad: `${where}: ${bad}` };
  }
  if (typeof entry.base64 === 'string') {
    const base64 = entry.base64.replace(DATA_URL, '').replace(/\s+/g, '');
    if (!BASE64.test(base64)) return { bad: `${where}.base64 is no base64` };
    const file = join(folders().reply, String(index + 1));
    await writeFile(file, Buffer.from(base64, 'base64'), { mode: 0o600 });
    return { piece: { file, name: name ?? 'file' } };
  }
  if (typeof entry.url === 'string') {
    const url = URL.canParse(entry.url) ? new URL(entry.url) : null;
    if (url === null) return { bad: `${where}.url is no URL` };
    const file = join(folders().reply, String(index + 1));
    const bad = await fetchFile(url.href, file);
    // A query may hold a key.
    if (bad !== null)
      return { bad: `${where}: ${url.protocol}//${url.host}${url.pathname} cannot be fetched: ${bad}` };
    return { piece: { file, name: name ?? nameIn(url) ?? 'file' } };
  }
  return { bad: `${where}.${sources[0]} is no string` };
}

/** What a text means that stands for a file. */
export function sourceOf(text: string): Record<string, unknown> {
  if (DATA_URL.test(text)) return { base64: text };
  return /^https?:\/\//i.test(text) ? { url: text } : { path: text };
}

/** What keeps a file from being sent; null: nothing. */
export async function whyNotReadable(path: string): Promise<string | null> {
  if (!isAbsolute(path)) return `${path} is no absolute path`;
  try {
    return (await stat(path)).isFile() ? null : `${path} is no file`;
  } catch {
    return `${path} cannot be read`;
  }
}

/** The last piece of a path, as people read it. */
function nameIn({ pathname }: URL): string | null {
  const last = pathname.split('/').at(-1) ?? '';
  try {
    return plainFileName(decodeURIComponent(last));
  } catch {
    return plainFileName(last);
  }
}
