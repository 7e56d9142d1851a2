import { newUuid } from '../../core/ids.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import type { SteadyClock } from '../../core/time/steady-clock.ts';
import type { ExpectationNews, Store } from '../../store/port/port.ts';
import { stamp } from '../delivery/notices.ts';
import { type ReplyShape, textParts } from '../delivery/reply-parts.ts';
import { createLookLoop } from './accounts-loop.ts';

/** How often it is looked whether something is missing. */
const LOOK_EVERY_MS = 15_000;

/** One account whose expected texts are watched. */
export interface Expecting {
  account: string;
  settings: Pick<ReplyShape, 'maxChars'> & { language: ChatLanguage };
  delivery: { wake(user: string): void };
  onError: (error: unknown) => void;
}

/** Watches the expected texts of all accounts: tells users of missing ones and of those that have come again. */
export function createExpectedWatch(
  store: Pick<Store, 'expected'>,
  clock: SteadyClock,
): (account: Expecting, signal: AbortSignal) => Promise<void> {
  async function look(accounts: ReadonlySet<Expecting>): Promise<void> {
    // A clock that jumps tells of what is not missing.
    if (clock.isUnsure()) return;
    let due: ReadonlySet<string>;
    try {
      due = new Set(await store.expected.due(clock.now()));
    } catch (error) {
      for (const member of accounts) member.onError(error);
      return;
    }
    for (const { account, settings, delivery, onError } of accounts) {
      if (!due.has(account)) continue;
      try {
        const users = await store.expected.tell({
          account,
          nowMs: clock.now(),
          compose: (news, language) =>
            textParts(
              expectationNotice(news, language ?? settings.language),
              { ...settings, format: 'raw' },
              // It is an alert like any other: what does not arrive goes another way.
              { origin: 'send', runId: newUuid() },
            ),
        });
        for (const user of users) delivery.wake(user);
      } catch (error) {
        onError(error);
      }
    }
  }

  return createLookLoop(look, LOOK_EVERY_MS, clock).join;
}

/** What a user is told about a text that is missing, or has come again. */
function expectationNotice(news: ExpectationNews, language: ChatLanguage): string {
  const { key, everyMs, sinceMs, lastSeenAtMs, missingSinceMs } = news;
  const isChinese = language === 'zh';
  const seen = (atMs: number): string => stamp(new Date(atMs), true);
  if (news.about === 'back') {
    const missing = seen(missingSinceMs ?? sinceMs);
    const came = seen(lastSeenAtMs ?? sinceMs);
    return isChinese
      ? `✅ “${key}”又来了：${came}（从 ${missing} 起未收到）`
      : `✅ "${key}" has come again: ${came} (missing since ${missing})`;
  }
  const every = span(everyMs, isChinese);
  const last =
    lastSeenAtMs === null
      ? isChinese
        ? `从 ${seen(sinceMs)} 起一次也没有`
        : `none since ${seen(sinceMs)}`
      : isChinese
        ? `上一次是 ${seen(lastSeenAtMs)}`
        : `the last one came ${seen(lastSeenAtMs)}`;
  return isChinese
    ? `⏰ “${key}”没有按时来：应每 ${every}一次，${last}`
    : `⏰ "${key}" is missing: expected every ${every}, ${last}`;
}

/** `26 h`, `90 min`, `3 d`: in the largest unit that fits without a rest. */
function span(ms: number, isChinese: boolean): string {
  const units = [
    [86_400_000, 'd', '天'],
    [3_600_000, 'h', '小时'],
    [60_000, 'min', '分钟'],
    [1_000, 's', '秒'],
  ] as const;
  const [unitMs, en, zh] =
    units.find(([unit]) => ms >= unit && ms % unit === 0) ?? ([1, 'ms', '毫秒'] as const);
  return `${ms / unitMs} ${isChinese ? zh : en}`;
}
