import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { plainFileName } from '../../core/file-name.ts';
import { percentDecoded } from '../../core/http/content-disposition.ts';
import type { MissingFile, ReplyPiece } from '../../core/message/message.ts';
import { isObject } from '../../core/object.ts';
import type { TurnContext } from '../port/port.ts';
import { absoluteFile, missingFile } from './outcomes.ts';
import { isGiven } from './reply-line.ts';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** The form in which programs have bytes at hand that were made for a browser. */
const DATA_URL = /^data:[^,]{0,200};base64,/i;

const HINT =
  'a file is {"path": "/..."}, {"url": "https://..."} or {"base64": "..."}, each with a "name" where it has one';

/** A file that was fetched. */
export interface FetchedFile {
  /** What the server calls it; null: it does not say. */
  name: string | null;
}

/** Why a file could not be fetched. */
export type FetchFault = Omit<MissingFile, 'name'>;

/** What files of answers need: the turn, and who fetches those that are named by `url` into a file at `path`. */
export type FileContext = Pick<TurnContext, 'folders'> & {
  /** Resolves with what came, or with what is wrong. Rejects for what this machine is short of. */
  fetchFile(url: string, path: string): Promise<FetchedFile | FetchFault>;
};

/**
 * Turns an entry of the files of a JSON answer, the `index`-th of all, into a piece: `{"path"}` as it is, `{"base64"}`
 * and `{"url"}` as files of the reply folder. A text alone is a path or an address. One that cannot be
 * read costs the answer nothing else. `where` names it.
 */
export async function readReplyFile(
  given: unknown,
  where: string,
  index: number,
  { folders, fetchFile }: FileContext,
): Promise<ReplyPiece> {
  const entry = typeof given === 'string' ? sourceOf(given) : given;
  const name = isObject(entry) && typeof entry.name === 'string' ? plainFileName(entry.name) : null;
  const odd = (detail: string): ReplyPiece => missingFile(name ?? where, 'unreadable', detail, HINT);
  if (!isObject(entry)) return odd(`${where} is no object`);
  const sources = ['path', 'url', 'base64'].filter((key) => isGiven(entry[key]));
  if (sources.length !== 1) return odd(`${where} needs exactly one of path, url and base64`);
  if (typeof entry.path === 'string') return absoluteFile({ file: entry.path, name });
  if (typeof entry.base64 === 'string') {
    const base64 = entry.base64.replace(DATA_URL, '').replace(/\s+/g, '');
    if (!BASE64.test(base64)) return odd(`${where}.base64 is not base64`);
    const file = join(folders().reply, String(index + 1));
    await writeFile(file, Buffer.from(base64, 'base64'), { mode: 0o600 });
    return { file, name: name ?? 'file' };
  }
  if (typeof entry.url === 'string') {
    const url = URL.canParse(entry.url) ? new URL(entry.url) : null;
    if (url === null) return odd(`${where}.url is not a URL`);
    const file = join(folders().reply, String(index + 1));
    const fetched = await fetchFile(url.href, file);
    if ('name' in fetched) {
      const told = fetched.name === null ? null : plainFileName(fetched.name);
      return { file, name: name ?? told ?? nameIn(url) ?? 'file' };
    }
    // A query may hold a key.
    const address = `${url.protocol}//${url.host}${url.pathname}`;
    const detail = `${where}: ${address} cannot be fetched: ${fetched.detail}`;
    return missingFile(name ?? nameIn(url) ?? 'file', fetched.reason, detail);
  }
  return odd(`${where}.${sources[0]} is no string`);
}

/** What a text means that stands for a file. */
export function sourceOf(text: string): Record<string, unknown> {
  if (DATA_URL.test(text)) return { base64: text };
  return /^https?:\/\//i.test(text) ? { url: text } : { path: text };
}

/** The last piece of a path, as people read it. */
function nameIn({ pathname }: URL): string | null {
  return plainFileName(percentDecoded(pathname.split('/').at(-1) ?? ''));
}
