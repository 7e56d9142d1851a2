import type { ChatLanguage } from '../../core/message/language.ts';
import type { WindowKeeper } from '../../core/message/window-keeper.ts';
import type { BusyPolicy } from '../../store/port/port.ts';

/** How a runner serves its account: the options of `run` about messages and replies. */
export interface RunnerOptions {
  /** Turns that may run at the same time. */
  concurrency: number;
  /** Longest turn in milliseconds; 0: no limit. */
  timeoutMs: number;
  /** Longest time without a sign of life of the agent, in milliseconds; 0: no limit. */
  silenceMs: number;
  /** Milliseconds after which a user who got nothing is told that their message is in progress; 0: never. */
  workingNoticeMs: number;
  /** Milliseconds that running turns and queued parts get when wxagent stops. */
  graceMs: number;
  /** Retries after which a message fails. */
  retries: number;
  /** What the user is told of a failure: the reason, the reason with the agent's last line, or nothing. */
  onError: 'notice' | 'detail' | 'silent';
  /** Replaces the failure notice; null: the built-in one. */
  errorText: string | null;
  /** Users allowed besides the owner. */
  allow: ReadonlySet<string> | 'all';
  /** The language of notices to users whose own language is not known yet. */
  language: ChatLanguage;
  /** Whether the owner's chat commands take effect. */
  commands: boolean;
  /** What to do with a message while an earlier one of its user is unfinished. */
  busy: BusyPolicy;
  /** Messages of a user that follow each other within this time become one turn; 0: each has its own. */
  mergeMs: number;
  /** Longest text part, in UTF-16 units. */
  maxChars: number;
  /** Parts that a reply may have before its text is sent as one file, and the kind of that file. */
  maxParts: number;
  longAs: 'txt' | 'md';
  /** Longest time that a part is held, in milliseconds. */
  holdMaxMs: number;
  /** How users are asked for a word before their windows end; null: not; 'stored': as is stored for the account. */
  keeper: WindowKeeper | null | 'stored';
  /** Milliseconds between parts of the account after the first two; 0: no pause. */
  paceMs: number;
  /** `wechat`: shape Markdown for the phone; `raw`: send it unchanged. */
  format: 'wechat' | 'raw';
  /** Whether the phone shows the typing indicator during a turn. */
  typing: boolean;
  /** Messages older than this are not given to the agent. */
  maxAgeMs: number;
  /** The same content within this time is a duplicate; 0: only IDs and times count. */
  dedupeWindowMs: number;
  /** The runner ends after an empty poll, when all messages are answered. */
  once: boolean;
  /** Turns after which the runner ends; null: no limit. */
  maxMessages: number | null;
  /** The runner ends after this long with nothing to do; null: never. */
  exitIdleMs: number | null;
}

/** The defaults of `run`. */
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
  keeper: 'stored',
  paceMs: 1_500,
  format: 'wechat',
  typing: true,
  maxAgeMs: 24 * 60 * 60_000,
  dedupeWindowMs: 0,
  once: false,
  maxMessages: null,
  exitIdleMs: null,
};
