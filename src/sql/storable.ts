import { WxError } from '../core/errors.ts';
import type { SqlValue } from './statement.ts';

/** A value as it may be bound; others abort the process in SQLite. NUL, which neither database takes, is replaced. */
export function storable(value: SqlValue): SqlValue {
  if (value === null) return null;
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new WxError('internal', `not a storable number: ${value}`);
    return value;
  }
  if (Buffer.isBuffer(value)) return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new WxError('internal', `not a storable value: ${typeof value}`);
}
