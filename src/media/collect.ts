import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { keepWasmAsItIs, mayTuneProcess } from '../core/v8-flags.ts';

/** Bytes of chunks that may wait to be collected. */
const EVERY_BYTES = 2 * 1024 * 1024;

type Collect = (options: { type: 'minor' }) => void;
let collect: Collect | null = null;

/**
 * What keeps a stream of chunks in constant memory: told of their sizes, it has them collected every few MiB. V8 by
 * itself lets some 35 MiB of them wait, because they lie outside its heap. Measured: no slower, one young
 * collection takes 0.1 ms.
 */
export function createCollector(): (bytes: number) => void {
  // A host of the library keeps its V8 as it is.
  if (!mayTuneProcess()) return () => {};
  keepWasmAsItIs();
  let waitingBytes = 0;
  return (bytes) => {
    waitingBytes += bytes;
    if (waitingBytes < EVERY_BYTES) return;
    waitingBytes = 0;
    collect ??= exposedCollector();
    collect({ type: 'minor' });
  };
}

/** V8's collector, which only a new context shows once it is exposed. */
function exposedCollector(): Collect {
  setFlagsFromString('--expose-gc');
  const exposed = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return exposed;
}
