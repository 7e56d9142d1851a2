import type { Database, Row } from './database.ts';
import type { NewPart, PartView } from './outbox-port.ts';
import { appendParts, partView } from './parts.ts';

/**
 * Commits what a running turn has said: its parts, and its digest as the `index`-th output of the message, in
 * place of whatever an earlier attempt has there and behind it. Returns the parts that are held from the start.
 */
export function queueOutput(
  database: Database,
  input: {
    account: string;
    seq: number;
    output: { index: number; digest: string };
    parts: readonly NewPart[];
    nowMs: number;
  },
): PartView[] {
  const row = running(database, input);
  if (!row) return [];
  const { index, digest } = input.output;
  const outputs = [...outputsOf(row).slice(0, index), digest];
  database.run(
    'UPDATE inbox SET outputs = ?, said = 1 WHERE seq = ?',
    JSON.stringify(outputs),
    row.seq as number,
  );
  return answer(database, row, input.parts, input.nowMs);
}

/** Commits a notice about a running turn, but not when its user was told anything for this message before. */
export function queueNotice(
  database: Database,
  input: { account: string; seq: number; parts: readonly NewPart[]; nowMs: number },
): PartView[] {
  const row = running(database, input);
  if (!row || row.said === 1) return [];
  database.run('UPDATE inbox SET said = 1 WHERE seq = ?', row.seq as number);
  return answer(database, row, input.parts, input.nowMs);
}

/** Notes that the user was told something for a message from elsewhere: by `send` inside its agent. */
export function noteSaid(database: Database, account: string, id: string): void {
  database.run('UPDATE inbox SET said = 1 WHERE account = ? AND id = ?', account, id);
}

/** Appends parts that answer a message. Returns those that wait behind held ones from the start. */
export function answer(
  database: Database,
  message: Row,
  parts: readonly NewPart[],
  nowMs: number,
): PartView[] {
  const place = {
    account: message.account as string,
    user: message.user as string,
    message: message.id as string,
    nowMs,
  };
  const { seqs, isHeld } = appendParts(database, place, parts);
  return isHeld ? seqs.flatMap((one) => partView(database, one) ?? []) : [];
}

/** The message of a turn that runs: what {@link answer} needs of it, and what it has said. */
export function running(database: Database, input: { account: string; seq: number }): Row | undefined {
  return database.one(
    "SELECT seq, account, id, user, burst, outputs, said FROM inbox WHERE seq = ? AND account = ? AND state = 'running'",
    input.seq,
    input.account,
  );
}

/** The digests of what earlier attempts at a message have queued, in order. */
export function outputsOf(row: Row): string[] {
  return row.outputs === null ? [] : (JSON.parse(row.outputs as string) as string[]);
}
