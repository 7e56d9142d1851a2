/** Computes the md5 of a file while another thread writes it. See running-md5.ts. */
import { createHash } from 'node:crypto';
import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

const md5 = createHash('md5');
const buffer = Buffer.allocUnsafeSlow(256 * 1024);
let position = 0;

parentPort.on('message', ({ writtenBytes, isAll }) => {
  while (position < writtenBytes) {
    const read = readSync(
      workerData.fd,
      buffer,
      0,
      Math.min(buffer.length, writtenBytes - position),
      position,
    );
    if (read === 0) throw new Error('the file has become shorter');
    md5.update(buffer.subarray(0, read));
    position += read;
  }
  if (isAll) parentPort.postMessage(md5.digest('hex'));
});
