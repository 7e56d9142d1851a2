import { wavHeader } from './wav-header.ts';

/** Both ways between the sound of a browser and that of phones: small recordings, in memory. */

const SAMPLE_RATE = 24_000;
/** A minute is the longest voice message of a phone; whoever stops a recording then is a little late. */
const LONGEST_SECONDS = 62;
/** What may stand in a WAV file beside the sound. */
const HEADERS_BYTES = 4_096;
const LONGEST_BYTES = 16 * 1024 * 1024;

/** Voice as phones send it. */
export interface Silk {
  bytes: Uint8Array;
  durationMs: number;
}

/** A WAV recording as SILK; null when it is none that a phone could send: another format, or more than a minute. */
export async function silkOf(wav: Buffer): Promise<Silk | null> {
  const { encode, getWavFileInfo, isWav } = await import('silk-wasm');
  if (!isWav(wav)) return null;
  try {
    // Asked first: a second of sound takes the encoder tens of milliseconds.
    const { fmt } = getWavFileInfo(wav);
    if (!(wav.length <= LONGEST_SECONDS * fmt.bytesPerSec + HEADERS_BYTES)) return null;
    const { data, duration } = await encode(wav, 0);
    return { bytes: data, durationMs: Math.round(duration) };
  } catch {
    return null;
  }
}

/** SILK as WAV; null when it is none. */
export async function wavOf(silk: Buffer): Promise<Buffer | null> {
  const { decode, isSilk } = await import('silk-wasm');
  if (silk.length > LONGEST_BYTES || !isSilk(silk)) return null;
  try {
    const { data } = await decode(silk, SAMPLE_RATE);
    return Buffer.concat([wavHeader(data.length, SAMPLE_RATE), data]);
  } catch {
    return null;
  }
}
