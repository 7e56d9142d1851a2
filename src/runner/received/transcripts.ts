import { readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';

/** Speech to text by a command of the user's. */
export interface SpeechToText {
  command: string;
  /** Whether it hears also what WeChat has heard (`--stt-always`). */
  always?: boolean;
  /** What the sound file at a path says; null when the command has failed, which has been logged. */
  transcribe(path: string, signal: AbortSignal): Promise<string | null>;
}

/** What is kept of a sound beside it. */
interface Heard {
  command: string;
  text: string;
}

/** In the folder that a sound has in the cache, and gone with it. */
const HEARD = '.heard.json';

/**
 * Hears the sounds of a cache: each once by each command, since that may take long, and a message may run again or be
 * quoted. `cached` is where the sound lies in the cache, `path` where the command finds it.
 */
export function createHearing(
  { command, transcribe }: SpeechToText,
  log: Log,
): (cached: string, path: string, signal: AbortSignal) => Promise<string | null> {
  return async (cached, path, signal) => {
    const kept = join(dirname(cached), HEARD);
    const before = await readHeard(kept);
    if (before?.command === command) return before.text;
    const text = await transcribe(path, signal);
    if (text === null) return null;
    try {
      await writeFile(`${kept}.new`, JSON.stringify({ command, text } satisfies Heard), { mode: 0o600 });
      await rename(`${kept}.new`, kept);
    } catch (error) {
      log.warn(`what was heard cannot be kept: ${reasonOf(error)}`);
    }
    return text;
  };
}

async function readHeard(path: string): Promise<Heard | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Heard;
  } catch {
    return null; // never heard
  }
}
