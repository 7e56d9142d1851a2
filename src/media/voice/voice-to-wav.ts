import { open, readFile, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { reasonOf, WxError } from '../../core/errors.ts';
import { giveName, openTemporary } from '../download/new-file.ts';
import { WAV_HEADER_BYTES, wavHeader } from './wav-header.ts';

/** Voice messages are SILK v3 behind a byte of Tencent's (protocol 12). Few programs read that, so it becomes WAV. */

/** How the decoder is asked for the sound, as the official client does (protocol 12). */
const SAMPLE_RATE = 24_000;
const BYTES_PER_MS = (SAMPLE_RATE * 2) / 1_000;
const MARK = Buffer.from('#!SILK_V3', 'latin1');
const TENCENT = Buffer.from([0x02]);
/** Ten minutes of the usual 20 ms a packet: ten voice messages. Packets can be tiny, so bytes are no bound. */
const MAX_PACKETS = 30_000;
const MAX_SILK_BYTES = 16 * 1024 * 1024;
const DECODE_LIMIT_MS = 30_000;

/** Whether these first bytes of a file are those of SILK, with Tencent's byte before the mark or without it. */
function isSilk(head: Uint8Array): boolean {
  return markEnd(head) !== null;
}

/** A voice message as WAV. */
export interface WavFile {
  path: string;
  /** The last part of `path`. */
  name: string;
  sizeBytes: number;
  durationMs: number;
}

/**
 * Puts WAV (24 kHz, mono, 16 bit) in the place of the SILK at `path`: the same name with `.wav`, or the next one that
 * is free. null when it is no SILK: then it is better kept as it is. The decoding runs in a thread of its own, which
 * ends with the signal. Throws WxError `data` for SILK that cannot be decoded, which stays.
 */
export async function turnIntoWav(path: string, signal: AbortSignal): Promise<WavFile | null> {
  if (!isSilk(await headOf(path))) return null;
  const pcm = await decodeAside(await readSilk(path), signal);
  const temporary = await openTemporary(dirname(path));
  try {
    await temporary.file.writeFile(wavHeader(pcm.length, SAMPLE_RATE));
    await temporary.file.writeFile(pcm);
    await temporary.close();
    const placed = await giveName(temporary.path, dirname(path), `${basename(path, extname(path))}.wav`);
    await rm(path, { force: true });
    const durationMs = Math.round(pcm.length / BYTES_PER_MS);
    return { ...placed, sizeBytes: WAV_HEADER_BYTES + pcm.length, durationMs };
  } finally {
    await temporary.close();
    await rm(temporary.path, { force: true });
  }
}

/** The whole file in the decoder's form; throws when it would become more sound than any voice message is. */
async function readSilk(path: string): Promise<Buffer> {
  const tooLong = new WxError('data', 'the voice message is too long to be turned into WAV');
  if ((await stat(path)).size > MAX_SILK_BYTES) throw tooLong;
  const bytes = await readFile(path);
  const packets = countPackets(bytes);
  if (packets === 0) throw new WxError('data', 'the voice message is empty');
  if (packets > MAX_PACKETS) throw tooLong;
  // The decoder takes it only with Tencent's byte.
  return bytes[0] === TENCENT[0] ? bytes : Buffer.concat([TENCENT, bytes]);
}

/** Packets behind the mark: each begins with its length in two bytes. */
function countPackets(silk: Buffer): number {
  let packets = 0;
  for (let at = markEnd(silk) ?? silk.length; at + 2 <= silk.length; packets++) {
    const lengthBytes = silk.readInt16LE(at);
    // A negative length is how SILK says that this was all.
    if (lengthBytes < 0 || at + 2 + lengthBytes > silk.length) break;
    at += 2 + lengthBytes;
  }
  return packets;
}

function decodeAside(silk: Buffer, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(DECODE_LIMIT_MS)]);
    const worker = new Worker(new URL('./silk-worker.js', import.meta.url), {
      workerData: { silk, sampleRate: SAMPLE_RATE },
    });
    const end = (): void => {
      limit.removeEventListener('abort', onAbort);
      void worker.terminate();
    };
    const fail = (why: string): void => {
      end();
      reject(new WxError('data', `the voice message cannot be decoded: ${why}`));
    };
    const onAbort = (): void => fail(signal.aborted ? 'stopped' : `not within ${DECODE_LIMIT_MS / 1_000} s`);
    limit.addEventListener('abort', onAbort);
    if (limit.aborted) onAbort();
    worker.once('message', (pcm: Uint8Array) => {
      end();
      resolve(pcm);
    });
    worker.once('error', (error) => fail(reasonOf(error)));
    worker.once('exit', () => fail('its decoder ended'));
  });
}

/** Where the mark ends; null when it is not there. */
function markEnd(bytes: Uint8Array): number | null {
  const start = bytes[0] === TENCENT[0] ? 1 : 0;
  const end = start + MARK.length;
  return MARK.equals(bytes.subarray(start, end)) ? end : null;
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
