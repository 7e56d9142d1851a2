import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../core/message/wechat-limits.ts';
import { nextAskTimeMs } from '../core/message/window-keeper.ts';
import { quietHoursShown } from '../core/time/quiet-hours.ts';
import type { Account } from '../home/config-file.ts';
import type { AccountView, DeafSign, UserView } from '../store/port/port.ts';

/** The process that receives an account's messages. */
export interface RunnerView {
  pid: number;
  host: string;
  /** Since when; null, or not given: an earlier version has noted it. */
  sinceMs?: number | null;
}

/** An account as `status --json` and the API show it. `view` null: the store does not know it yet. */
export function accountShown(
  account: Pick<Account, 'id' | 'name' | 'owner'>,
  view: AccountView | null,
  runner: RunnerView | null,
  nowMs: number,
) {
  const keeper = view?.keeper ?? null;
  /** When a user is asked for a word; null: they are not, or were asked. */
  const asksAtMs = (user: string): number | null => {
    const windowEndsAtMs = view?.toAsk.find((one) => one.user === user)?.windowEndsAtMs ?? 0;
    return keeper && windowEndsAtMs > nowMs ? nextAskTimeMs(windowEndsAtMs, keeper, nowMs) : null;
  };
  return {
    id: account.id,
    name: account.name,
    owner: account.owner ?? view?.owner ?? null,
    login: view?.loginExpired ? ('expired' as const) : ('ok' as const),
    runner: runner && { pid: runner.pid, host: runner.host, since: timeShown(runner.sinceMs ?? null) },
    lastPollAt: timeShown(view?.lastPollAtMs ?? null),
    inbox: view?.inbox ?? { received: 0, running: 0, failed: 0, ignored: 0, unknown: 0 },
    outbox: view?.outbox ?? { queued: 0, sending: 0, held: 0, delayed: 0, scheduled: 0 },
    deaf: deafShown(view?.deaf ?? null),
    keepWindow: keeper && { quietHours: quietHoursShown(keeper.quietHours), text: keeper.text },
    users: (view?.users ?? []).map((user) =>
      Object.assign(userShown(user, nowMs), { asksAt: timeShown(asksAtMs(user.user)) }),
    ),
  };
}

/** The sign that an account is deaf, with what the vendor needs to look into it. */
function deafShown(deaf: DeafSign | null) {
  return (
    deaf && {
      ...{ sign: deaf.sign, user: deaf.user, since: timeShown(deaf.sinceMs), count: deaf.count },
      parts: deaf.parts.map(({ seq, clientId, serverId, atMs }) => ({
        ...{ id: String(seq), clientId, messageId: serverId, time: timeShown(atMs) },
      })),
    }
  );
}

/** A user with their budget and their window. */
export function userShown(user: UserView, nowMs: number) {
  const { lastMessageAtMs, sentSinceMessage, hold } = user;
  const windowEndsAtMs = lastMessageAtMs === null ? null : lastMessageAtMs + BUDGET_WINDOW_MS;
  const isOpen = windowEndsAtMs !== null && windowEndsAtMs > nowMs;
  return {
    id: user.user,
    lastMessageAt: timeShown(lastMessageAtMs),
    tokenAgeMs: user.hasToken && lastMessageAtMs !== null ? Math.max(0, nowMs - lastMessageAtMs) : null,
    sentSinceMessage,
    budgetLeft: isOpen ? Math.max(0, BUDGET_MESSAGES - sentSinceMessage) : 0,
    windowEndsAt: timeShown(windowEndsAtMs),
    hold: hold && { reason: hold.reason, parts: hold.parts, since: timeShown(hold.sinceMs) },
  };
}

/** A time as JSON has it. */
export function timeShown(ms: number): string;
export function timeShown(ms: number | null): string | null;
export function timeShown(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
