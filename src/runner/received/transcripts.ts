import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';

/** Speech to text by the command of `--stt`. */
export interface SpeechToText {
  command: string;
  /** Whether it also transcribes what WeChat has transcribed (`--stt-always`). */
  always?: boolean;
  /** The transcript of a sound file; null if the command has failed, which has been logged. */
  transcribe(path: string, signal: AbortSignal): Promise<string | null>;
}

/** A transcript as it is kept beside its sound file. */
interface Transcript {
  command: string;
  text: string;
}

/** In the folder that the sound file has in the cache, so that it goes with the file. */
const TRANSCRIPT = '.transcript.json';

/** Transcribes sound files of a cache, each once per command. `cached` is the path in the cache, `path` the command's. */
export function createTranscriber(
  { command, transcribe }: SpeechToText,
  log: Log,
): (cached: string, path: string, signal: AbortSignal) => Promise<string | null> {
  return async (cached, path, signal) => {
    const kept = join(dirname(cached), TRANSCRIPT);
    const before = await readTranscript(kept);
    if (before?.command === command) return before.text;
    const text = await transcribe(path, signal);
    if (text === null) return null;
    try {
      await writeFile(`${kept}.new`, JSON.stringify({ command, text } satisfies Transcript), { mode: 0o600 });
      await rename(`${kept}.new`, kept);
    } catch (error) {
      log.warn(`cannot save the transcript: ${reasonOf(error)}`);
    }
    return text;
  };
}

async function readTranscript(path: string): Promise<Transcript | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Transcript;
  } catch {
    return null; // not transcribed yet
  }
}
