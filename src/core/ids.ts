import { hash, randomUUID } from 'node:crypto';

/** A fresh UUID: sessions and runs (`run_id`, protocol 4.1). */
export function newUuid(): string {
  return randomUUID();
}

/** A fresh `client_id` of an outgoing message: unique per part, repeated unchanged on retries (protocol 4.1). */
export function newClientId(): string {
  return `wxagent:${randomUUID()}`;
}

/** Hex sha256 of the given pieces, each length-prefixed so that no two lists share a digest. */
export function digest(...pieces: string[]): string {
  return digestOf(pieces);
}

/** The same for a list, of any length. */
export function digestOf(pieces: readonly string[]): string {
  return hash('sha256', pieces.map((piece) => `${Buffer.byteLength(piece)}:${piece}`).join(''), 'hex');
}
