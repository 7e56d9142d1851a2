import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';

/** The md5 of a file that is being written. */
export interface RunningMd5 {
  /** Told of all bytes in their order. */
  add(plain: Buffer): void;
  /** Told how much of the file has been written. */
  written(writtenBytes: number): void;
  /** The digest in hex, once all of `totalBytes` is written. Rejects when the file cannot be read back. */
  digest(totalBytes: number): Promise<string>;
  /** Resolves when it reads nothing any more; for a digest that nobody wants. */
  end(): Promise<void>;
}

/** Beyond this a thread of its own is worth its start and its memory. */
const HERE_BYTES = 32 * 1024 * 1024;

/** Starts a digest: of a large file beside the main thread, since md5 takes as long as all the rest together. */
export function startMd5(fd: number): RunningMd5 {
  const md5 = createHash('md5');
  let hereBytes = 0;
  let beside: ReturnType<typeof digestBeside> | null = null;
  return {
    add(plain) {
      if (beside) return;
      md5.update(plain);
      hereBytes += plain.length;
      if (hereBytes > HERE_BYTES) beside = digestBeside(fd);
    },
    written: (writtenBytes) => beside?.go(writtenBytes, false),
    async digest(totalBytes) {
      if (!beside) return md5.digest('hex');
      beside.go(totalBytes, true);
      return beside.digest;
    },
    async end() {
      await beside?.worker.terminate();
    },
  };
}

function digestBeside(fd: number) {
  const worker = new Worker(new URL('./md5-worker.js', import.meta.url), {
    workerData: { fd },
    // It holds one buffer; by default it would reserve and touch much more.
    resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 },
  });
  const digest = new Promise<string>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  digest.catch(() => {}); // told by whoever asks for it
  const go = (writtenBytes: number, isAll: boolean): void => worker.postMessage({ writtenBytes, isAll });
  return { worker, digest, go };
}
