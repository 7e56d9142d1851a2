import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PAGE_HEADERS } from './page-headers.ts';

declare const __PAGES__: string | undefined;

/** Where the build puts pages, seen from this file as built or from its source. */
const PAGES = new URL(typeof __PAGES__ === 'string' ? __PAGES__ : '../../../dist/', import.meta.url);

/** A file of a page, ready to be sent. */
export interface PageFile {
  body: Buffer;
  /** The body for who takes gzip. */
  gzipped: Buffer;
  headers: Record<string, string>;
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const HEADERS = {
  ...PAGE_HEADERS,
  'permissions-policy': 'microphone=(self), camera=(), geolocation=()',
};

/** The files of a built page: its document is `/`, the others are below `/page/`. Empty when it is not built. */
export async function readPage(page: 'phone' | 'web-page'): Promise<ReadonlyMap<string, PageFile>> {
  const folder = new URL(`${page}/`, PAGES);
  const names = await readdir(folder).catch(() => []);
  const entries = names.map(async (name): Promise<[string, PageFile]> => {
    const isDocument = name === 'index.html';
    const headers = {
      ...HEADERS,
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      'cache-control': isDocument ? 'no-cache' : 'public, max-age=31536000, immutable',
    };
    const body = await readFile(new URL(name, folder));
    return [isDocument ? '/' : `/page/${name}`, { body, gzipped: gzipSync(body), headers }];
  });
  return new Map(await Promise.all(entries));
}
