import { stat, writeFile } from 'node:fs/promises';
import { basename, isAbsolute, join } from 'node:path';
import type { ReplyPiece } from '../core/message.ts';
import type { TurnContext } from './port.ts';
import { isObject } from './reply-line.ts';
import { cutUtf8 } from './text-bytes.ts';

/** A file of a reply, or what is wrong with it. */
export type ReplyFile = { piece: ReplyPiece } | { bad: string };

const NAME_BYTES = 120;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Turns the `index`-th entry of `files` in a JSON answer into a piece: `{"path"}` as it is,
 * `{"base64"}` written into the reply folder (contract 4). `{"url"}` is not supported yet, and said so.
 */
export async function readReplyFile(
  entry: unknown,
  index: number,
  { folders }: TurnContext,
): Promise<ReplyFile> {
  const where = `files[${index}]`;
  if (!isObject(entry)) return { bad: `${where} is no object` };
  const name = typeof entry.name === 'string' ? safeName(entry.name) : null;
  const sources = ['path', 'url', 'base64'].filter((key) => entry[key] !== undefined);
  if (sources.length !== 1) return { bad: `${where} needs exactly one of path, url and base64` };
  if (typeof entry.path === 'string') {
    const bad = await whyNotReadable(entry.path);
    return bad === null ? { piece: { file: entry.path, name } } : { bad: `${where}: ${bad}` };
  }
  if (typeof entry.base64 === 'string') {
    if (!BASE64.test(entry.base64)) return { bad: `${where}.base64 is no base64` };
    // The index keeps two files of one name apart, and a name like CON from meaning a device.
    const file = join(folders().reply, `${index + 1}-${name ?? 'file'}`);
    await writeFile(file, Buffer.from(entry.base64, 'base64'), { mode: 0o600 });
    return { piece: { file, name } };
  }
  if (typeof entry.url === 'string') return { bad: `${where}: files by url are not supported yet` };
  return { bad: `${where}.${sources[0]} is no string` };
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

/** The last component of a name, fit for every file system; null when nothing is left. */
function safeName(name: string): string | null {
  const base = basename(name.replaceAll('\\', '/'))
    .replace(/[\p{Cc}\p{Surrogate}<>:"|?*]/gu, '_')
    .replace(/^\.+|[. ]+$/g, '');
  if (Buffer.byteLength(base) <= NAME_BYTES) return base || null;
  // What kind of file it is must survive.
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(base)?.[0] ?? '';
  return cutUtf8(base, NAME_BYTES - extension.length).value + extension;
}
