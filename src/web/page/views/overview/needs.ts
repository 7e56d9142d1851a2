import { fromNow, nowMs } from '../../frame/time.ts';
import type { Account } from '../../server/types.ts';
import { overviewWords } from './words.ts';

/** A poll is held for some 40 s, and tried again after a failure: after that, something is wrong. */
const LATE_MS = 2 * 60_000;

/** What an account needs a person for, the worst first. */
export function needsOf({ login, runner, lastPollAt, inbox, outbox }: Account): string[] {
  const words = overviewWords();
  const polledMs = lastPollAt === null ? null : Date.parse(lastPollAt);
  const needs: string[] = [];
  if (login === 'expired') needs.push(words.logIn);
  else if (!runner) needs.push(words.noRunner);
  else if (polledMs !== null && nowMs.value - polledMs > LATE_MS) needs.push(words.late(fromNow(polledMs)));
  if (inbox.failed > 0) needs.push(words.failed(inbox.failed));
  if (outbox.held > 0) needs.push(words.held(outbox.held));
  return needs;
}
