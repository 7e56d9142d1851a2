import type { ChatLanguage } from '../../core/message/language.ts';
import type { BusyPolicy } from '../../store/port/port.ts';

/** How a runner serves its account: the flags of `run` that concern messages and answers (contract 2). */
export interface RunnerOptions {
  /** Agents at work at once. */
  concurrency: number;
  /** Milliseconds an agent may take; 0: no limit. */
  timeoutMs: number;
  /** Milliseconds an agent may be silent; 0: no limit. */
  silenceMs: number;
  /** Milliseconds after which a user who was told nothing hears that their message is still running; 0: never. */
  workingNoticeMs: number;
  /** Milliseconds running turns and queued parts get when wxagent stops. */
  graceMs: number;
  /** Failures after which a message is given up. */
  retries: number;
  /** What the user is told of a failure: what happened, also the agent's last line, or nothing. */
  onError: 'notice' | 'detail' | 'silent';
  /** Replaces the failure notice; null: the built-in one. */
  errorText: string | null;
  /** Users allowed beside the owner. */
  allow: ReadonlySet<string> | 'all';
  /** What wxagent writes in to users who have not written in any language yet. */
  language: ChatLanguage;
  /** Whether the owner's chat commands are obeyed. */
  commands: boolean;
  /** What becomes of a message while an earlier one of its user is unfinished. */
  busy: BusyPolicy;
  /** Messages of a user that follow each other within this time become one turn; 0: none do. */
  mergeMs: number;
  /** Longest text part, in UTF-16 units. */
  maxChars: number;
  /** Parts a reply may have before its text goes as one file, and the kind of that file. */
  maxParts: number;
  longAs: 'txt' | 'md';
  /** Milliseconds a part is held at the longest. */
  holdMaxMs: number;
  /** Milliseconds between parts of the account beyond the first two; 0: no pace. */
  paceMs: number;
  /** `wechat`: shape Markdown for the phone; `raw`: send as it is. */
  format: 'wechat' | 'raw';
  /** Whether the phone shows that the agent is at work. */
  typing: boolean;
  /** Messages older than this are not given to the agent. */
  maxAgeMs: number;
  /** Content seen again within this time is a duplicate; 0: only ids and times count. */
  dedupeWindowMs: number;
  /** Ends when one poll came back empty and all is answered. */
  once: boolean;
  /** Messages given to the agent before it ends; null: no limit. */
  maxMessages: number | null;
  /** Ends after this long with nothing to do; null: never. */
  exitIdleMs: number | null;
}

/** The defaults of contract 2. */
export const DEFAULT_RUNNER_OPTIONS: RunnerOptions = {
  concurrency: 4,
  timeoutMs: 30 * 60_000,
  silenceMs: 0,
  workingNoticeMs: 0,
  graceMs: 10_000,
  retries: 3,
  onError: 'notice',
  errorText: null,
  allow: new Set(),
  language: 'en',
  commands: true,
  busy: 'queue',
  mergeMs: 0,
  maxChars: 4_000,
  maxParts: 5,
  longAs: 'txt',
  holdMaxMs: 7 * 24 * 60 * 60_000,
  paceMs: 1_500,
  format: 'wechat',
  typing: true,
  maxAgeMs: 24 * 60 * 60_000,
  dedupeWindowMs: 0,
  once: false,
  maxMessages: null,
  exitIdleMs: null,
};
