import type { Log, LogFields } from '../../core/log.ts';
import { atMostEvery, type Clock } from '../../core/time/clock.ts';

/** Polls of so many accounts are told of one by one. */
const FEW = 3;
/** Those of more accounts that fail within this time are told of together. */
const TOGETHER_MS = 1_000;
const REPORT_EVERY_MS = 30_000;

/** Tells people of the polls of one account that fail, and when they work again. */
export interface PollReport {
  /** `reason` is the part of the line that other accounts may have in common. */
  failed(line: string, reason: string, fields: LogFields): void;
  works(): void;
  /** The account polls no longer. */
  end(): void;
}

/** Tells of an account that has its process to itself. */
export function reportAlone(log: Log): PollReport {
  return {
    failed: (line, _, fields) => log.warn(line, fields),
    works: () => log.info('polling works again'),
    end() {},
  };
}

/** Tells of all accounts of a process: when the server fails for many at once, one line says so for all of them. */
export interface PollReports {
  of(account: string, log: Log): PollReport;
}

/** See {@link PollReports}; `log` is that of the process. */
export function createPollReports(clock: Pick<Clock, 'sleep' | 'monotonic'>, log: Log): PollReports {
  const polling = new Set<string>();
  const failing = new Set<string>();
  /** What has failed in the last moment, by account. */
  let news = new Map<string, { reason: string; tell: () => void }>();
  let isDue = false;
  /** The server fails for many. */
  let outage: { isReportDue: () => boolean; recovered: Set<string> } | null = null;

  function lookSoon(): void {
    if (isDue) return;
    isDue = true;
    void clock.sleep(TOGETHER_MS).then(() => {
      isDue = false;
      look();
    });
  }

  function look(): void {
    const now = news;
    news = new Map();
    if (failing.size > FEW) {
      outage ??= { isReportDue: atMostEvery(REPORT_EVERY_MS, clock), recovered: new Set() };
      if (now.size === 0 || !outage.isReportDue()) return;
      log.warn(
        `polling failed for ${failing.size} accounts: ${commonReason(now)}; each tries again by itself`,
      );
      return;
    }
    // The last ones are about to poll again.
    if (outage && failing.size > 0 && now.size === 0) return;
    const recovered = outage?.recovered.size ?? 0;
    if (recovered > 0) log.info(`polling works again for ${recovered} accounts`);
    outage = null;
    for (const { tell } of now.values()) tell();
  }

  return {
    of(account, own) {
      polling.add(account);
      const alone = reportAlone(own);
      return {
        failed(line, reason, fields) {
          failing.add(account);
          if (polling.size <= FEW) return alone.failed(line, reason, fields);
          news.set(account, { reason, tell: () => alone.failed(line, reason, fields) });
          lookSoon();
        },
        works() {
          failing.delete(account);
          if (outage) outage.recovered.add(account);
          // Nobody was told that it failed.
          else if (!news.has(account)) alone.works();
          news.delete(account);
          if (outage && failing.size === 0) lookSoon();
        },
        end() {
          polling.delete(account);
          failing.delete(account);
          news.delete(account);
          if (outage && failing.size === 0) lookSoon();
        },
      };
    },
  };
}

/** The reason that most accounts have. */
function commonReason(failures: ReadonlyMap<string, { reason: string }>): string {
  const counts = new Map<string, number>();
  for (const { reason } of failures.values()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const [[reason] = ['']] = [...counts].sort(([, a], [, b]) => b - a);
  return reason;
}
