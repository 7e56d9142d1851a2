import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { WxError } from '../../core/errors.ts';
import type { Body } from './body.ts';
import { HttpError } from './problem.ts';
import { faultOf, type ObjectSchema, type Schema } from './schema.ts';

/** The largest JSON body of a route that names no other. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Deeper than any body of the API. */
const MAX_DEPTH = 20;

/** What a header can carry, and what is no more than a name. */
export const KEY: Schema = { type: 'string', pattern: '^[\\x21-\\x7e]{1,200}$' };

/** The key in a header, such as `Idempotency-Key`; null: there is none. Throws WxError `usage` for one that is none. */
export function keyIn(headers: IncomingHttpHeaders, name: string): string | null {
  const key = headers[name.toLowerCase()];
  if (key === undefined) return null;
  const fault = faultOf(KEY, key, name);
  if (fault !== null) throw new WxError('usage', fault);
  return String(key);
}

/** Reads the query of a request. Throws WxError `usage` for what is not of this form. */
export function readQuery(
  schema: ObjectSchema | undefined,
  given: URLSearchParams,
): Record<string, string | number> {
  const query: Record<string, string | number> = {};
  const { properties = {} } = schema ?? {};
  for (const [name, value] of given) {
    if (Object.hasOwn(query, name)) throw new WxError('usage', `the query has ${name} more than once`);
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const isNumber = property && 'type' in property && property.type === 'integer';
    query[name] = isNumber && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
  }
  const fault = faultOf(schema ?? NOTHING, query, 'the query');
  if (fault !== null) throw new WxError('usage', fault);
  return query;
}

const NOTHING: ObjectSchema = { type: 'object', properties: {}, required: [], additionalProperties: false };

/** Reads the JSON body of a request. Throws what is wrong with it. */
export async function readJson(
  schema: ObjectSchema,
  incoming: IncomingMessage,
  maxBytes = MAX_BODY_BYTES,
): Promise<unknown> {
  if (!/^application\/json\s*(;|$)/i.test(incoming.headers['content-type'] ?? '')) {
    throw new HttpError(415, 'usage', 'the body is not sent as application/json', {
      hint: "curl -H 'Content-Type: application/json'",
    });
  }
  const bytes = await readBytes(incoming, maxBytes);
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new HttpError(400, 'usage', 'the body is not JSON in UTF-8');
  }
  if (isDeeper(body, MAX_DEPTH)) throw new HttpError(400, 'usage', 'the body is nested too deeply');
  const fault = faultOf(schema, body, 'the body');
  if (fault !== null) throw new WxError('usage', fault);
  return body;
}

/** Reads a body that may have so many bytes. Throws `413` for a longer one, and `400` when its sender goes. */
export async function readBytes(incoming: Body, maxBytes: number): Promise<Buffer> {
  const tooLarge = (): HttpError =>
    new HttpError(413, 'usage', `the body is larger than ${maxBytes} bytes`, {
      headers: { connection: 'close' },
    });
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  // Listeners, because an iterator of the stream takes as long as the rest of a small push.
  return new Promise((resolve, reject) => {
    const cutOff = (cause?: unknown): void => {
      settle();
      reject(
        cause instanceof HttpError ? cause : new HttpError(400, 'usage', 'the body was cut off', { cause }),
      );
    };
    const onData = (chunk: Buffer): void => {
      sizeBytes += chunk.length;
      chunks.push(chunk);
      if (sizeBytes <= maxBytes) return;
      settle();
      incoming.pause();
      reject(tooLarge());
    };
    const onEnd = (): void => {
      settle();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    };
    const listeners = [
      ['data', onData],
      ['end', onEnd],
      ['error', cutOff],
      ['close', cutOff],
    ] as const;
    function settle(): void {
      for (const [event, listener] of listeners) incoming.off(event, listener);
    }
    if (incoming.destroyed) return cutOff();
    for (const [event, listener] of listeners) incoming.on(event, listener);
  });
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((one) => isDeeper(one, levels - 1));
}
