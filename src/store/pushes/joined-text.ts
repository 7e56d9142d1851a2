import type { ToldOthers, ToldPush } from '../port/port.ts';

/** What a text tells of pushes, as it is kept while more are joined. */
export interface Told {
  /** The first, in their order. */
  pushes: ToldPush[];
  others: ToldOthers;
  /** Pushes of their sources that were not kept. */
  uncounted: number;
}

/** So many pushes are kept to be told, and so many characters of one and of all together: more than fits into a text. */
const MOST_KEPT = 300;
const PUSH_CHARS = 500;
const ALL_CHARS = 8_000;

export function toldOf(push: ToldPush): Told {
  return { pushes: [push], others: { count: 0, limit: 0, quiet: 0, lastAtMs: 0 }, uncounted: 0 };
}

/** The same of all of these: by their times. */
export function toldTogether(all: readonly Told[]): Told {
  return {
    pushes: all.flatMap(({ pushes }) => pushes).sort((one, other) => one.cameAtMs - other.cameAtMs),
    others: {
      count: sumOf(all, ({ others }) => others.count),
      limit: sumOf(all, ({ others }) => others.limit),
      quiet: sumOf(all, ({ others }) => others.quiet),
      lastAtMs: Math.max(0, ...all.map(({ others }) => others.lastAtMs)),
    },
    uncounted: sumOf(all, ({ uncounted }) => uncounted),
  };
}

/** The same with fewer texts: those behind are only counted. A text that is made of it is the same. */
export function inShort({ pushes, others, uncounted }: Told): Told {
  const kept: ToldPush[] = [];
  let chars = 0;
  for (const push of pushes) {
    if (chars > ALL_CHARS || kept.length === MOST_KEPT) break;
    const text = push.text.trim().slice(0, PUSH_CHARS).toWellFormed();
    chars += text.length;
    kept.push({ ...push, text });
  }
  const behind = pushes.slice(kept.length);
  const ofReason = (reason: string): number => behind.filter((push) => push.reason === reason).length;
  return {
    pushes: kept,
    others: {
      count: others.count + behind.length,
      limit: others.limit + ofReason('limit'),
      quiet: others.quiet + ofReason('quiet'),
      lastAtMs: Math.max(others.lastAtMs, behind.at(-1)?.cameAtMs ?? 0),
    },
    uncounted,
  };
}

function sumOf(all: readonly Told[], of: (told: Told) => number): number {
  return all.reduce((sum, told) => sum + of(told), 0);
}
