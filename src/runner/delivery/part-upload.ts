import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Claim, Outbox, PartView, UploadView, Verdict } from '../../store/port/port.ts';
import type { Uploader, UploadProgress } from './uploader.ts';

/** A third of the time a claim is good for (design 4). */
const RENEW_EVERY_MS = 20_000;
/** How often it is noted how far an upload is. */
const NOTE_EVERY_MS = 500;

/**
 * The step of a delivery that puts the file of a claimed part onto the CDN. null when the signal cut it, or the login
 * turned out to be dead: then the part is given back.
 */
export type PartUpload = (
  claim: Extract<Claim, { kind: 'upload' }>,
  signal: AbortSignal,
) => Promise<Verdict | null>;

/** Told how far the upload of a part is; null: it is over, whatever came of it. */
export type UploadNews = (seq: number, progress: UploadView['progress']) => void;

/** See {@link PartUpload}. */
export function createPartUpload(options: {
  account: string;
  outbox: Pick<Outbox, 'renewLease' | 'returnPart' | 'settleUpload' | 'recordUpload'>;
  uploader: Uploader;
  onUpload?: UploadNews;
  clock: Clock;
  log: Log;
  /** Told of the verdict on a file that was refused. */
  report: (parts: readonly PartView[], budgetLeft: number) => void;
  onExpired: () => void;
  onError: (error: unknown) => void;
}): PartUpload {
  const { account, outbox, clock } = options;

  /** An upload may take longer than a claim is good for. */
  async function renew(user: string, over: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(RENEW_EVERY_MS, over);
      if (over.aborted) return;
      await outbox.renewLease({ account, user, nowMs: clock.now() });
    }
  }

  /** Has the store know how far it is, for a `send` beside this process; every note is a write. */
  function takeNotes(seq: number, over: AbortSignal): UploadProgress {
    let latest: UploadView['progress'] = null;
    const note = (): void => {
      // A store that fails is heard of by what must not be lost.
      if (latest) outbox.recordUpload({ account, seq, ...latest }).catch(() => {});
      latest = null;
    };
    const noteAgain = async (): Promise<void> => {
      for (;;) {
        await clock.sleep(NOTE_EVERY_MS, over);
        if (over.aborted) return;
        note();
      }
    };
    let isBegun = false;
    return (sentBytes, totalBytes) => {
      latest = { sentBytes, totalBytes };
      options.onUpload?.(seq, latest);
      if (sentBytes === totalBytes) note();
      if (!isBegun) void noteAgain();
      isBegun = true;
    };
  }

  return async ({ file, user, seq }, signal) => {
    const over = new AbortController();
    void renew(user, over.signal).catch(options.onError);
    const onProgress = takeNotes(seq, over.signal);
    const result = await options.uploader.upload(file, user, signal, onProgress).finally(() => {
      over.abort();
      options.onUpload?.(seq, null);
    });
    if (result.kind === 'expired' || result.kind === 'stopped') {
      await outbox.returnPart({ account, seq });
      if (result.kind === 'expired') options.onExpired();
      return null;
    }
    const verdict = await outbox.settleUpload({ account, seq, result, nowMs: clock.now() });
    if (result.kind === 'retry') options.log.debug(`upload: ${result.detail}; once more`, { part: seq });
    if (result.kind === 'refused') options.report([verdict.part], verdict.budgetLeft);
    return verdict;
  };
}
