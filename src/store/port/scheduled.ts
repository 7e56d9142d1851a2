import type { NewPart, PartView } from './outbox.ts';

/** A text that is to be sent later (`send --at`). */
export interface ScheduledText {
  seq: number;
  account: string;
  user: string;
  text: string;
  format: 'wechat' | 'raw';
  atMs: number;
  /** `--key`, `--id` and `--ttl` of `send`; the time begins when it is queued. */
  key: string | null;
  id: string | null;
  ttlMs: number | null;
}

/** How people and programs name a text that is to be sent later: parts have numbers as well. */
export function scheduledId(seq: number): string {
  return `at-${seq}`;
}

/** The number of the text with this name; null: it is none. */
export function scheduledSeq(id: string): number | null {
  const [, seq] = /^at-(\d{1,15})$/.exec(id) ?? [];
  return seq === undefined ? null : Number(seq);
}

/** Texts that are to be sent later: they come into the outbox at their time. */
export interface Scheduled {
  /** Keeps a text until its time. One of the same `--id` is kept as it is; one of the same `--key` is replaced. */
  schedule(input: Omit<ScheduledText, 'seq'> & { nowMs: number }): Promise<ScheduledText>;
  /** The texts of an account, the next one first. */
  scheduled(account: string): Promise<ScheduledText[]>;
  /** Drops a text, for good. False: it was sent, or is not there. */
  unschedule(input: { account: string; seq: number; by: string; nowMs: number }): Promise<boolean>;
  /** The texts of these accounts whose time has come, a hundred at most. */
  dueTexts(nowMs: number, accounts: readonly string[]): Promise<ScheduledText[]>;
  /** Queues a text whose time has come, once. Its parts; none: it was sent or dropped meanwhile. */
  release(input: { text: ScheduledText; parts: NewPart[]; nowMs: number }): Promise<PartView[]>;
}
