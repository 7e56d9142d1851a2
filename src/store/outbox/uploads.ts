import type { Database } from '../../sqlite/database.ts';
import type { UploadView } from '../port/port.ts';
import { type Claimant, isLeased } from './lease.ts';
import { OPEN } from './parts.ts';

/** Notes how much of the file of a claimed part has gone up; nothing of one that is claimed no more. */
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

/** The upload to a user that is under way. A part that a killed process has left as it was is not. */
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
