import type { Account } from '../../api-client/types.ts';
import { userName } from '../../frame/names.ts';
import { fromNow, nowMs } from '../../frame/time.ts';
import { overviewWords } from './words.ts';

/** A poll is held for some 40 s, and tried again after a failure: after that, something is wrong. */
const LATE_MS = 2 * 60_000;

/** What an account needs a person for. */
export interface Need {
  account: Account;
  /** The worst is 0. */
  rank: number;
  text: string;
  /** The view in which it can be done; null: it is done elsewhere. */
  view: 'login' | 'conversations' | 'outbox' | 'doctor' | null;
}

/** What accounts need a person for, the worst first. */
export function needsOf(accounts: readonly Account[]): Need[] {
  return accounts.flatMap(needsOfOne).sort((a, b) => a.rank - b.rank);
}

/** When a poll of its process was answered last, or, where none was yet, when that began; null: there was neither. */
export function lastSign({ runner, lastPollAt }: Account): { lastMs: number | null; isPolled: boolean } {
  const polledMs = lastPollAt === null ? null : Date.parse(lastPollAt);
  const sinceMs = runner?.since ? Date.parse(runner.since) : null;
  const isPolled = polledMs !== null && (sinceMs === null || polledMs >= sinceMs);
  return { lastMs: isPolled ? polledMs : sinceMs, isPolled };
}

function needsOfOne(account: Account): Need[] {
  const words = overviewWords();
  const { login, runner, inbox, deaf } = account;
  const { lastMs, isPolled } = lastSign(account);
  const isLate = lastMs !== null && nowMs.value - lastMs > LATE_MS;
  const held = account.users
    // What a rate limit holds goes by itself.
    .filter(({ hold }) => hold !== null && hold.reason !== 'throttle')
    .reduce((sum, { hold }) => sum + (hold?.parts ?? 0), 0);
  const needs: Need[] = [];
  if (login === 'expired') needs.push({ account, rank: 0, text: words.logIn, view: 'login' });
  else if (!runner) needs.push({ account, rank: 1, text: words.noRunner, view: null });
  else if (isLate) {
    const ago = fromNow(lastMs);
    needs.push({ account, rank: 2, text: isPolled ? words.late(ago) : words.noPoll(ago), view: 'doctor' });
  }
  if (deaf) needs.push({ account, rank: 2, text: words.deaf(userName(deaf.user)), view: 'conversations' });
  if (inbox.failed > 0)
    needs.push({ account, rank: 3, text: words.failed(inbox.failed), view: 'conversations' });
  if (held > 0) needs.push({ account, rank: 4, text: words.held(held), view: 'outbox' });
  return needs;
}
