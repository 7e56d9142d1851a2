import type { Readable } from 'node:stream';
import { reasonOf, WxError } from '../../core/errors.ts';
import { percentDecoded, wordsDecoded } from '../../core/http/content-disposition.ts';
import type { Body } from './body.ts';
import { HttpError } from './problem.ts';

/** The largest field that is no file, and how many fields and files there may be. */
const MAX_FIELD_BYTES = 1024 * 1024;
const MAX_FIELDS = 20;
const MAX_FILES = 20;

/** Whether a body is a form with files. */
export function isMultipart({ headers }: Pick<Body, 'headers'>): boolean {
  return /^multipart\/form-data\s*;/i.test(headers['content-type'] ?? '');
}

/** Reads a form: its fields, and as streams the files of those that `isFile` names. Throws `400`, or as `onFile`. */
export async function readForm(
  incoming: Body,
  onFile: (file: Readable, name: string | null) => Promise<void>,
  isFile: (field: string) => boolean = (field) => field === 'file',
): Promise<Record<string, string>> {
  const { default: Busboy } = await import('@fastify/busboy');
  const fields: Record<string, string> = {};
  /** Files that are being read, one after the other. */
  const open = new Set<Readable>();
  let files: Promise<void> = Promise.resolve();
  let hasFailed = false;
  const limits = { fieldSize: MAX_FIELD_BYTES, fields: MAX_FIELDS, files: MAX_FILES, fieldNameSize: 100 };
  let form: InstanceType<typeof Busboy.Busboy>;
  try {
    form = new Busboy.Busboy({ headers: incoming.headers as { 'content-type': string }, limits });
  } catch (cause) {
    throw new HttpError(400, 'usage', `the form cannot be read: ${reasonOf(cause)}`, { cause });
  }
  await new Promise<void>((resolve, reject) => {
    const fail = (thrown: unknown): void => {
      hasFailed = true;
      incoming.unpipe(form);
      // Who reads one ends with it, and is waited for: what was kept of it goes.
      for (const stream of open) stream.destroy(new Error('the form was not read to its end'));
      files.then(
        () => reject(thrown),
        () => reject(thrown),
      );
    };
    form.on('field', (name, value, _nameTruncated, isCut) => {
      if (Object.hasOwn(fields, name)) fail(new WxError('usage', `the form has ${name} more than once`));
      else if (isCut) fail(new HttpError(413, 'usage', `${name} is larger than ${MAX_FIELD_BYTES} bytes`));
      else Object.defineProperty(fields, name, { value, enumerable: true, configurable: true });
    });
    form.on('file', (name, stream, filename) => {
      if (!isFile(name)) {
        stream.resume();
        return fail(
          new WxError('usage', `files come as "file", not as ${JSON.stringify(name.slice(0, 80))}`),
        );
      }
      open.add(stream);
      stream.on('error', () => {});
      stream.once('close', () => open.delete(stream));
      files = files.then(async () => {
        if (!hasFailed) await onFile(stream, nameOf(filename));
      });
      files.catch((thrown) => {
        if (!hasFailed) fail(thrown);
      });
    });
    for (const limit of ['filesLimit', 'fieldsLimit', 'partsLimit'] as const)
      form.on(limit, () =>
        fail(new HttpError(413, 'usage', `a form has at most ${MAX_FIELDS} fields and ${MAX_FILES} files`)),
      );
    form.on('error', (cause) =>
      fail(new HttpError(400, 'usage', `the form cannot be read: ${reasonOf(cause)}`, { cause })),
    );
    form.on('finish', () => files.then(resolve, reject));
    incoming.once('error', (cause) => {
      form.destroy();
      fail(
        cause instanceof HttpError ? cause : new HttpError(400, 'usage', 'the form was cut off', { cause }),
      );
    });
    incoming.pipe(form);
  });
  return fields;
}

/** A name of which everything is encoded as in addresses, as aiohttp does it. */
const PERCENT_ENCODED = /^[\w.~-]*(%[0-9a-f]{2}[\w.~-]*)+$/i;

/**
 * The name of a file as it is on the disk. Browsers and curl write quotes and ends of lines in it as `%22`, `%0D` and `%0A`,
 * and nothing else so; other programs encode all of it, in one of two ways.
 */
function nameOf(filename: string | undefined): string | null {
  if (!filename) return null;
  if (PERCENT_ENCODED.test(filename)) return percentDecoded(filename);
  return wordsDecoded(filename) ?? filename.replace(/%(22|0D|0A)/gi, (code) => decodeURIComponent(code));
}
