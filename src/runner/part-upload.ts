import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Claim, PartView, Store, Verdict } from '../store/port.ts';
import type { Uploader } from './upload.ts';

/** A third of the time a claim is good for (design 4). */
const RENEW_EVERY_MS = 20_000;

/**
 * The step of a delivery that puts the file of a claimed part onto the CDN. null when the signal cut it, or the login
 * turned out to be dead: then the part is given back.
 */
export type PartUpload = (
  claim: Extract<Claim, { kind: 'upload' }>,
  signal: AbortSignal,
) => Promise<Verdict | null>;

/** See {@link PartUpload}. */
export function createPartUpload(options: {
  account: string;
  store: Pick<Store, 'renewLease' | 'returnPart' | 'settleUpload'>;
  uploader: Uploader;
  clock: Clock;
  log: Log;
  /** Told of the verdict on a file that was refused. */
  report: (parts: readonly PartView[], budgetLeft: number) => void;
  onExpired: () => void;
  onError: (error: unknown) => void;
}): PartUpload {
  const { account, store, clock } = options;

  /** An upload may take longer than a claim is good for. */
  async function renew(user: string, over: AbortSignal): Promise<void> {
    for (;;) {
      await clock.sleep(RENEW_EVERY_MS, over);
      if (over.aborted) return;
      await store.renewLease({ account, user, nowMs: clock.now() });
    }
  }

  return async ({ file, user, seq }, signal) => {
    const over = new AbortController();
    void renew(user, over.signal).catch(options.onError);
    const result = await options.uploader.upload(file, user, signal).finally(() => over.abort());
    if (result.kind === 'expired' || result.kind === 'stopped') {
      await store.returnPart({ account, seq });
      if (result.kind === 'expired') options.onExpired();
      return null;
    }
    const verdict = await store.settleUpload({ account, seq, result, nowMs: clock.now() });
    if (result.kind === 'again') options.log.debug(`upload: ${result.detail}; once more`, { part: seq });
    if (result.kind === 'refused') options.report([verdict.part], verdict.budgetLeft);
    return verdict;
  };
}
