/** Serves ciphertext of any size on loopback: `/<bytes>` is that many plain bytes, encrypted. Prints its port. */
import { createCipheriv } from 'node:crypto';
import { createServer } from 'node:http';
import { BLOB_KEY } from './blob.mjs';

const encrypt = (bytes) => {
  const cipher = createCipheriv('aes-128-ecb', BLOB_KEY, null);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
};
const PIECE_BYTES = 1024 * 1024;
// Blocks are independent of each other, so the same piece can be sent again and again.
const piece = encrypt(Buffer.alloc(PIECE_BYTES, 'abcdefghijklmnopq')).subarray(0, PIECE_BYTES);
const end = encrypt(Buffer.alloc(0));

const server = createServer((request, response) => {
  const sizeBytes = Number(request.url.slice(1));
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes % PIECE_BYTES !== 0) return response.writeHead(404).end();
  response.writeHead(200, { 'content-length': sizeBytes + end.length });
  let left = sizeBytes / PIECE_BYTES;
  const pour = () => {
    while (left > 0) {
      left--;
      if (!response.write(piece)) return void response.once('drain', pour);
    }
    response.end(end);
  };
  pour();
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
