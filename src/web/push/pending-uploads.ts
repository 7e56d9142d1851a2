import { newUuid } from '../../core/ids.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { PartFile } from '../../store/port/port.ts';
import type { PendingUploads } from './port/dialect.ts';

/** How long an uploaded file waits for its message: the sweep of files without a part comes after an hour. */
const KEPT_MS = 50 * 60_000;
/** Files that all sources may have waiting. */
const MOST_FILES = 200;

/** Files that were uploaded before the message that sends them, as some services have it. They do not survive this process. */
export function createPendingUploads(clock: Pick<Clock, 'monotonic'>): {
  of(source: string): PendingUploads;
} {
  const files = new Map<string, { source: string; file: PartFile; untilMs: number }>();
  return {
    of: (source) => ({
      put(file) {
        const id = newUuid();
        files.set(id, { source, file, untilMs: clock.monotonic() + KEPT_MS });
        if (files.size > MOST_FILES) files.delete(files.keys().next().value as string);
        return id;
      },
      take(id) {
        const found = files.get(id);
        if (found?.source !== source || found.untilMs <= clock.monotonic()) return null;
        files.delete(id);
        return found.file;
      },
    }),
  };
}
