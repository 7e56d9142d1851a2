/** The key to everything that blob-server.mjs serves. */
export const BLOB_KEY = Buffer.alloc(16, 1);
