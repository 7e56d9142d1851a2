import type { EventPlace, Events } from '../../store/port/port.ts';

/** Limits of the histogram of turns, in seconds. */
export const TURN_LIMITS = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800];

/** What has happened since somebody first asked. */
export interface EventCounts {
  messages: ReadonlyMap<string, number>;
  parts: ReadonlyMap<string, number>;
  /** Turns by {@link TURN_LIMITS}, and those that took longer than all; together they took `turnMs`. */
  turns: readonly number[];
  turnMs: number;
}

const OUTCOMES = ['done', 'failed', 'ignored', 'superseded'];
const VERDICTS = ['confirmed', 'unconfirmed', 'held', 'refused', 'expired', 'merged', 'fallback'];

/** Counts events from the log of the store, each time behind the last one that was counted. */
export function createEventCounters(events: Pick<Events, 'newest' | 'counts'>): () => Promise<EventCounts> {
  const messages = new Map(OUTCOMES.map((outcome) => [outcome, 0]));
  const parts = new Map(VERDICTS.map((verdict) => [verdict, 0]));
  const turns = new Array<number>(TURN_LIMITS.length + 1).fill(0);
  const limitsMs = TURN_LIMITS.map((seconds) => seconds * 1_000);
  let turnMs = 0;
  let counted: EventPlace | null = null;
  let isBegun = false;
  let running: Promise<void> = Promise.resolve();

  async function count(): Promise<void> {
    const upTo = await events.newest();
    const after = counted ?? { xid: 0, seq: 0, atMs: 0 };
    const found = isBegun && upTo !== null ? await events.counts({ after, upTo, limitsMs }) : [];
    isBegun = true;
    counted = upTo ?? counted;
    for (const { kind, state, withinMs, count: more, ms } of found) {
      const outcome = kind === 'message' || kind === 'turn' ? messages.get(state) : undefined;
      if (outcome !== undefined) messages.set(state, outcome + more);
      if (kind === 'verdict') parts.set(state, (parts.get(state) ?? 0) + more);
      // One that is tried again, or has only begun, took no time yet.
      if (kind !== 'turn' || !OUTCOMES.includes(state)) continue;
      const limit = withinMs === null ? limitsMs.length : limitsMs.indexOf(withinMs);
      turns[limit] = (turns[limit] ?? 0) + more;
      turnMs += ms;
    }
  }

  return async () => {
    // One after the other: two at once would count twice.
    const mine = running.then(count);
    running = mine.catch(() => {});
    await mine;
    return { messages, parts, turns, turnMs };
  };
}
