import { pipeline, Readable, type Transform } from 'node:stream';

/** The encodings in which a body may come although `identity` is asked for: gateways compress by themselves. */

/** Asks for bodies as they are; to be sent with every request. */
export const PLAIN_ENCODING = { 'accept-encoding': 'identity' } as const;

/** Why a body has no plain form. `broken`: it is cut, or none of the encoding that it names. */
export type EncodingFault = 'unknown' | 'broken' | 'too-large';

/** A body whose encoding cannot be undone; its message is a sentence's end, such as "the body is no gzip". */
export class EncodingError extends Error {
  override readonly name = 'EncodingError';
  readonly fault: EncodingFault;

  constructor(fault: EncodingFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 0x08]);
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const MAGIC_BYTES = 4;

/** More than one server has ever put around a body. */
const MAX_LAYERS = 4;

/**
 * The chunks of a body in plain form, made as they are read: who stops reading stops the decoding, so a small body that
 * swells is bounded by its reader. `encoding` is the header `content-encoding`; a body that only names gzip or zstd and
 * is none goes through as it is, as one does whose encoding somebody has undone and left named. With `guess`, one that
 * names nothing and begins as gzip or zstd is decoded too: for text, which never begins so.
 * Throws {@link EncodingError}, or what `chunks` throws.
 */
export async function* plainChunks(
  chunks: AsyncIterable<Uint8Array>,
  encoding: string | undefined,
  { guess = false } = {},
): AsyncGenerator<Buffer, void, undefined> {
  const named = namesOf(encoding);
  if (named.length > MAX_LAYERS) throw unknown(encoding);
  const source = chunks[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  try {
    let isOver = false;
    while (!isOver && head.length < MAGIC_BYTES) {
      const { done, value } = await source.next();
      isOver = done === true;
      if (value) head = Buffer.concat([head, value]);
      // A body that is as it was asked for does not wait for its fourth byte.
      if (named.length === 0 && !(guess && mayBeMagic(head))) break;
    }
    if (head.length === 0) return;
    const decoders = await decodersOf(named, head, guess);
    if (decoders === null) throw unknown(encoding);
    const whole = rest(head, source);
    if (decoders.length === 0) yield* whole;
    else yield* decoded(whole, decoders, encoding ?? 'compressed');
  } finally {
    await source.return?.();
  }
}

/** A whole body in plain form, of at most `maxBytes`. Throws {@link EncodingError}. */
export async function plainBody(
  body: Buffer,
  encoding: string | undefined,
  maxBytes: number,
): Promise<Buffer> {
  const plain: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of plainChunks(Readable.from([body]), encoding, { guess: true })) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes)
      throw new EncodingError('too-large', `the body is longer than ${maxBytes} bytes`);
    plain.push(chunk);
  }
  return plain.length === 1 && plain[0] ? plain[0] : Buffer.concat(plain);
}

/** Whether a body in these first bytes is to be decoded at all: most are not, and need no stream. */
export function isEncoded(body: Uint8Array, encoding: string | undefined): boolean {
  return namesOf(encoding).length > 0 || guessOf(body) !== null;
}

function namesOf(encoding = ''): string[] {
  return encoding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim().replace(/^x-/, ''))
    .filter((name) => name !== '' && name !== 'identity' && name !== 'none');
}

/** What undoes the encodings, the last one applied first; null for one that nobody here knows. */
async function decodersOf(
  named: readonly string[],
  head: Buffer,
  guess: boolean,
): Promise<Transform[] | null> {
  const names = [...named].reverse();
  if (names.length === 0) {
    const guessed = guess ? guessOf(head) : null;
    if (guessed === null) return [];
    names.push(guessed);
  }
  // Hardly anybody needs it.
  const { default: zlib } = await import('node:zlib');
  // Node has it from 22.15 on.
  const { createZstdDecompress } = zlib as typeof zlib & { createZstdDecompress?: () => Transform };
  const decoders: Transform[] = [];
  for (const [layer, name] of names.entries()) {
    // Only of the outermost the bytes are at hand.
    const outer = layer === 0 ? head : null;
    if (name === 'gzip') {
      if (!outer || startsWith(outer, GZIP_MAGIC)) decoders.push(zlib.createGunzip());
    } else if (name === 'deflate') {
      // Some servers take the name by its word and leave out the frame of zlib.
      const isRaw = outer !== null && !isZlib(outer);
      decoders.push(isRaw ? zlib.createInflateRaw() : zlib.createInflate());
    } else if (name === 'br') {
      decoders.push(zlib.createBrotliDecompress());
    } else if (name === 'zstd' && createZstdDecompress) {
      if (!outer || startsWith(outer, ZSTD_MAGIC)) decoders.push(createZstdDecompress());
    } else return null;
  }
  return decoders;
}

async function* decoded(
  whole: AsyncIterable<Uint8Array>,
  decoders: Transform[],
  encoding: string,
): AsyncGenerator<Buffer, void, undefined> {
  let failure: unknown = null;
  const source = Readable.from(whole, { objectMode: false });
  source.on('error', (error) => {
    failure ??= error;
  });
  // Errors come out of the last stream, which is read below.
  const plain = pipeline([source, ...decoders], () => {}) as unknown as Transform;
  try {
    yield* plain;
  } catch (error) {
    throw failure ?? new EncodingError('broken', `the body is not a complete ${encoding}`, error);
  } finally {
    plain.destroy();
    source.destroy();
  }
}

async function* rest(
  head: Buffer,
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Buffer, void, undefined> {
  yield head;
  for (;;) {
    const { done, value } = await source.next();
    if (done) return;
    yield Buffer.isBuffer(value) ? value : Buffer.from(value);
  }
}

function guessOf(head: Uint8Array): 'gzip' | 'zstd' | null {
  if (startsWith(head, GZIP_MAGIC)) return 'gzip';
  return startsWith(head, ZSTD_MAGIC) ? 'zstd' : null;
}

function mayBeMagic(head: Uint8Array): boolean {
  return [GZIP_MAGIC, ZSTD_MAGIC].some((magic) => startsWith(magic, head.subarray(0, magic.length)));
}

function startsWith(bytes: Uint8Array, magic: Uint8Array): boolean {
  return bytes.length >= magic.length && magic.every((byte, index) => bytes[index] === byte);
}

/** The two bytes before a zlib stream: method 8, and a multiple of 31 (RFC 1950). */
function isZlib([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}

function unknown(encoding: string | undefined): EncodingError {
  return new EncodingError('unknown', `the body is ${encoding}, which is not understood here`);
}
