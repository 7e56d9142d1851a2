/** Decodes SILK beside the main thread, which its seconds of computing would block. See voice-to-wav.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { decode } from 'silk-wasm';

const { data } = await decode(workerData.silk, workerData.sampleRate);
parentPort.postMessage(data, [data.buffer]);
