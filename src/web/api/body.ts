import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { EncodingError, isEncoded, plainChunks } from '../../core/http/content-encoding.ts';
import { HttpError } from './problem.ts';

/** What a request carries, and its headers. */
export type Body = Readable & Pick<IncomingMessage, 'headers'>;

/** The most that an encoded body may swell to: a few bytes can become any number. */
const MOST_BYTES = 256 * 1024 * 1024;

/** The body of a request in plain form: senders, and proxies between, compress by themselves. */
export function plainBodyOf(incoming: IncomingMessage): Body {
  const { 'content-encoding': encoding, 'content-length': _, ...headers } = incoming.headers;
  if (encoding === undefined || !isEncoded(Buffer.alloc(0), encoding)) return incoming;
  return Object.assign(Readable.from(decoded(incoming, encoding), { objectMode: false }), { headers });
}

async function* decoded(
  incoming: IncomingMessage,
  encoding: string,
): AsyncGenerator<Buffer, void, undefined> {
  let sizeBytes = 0;
  try {
    // Who stops reading still has an answer to send.
    for await (const chunk of plainChunks(incoming.iterator({ destroyOnReturn: false }), encoding)) {
      sizeBytes += chunk.length;
      if (sizeBytes > MOST_BYTES)
        throw new HttpError(413, 'usage', `the body is larger than ${MOST_BYTES} bytes`);
      yield chunk;
    }
  } catch (cause) {
    if (!(cause instanceof EncodingError)) throw cause;
    throw new HttpError(cause.fault === 'unknown' ? 415 : 400, 'usage', cause.message, { cause });
  }
}
