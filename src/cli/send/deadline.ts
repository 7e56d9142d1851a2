import type { Clock } from '../../core/time/clock.ts';
import type { UploadView } from '../../store/port/port.ts';

/** How long a command still waits: for `--wait`, and as long again after every step forward. */
export interface Deadline {
  leftMs(): number;
  /** Something has come forward: the next bytes of a file, say. */
  extend(): void;
}

export function createDeadline(clock: Clock, waitMs: number): Deadline {
  let endsAtMs = clock.monotonic() + waitMs;
  return {
    leftMs: () => Math.max(0, endsAtMs - clock.monotonic()),
    extend() {
      endsAtMs = clock.monotonic() + waitMs;
    },
  };
}

/** Extends a deadline while uploads make progress. */
export interface UploadWatch {
  /** How far an upload of this process is; `progress` null: it is over, whatever came of it. */
  update(seq: number, progress: UploadView['progress']): void;
  /** The upload that the store tells of, if any: that of another process. */
  updateStored(view: UploadView | null): void;
  /** Whether the server has all of a file and has yet to answer. */
  isAnswerDue(): boolean;
}

/** Renews `deadline` while files come forward, and once for the answer to each: a try that fails again is no progress. */
export function watchUploads(
  deadline: Deadline,
  shown: (sentBytes: number, totalBytes: number) => void,
): UploadWatch {
  const furthest = new Map<number, number>();
  const answered = new Set<number>();
  let dueSeq: number | null = null;
  let ownSeq: number | null = null;
  let stored: UploadView | null = null;

  function answer(): void {
    if (dueSeq === null) return;
    answered.add(dueSeq);
    dueSeq = null;
    deadline.extend();
  }

  function note(seq: number, progress: UploadView['progress']): void {
    if (dueSeq === seq) answer();
    if (progress === null) return;
    const { sentBytes, totalBytes } = progress;
    shown(sentBytes, totalBytes);
    if (sentBytes === totalBytes && !answered.has(seq)) dueSeq = seq;
    if (sentBytes <= (furthest.get(seq) ?? 0)) return;
    furthest.set(seq, sentBytes);
    deadline.extend();
  }

  return {
    update(seq, progress) {
      ownSeq = progress === null ? null : seq;
      note(seq, progress);
    },
    updateStored(view) {
      if (view !== null && view.seq === ownSeq) return;
      const before = stored;
      stored = view;
      if (before && before.seq !== view?.seq) note(before.seq, null);
      if (view?.progress && view.progress.sentBytes !== before?.progress?.sentBytes)
        note(view.seq, view.progress);
    },
    isAnswerDue: () => dueSeq !== null,
  };
}
