import type { ChatLanguage } from '../../core/message/language.ts';
import { resendDelayMs } from '../../core/time/backoff.ts';
import { sql, unindexed } from '../../sql/dialect.ts';
import { one, run, type Step } from '../../sql/statement.ts';
import type { Outbox, PartView, UploadView, Verdict } from '../port/port.ts';
import { endClaim } from './claim-next-part.ts';
import { OPEN } from './part-states.ts';
import { appendParts, verdictOf } from './parts.ts';
import { type Claimant, isLeased } from './user-lease.ts';

/** Records the progress of the upload of a claimed part; ignored when the part is not being uploaded any more. */
export function* recordUpload(input: Parameters<Outbox['recordUpload']>[0]): Step<void> {
  const { account, seq, ...progress } = input;
  yield* run(
    "UPDATE parts SET upload_progress = ? WHERE seq = ? AND account = ? AND state = 'uploading'",
    ...[JSON.stringify(progress), seq, account],
  );
}

const UPLOADING = sql`SELECT seq, upload_progress, lease, lease_until FROM parts JOIN users USING (account, "user")
  WHERE account = ? AND "user" = ? AND ${OPEN} AND ${unindexed('state')} = 'uploading' ORDER BY seq LIMIT 1`;

/** The running upload to a user. A part that a killed process left `uploading` does not count. */
export function* runningUpload(
  { account, user, nowMs }: Parameters<Outbox['runningUpload']>[0],
  claimant: Claimant,
): Step<UploadView | null> {
  const row = yield* one(UPLOADING, account, user);
  if (!row || !isLeased(row, claimant, nowMs)) return null;
  const progress = row.upload_progress as string | null;
  return { seq: row.seq as number, progress: progress === null ? null : JSON.parse(progress) };
}

/** Commits how the upload of a claimed file ended; an uploaded file is queued to be sent. */
export function* settleUpload(input: Parameters<Outbox['settleUpload']>[0], claimant: string): Step<Verdict> {
  const { seq, result, nowMs } = input;
  const { part, isOwn } = yield* endClaim(input, 'uploading', claimant);
  if (!part || !isOwn) return yield* verdictOf(seq, null);
  switch (result.kind) {
    case 'uploaded':
      yield* run(
        "UPDATE parts SET state = 'queued', upload = ?, repeats = 0, reason = NULL WHERE seq = ?",
        Buffer.from(result.upload, 'utf8'),
        seq,
      );
      return yield* verdictOf(seq, null);
    case 'refused':
      yield* run(
        "UPDATE parts SET state = 'refused', reason = ?, finished_at = ? WHERE seq = ?",
        ...[result.reason, nowMs, seq],
      );
      return yield* withNotice(yield* verdictOf(seq, null), input);
    case 'retry': {
      const waitMs = resendDelayMs((part.repeats as number) + 1);
      yield* run(
        "UPDATE parts SET state = 'queued', repeats = repeats + 1, not_before = ?, reason = ? WHERE seq = ?",
        ...[nowMs + waitMs, result.detail, seq],
      );
      return yield* verdictOf(seq, waitMs);
    }
  }
}

/** Queues a notice about a file that was refused, if it belongs to a reply: the user waits for it. */
function* withNotice(
  verdict: Verdict,
  { noticeOf, nowMs }: Pick<Parameters<Outbox['settleUpload']>[0], 'noticeOf' | 'nowMs'>,
): Step<Verdict> {
  const { account, user, message, origin, file }: PartView = verdict.part;
  if (!noticeOf || origin !== 'answer' || file === null) return verdict;
  const row = yield* one('SELECT language FROM users WHERE account = ? AND "user" = ?', account, user);
  const parts = noticeOf(file, (row?.language ?? null) as ChatLanguage | null);
  yield* appendParts({ account, user, message, nowMs }, parts);
  return verdict;
}
