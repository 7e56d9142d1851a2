import type { Blob, World } from './world.ts';

/** Blobs live in memory; the oldest go first. */
export const BLOB_BYTES_LIMIT = 512 * 1024 * 1024;

/** Puts bytes on the CDN under a parameter. */
export function storeBlob(world: World, param: string, blob: Blob): void {
  world.blobBytes += blob.cipher.length - (world.blobs.get(param)?.cipher.length ?? 0);
  world.blobs.set(param, blob);
  for (const [oldest, { cipher }] of world.blobs) {
    if (world.blobBytes <= BLOB_BYTES_LIMIT || oldest === param) return;
    world.blobs.delete(oldest);
    world.blobBytes -= cipher.length;
  }
}
