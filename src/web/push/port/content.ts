import type { Readable } from 'node:stream';
import { isObject } from '../../../core/object.ts';
import { utf8Of } from '../../../core/text-bytes.ts';
import type { Body } from '../../api/body.ts';
import { readBytes } from '../../api/input.ts';
import { isMultipart, readForm } from '../../api/multipart.ts';
import { HttpError } from '../../api/problem.ts';

/** The largest body that is no form with files: room for a picture in JSON. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** What a request carries. Clients say wrongly what they send, so what it turns out to be counts as well. */
export interface Content {
  /** The fields of an object in JSON, or of a form; none: it has none. */
  fields: Readonly<Record<string, unknown>>;
  /** The JSON; undefined: it is none. */
  json: unknown;
  /** The body as a text; null: a form with files. */
  text: string | null;
  /** The body as it came; null: a form with files. */
  bytes: Buffer | null;
}

/** A form as it is encoded: some clients send one and do not say so. */
const FORM = /^[\w.-]+=[^&=\s]*(?:&[\w.-]+=[^&=\s]*)*$/;

const NOTHING: Content = { fields: {}, json: undefined, text: '', bytes: Buffer.alloc(0) };

/** Reads a body. `onFile` gets the files of a form. Throws HttpError `400` and `413`. */
export async function readContent(
  incoming: Body,
  onFile: (file: Readable, name: string | null) => Promise<void>,
): Promise<Content> {
  if (isMultipart(incoming))
    return { fields: await readForm(incoming, onFile, () => true), json: undefined, text: null, bytes: null };
  const bytes = await readBytes(incoming, MAX_BODY_BYTES);
  if (bytes.length === 0) return NOTHING;
  const type = (incoming.headers['content-type'] ?? '').trim().toLowerCase();
  const text = decoded(bytes, type);
  const isJson = /^[^;]*[/+]json\s*(;|$)/.test(type);
  const isFields = isForm(type) || (type === '' && FORM.test(text));
  const json = isJson || /^\s*[{[]/.test(text) ? jsonOf(text) : undefined;
  if (isJson && json === undefined)
    throw text.includes('\0')
      ? notUtf8('it looks like UTF-16')
      : new HttpError(400, 'usage', 'the body is not JSON');
  if (json !== undefined && (isJson || isObject(json) || Array.isArray(json)))
    return { fields: isObject(json) ? json : {}, json, text, bytes };
  return { fields: isFields ? formOf(text) : {}, json: undefined, text, bytes };
}

/** Whether a type is that of a form without files, which curl and wget send for any text. */
export function isForm(type: string | undefined): boolean {
  return /^\s*application\/x-www-form-urlencoded/i.test(type ?? '');
}

/** The fields of a form or a query; the first of a name counts. */
export function formOf(text: string | URLSearchParams): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) fields[name] ??= value;
  return fields;
}

/** A field that is a text; a number and a truth value count as one. Null: there is none, or it is blank. */
export function textIn(
  fields: Readonly<Record<string, unknown>>,
  ...names: readonly string[]
): string | null {
  for (const name of names) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (typeof value === 'string' && value.trim() !== '') return value;
  }
  return null;
}

/** The texts of several fields in one; those that are missing are left out. */
export function joinedIn(
  fields: Readonly<Record<string, unknown>>,
  between: string,
  ...names: readonly string[]
): string {
  return names.flatMap((name) => textIn(fields, name) ?? []).join(between);
}

/** A field that is an object, without its own fields if it is none. */
export function objectIn(fields: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return isObject(value) ? value : {};
}

/** The objects of a field that is a list. */
export function objectsIn(
  fields: Readonly<Record<string, unknown>>,
  name: string,
): Record<string, unknown>[] {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The body as a text: UTF-8, UTF-16 that says so by its mark, or what its type names. Throws `400`. */
function decoded(bytes: Buffer, type: string): string {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]+)/.exec(type)?.[1] ?? 'utf-8';
  const [first, second] = bytes;
  const marked =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : null;
  // Some name another charset than the one they write: what is UTF-8 is that.
  const text = marked === null && !charset.startsWith('utf-16') ? utf8Of(bytes) : null;
  if (text !== null) return text;
  const label = marked ?? charset;
  try {
    return new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    throw notUtf8(label === 'utf-8' ? null : `it is no ${label.slice(0, 40)} either`);
  }
}

function notUtf8(more: string | null): HttpError {
  const sentence = more === null ? 'the body is not UTF-8' : `the body is not UTF-8: ${more}`;
  return new HttpError(400, 'usage', sentence, {
    hint: 'name its charset, as in Content-Type: application/json; charset=utf-16le',
  });
}

/** The longest JSON that is read again with its texts mended. */
const MENDED_CHARS = 1_000_000;

/** JSON, also of tools that put texts with line breaks between quotes as they are; undefined: it is none. */
export function jsonOf(text: string): unknown {
  for (const one of [() => text, () => (text.length > MENDED_CHARS ? '' : withEscapes(text))])
    try {
      return JSON.parse(one());
    } catch {
      // The next one, if there is any.
    }
  return undefined;
}

/** Escapes control characters between quotes. */
function withEscapes(text: string): string {
  let escaped = '';
  let from = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) isQuoted = !isQuoted;
    else if (code === 0x5c) at++;
    else if (isQuoted && code < 0x20) {
      escaped += `${text.slice(from, at)}\\u${code.toString(16).padStart(4, '0')}`;
      from = at + 1;
    }
  }
  return escaped + text.slice(from);
}
