import type { ChatLanguage } from '../../core/message/language.ts';
import { resendDelayMs } from '../../core/time/backoff.ts';
import type { Database } from '../../sqlite/database.ts';
import type { Outbox, PartView, UploadView, Verdict } from '../port/port.ts';
import { endClaim } from './claim.ts';
import { type Claimant, isLeased } from './lease.ts';
import { OPEN } from './part-states.ts';
import { appendParts, verdictOf } from './parts.ts';

/** Records the progress of the upload of a claimed part; ignored when the part is not being uploaded any more. */
export function recordUpload(
  database: Database,
  input: { account: string; seq: number; sentBytes: number; totalBytes: number },
): void {
  const { account, seq, ...progress } = input;
  database.run(
    "UPDATE parts SET upload_progress = ? WHERE seq = ? AND account = ? AND state = 'uploading'",
    JSON.stringify(progress),
    seq,
    account,
  );
}

/** The running upload to a user. A part that a killed process left `uploading` is none. */
export function runningUpload(
  database: Database,
  { account, user, nowMs }: { account: string; user: string; nowMs: number },
  claimant: Claimant,
): UploadView | null {
  const row = database.one(
    `SELECT seq, upload_progress, lease, lease_until FROM parts JOIN users USING (account, user)
       WHERE account = ? AND user = ? AND ${OPEN} AND +state = 'uploading' ORDER BY seq LIMIT 1`,
    account,
    user,
  );
  if (!row || !isLeased(row, claimant, nowMs)) return null;
  const progress = row.upload_progress as string | null;
  return { seq: row.seq as number, progress: progress === null ? null : JSON.parse(progress) };
}

/** Commits how the upload of a claimed file ended; an uploaded file is queued to be sent. */
export function settleUpload(
  database: Database,
  input: Parameters<Outbox['settleUpload']>[0],
  claimant: string,
): Verdict {
  const { seq, result, nowMs } = input;
  const { part, isOwn } = endClaim(database, input, 'uploading', claimant);
  if (!part || !isOwn) return verdictOf(database, seq, null);
  switch (result.kind) {
    case 'uploaded':
      database.run(
        "UPDATE parts SET state = 'queued', upload = ?, repeats = 0, reason = NULL WHERE seq = ?",
        Buffer.from(result.upload, 'utf8'),
        seq,
      );
      return verdictOf(database, seq, null);
    case 'refused':
      database.run(
        "UPDATE parts SET state = 'refused', reason = ?, finished_at = ? WHERE seq = ?",
        result.reason,
        nowMs,
        seq,
      );
      return withNotice(database, verdictOf(database, seq, null), input);
    case 'retry': {
      const waitMs = resendDelayMs((part.repeats as number) + 1);
      database.run(
        "UPDATE parts SET state = 'queued', repeats = repeats + 1, not_before = ?, reason = ? WHERE seq = ?",
        nowMs + waitMs,
        result.detail,
        seq,
      );
      return verdictOf(database, seq, waitMs);
    }
  }
}

/** Queues a notice about a file that was refused, if it belongs to a reply: the user waits for it. */
function withNotice(
  database: Database,
  verdict: Verdict,
  { noticeOf, nowMs }: Pick<Parameters<Outbox['settleUpload']>[0], 'noticeOf' | 'nowMs'>,
): Verdict {
  const { account, user, message, origin, file }: PartView = verdict.part;
  if (!noticeOf || origin !== 'answer' || file === null) return verdict;
  const row = database.one('SELECT language FROM users WHERE account = ? AND user = ?', account, user);
  const parts = noticeOf(file, (row?.language ?? null) as ChatLanguage | null);
  appendParts(database, { account, user, message, nowMs }, parts);
  return verdict;
}
