/** The least that can fetch, decrypt and store a file: `node bare-download.mjs <url> <file>`. */
import { createDecipheriv } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { get } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { BLOB_KEY } from './blob.mjs';

const [url, file] = process.argv.slice(2);
const response = await new Promise((resolve, reject) => get(url, resolve).on('error', reject));
await pipeline(response, createDecipheriv('aes-128-ecb', BLOB_KEY, null), createWriteStream(file));
process.exit(0);
