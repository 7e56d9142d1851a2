import { isQuiet, type QuietHours, quietUntilMs } from '../../core/time/quiet-hours.ts';

/**
 * When what sources push may go, as a pure rule over what is known at one moment. A push that may not go waits, and is told
 * with others later: in one text with those of its source, and near the end of the allowance in one with all.
 */

/** What a source allows itself. */
export interface SourceRule {
  /** What comes within this time is one text; 0: each push is one. */
  digestMs: number;
  /** At most so many texts in this time; null: any number. */
  limit: { count: number; perMs: number } | null;
  /** In which nothing goes; null: none. */
  quietHours: QuietHours | null;
}

/** Why a push waits. */
export type WaitReason = 'digest' | 'limit' | 'quiet' | 'allowance' | 'hold';

/** With so few messages left, pushes of all sources are joined. */
export const JOINED_FROM = 3;
/** So long they are waited for then. */
export const JOIN_MS = 60_000;

/**
 * When the rule of a source lets a text of it go: the earliest time, and what it waits for until then. `firstMs` is when
 * the oldest push came that waits, or this one; `sentMs` are the times of its texts, oldest first.
 */
export function dueOf(
  { digestMs, limit, quietHours }: SourceRule,
  { firstMs, sentMs, nowMs }: { firstMs: number; sentMs: readonly number[]; nowMs: number },
): { atMs: number; reason: WaitReason | null } {
  let [atMs, reason]: [number, WaitReason | null] = [firstMs + digestMs, digestMs > 0 ? 'digest' : null];
  if (limit) {
    const recent = sentMs.filter((ms) => ms > nowMs - limit.perMs);
    const freeMs = recent.length < limit.count ? 0 : (recent.at(-limit.count) ?? nowMs) + limit.perMs;
    if (freeMs > Math.max(atMs, nowMs)) [atMs, reason] = [freeMs, 'limit'];
  }
  const goesMs = Math.max(atMs, nowMs);
  if (quietHours !== null && isQuiet(goesMs, quietHours))
    [atMs, reason] = [quietUntilMs(goesMs, quietHours), 'quiet'];
  return atMs > nowMs ? { atMs, reason } : { atMs, reason: null };
}

/** What the user may get at this moment. */
export interface Room {
  /** Messages that may still be sent; Infinity where that is not known. */
  left: number;
  /** Something waits until the user writes. */
  isHeld: boolean;
}

/** Why a push that its source lets go waits all the same; null: it does not. */
export function heldBack({ left, isHeld }: Room): WaitReason | null {
  if (isHeld) return 'hold';
  return left <= JOINED_FROM ? 'allowance' : null;
}

/** A text that goes, of these pushes. */
export interface DueText<T> {
  pushes: T[];
  /** Nothing more can be sent until the user writes. */
  isLast: boolean;
}

/** The texts that go now, oldest first: one for each source while there is room, and one for all the others. */
export function textsOf<T extends { source: string }>(
  due: readonly T[],
  { left, isHeld }: Room,
): DueText<T>[] {
  if (due.length === 0 || isHeld || left <= 0) return [];
  const bySource = new Map<string, T[]>();
  for (const push of due) {
    const own = bySource.get(push.source);
    if (own) own.push(push);
    else bySource.set(push.source, [push]);
  }
  const sources = [...bySource.values()];
  const own = sources.slice(0, Math.max(0, left - JOINED_FROM));
  const rest = new Set(sources.slice(own.length).flat());
  const texts = [...own, ...(rest.size > 0 ? [due.filter((push) => rest.has(push))] : [])];
  return texts.map((pushes, index) => ({ pushes, isLast: left - index === 1 }));
}
