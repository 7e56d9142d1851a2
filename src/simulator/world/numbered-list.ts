/** A list with numbers for good: old entries drop off the front, and reading from a number costs what it returns. */
export interface NumberedList<T> {
  /** Adds an entry and returns its number. Beyond the limit the oldest entry goes. */
  push(entry: T): number;
  /** Up to `max` entries with a number above `n`, in order. */
  after(n: number, max?: number): T[];
  /** Forgets everything up to and including number `n`. */
  dropThrough(n: number): void;
  /** The number of the oldest entry still kept; `last + 1` when there is none. */
  readonly first: number;
  /** The number of the newest entry ever pushed; 0 before the first. */
  readonly last: number;
}

/** Entries dropped before the array is compacted: large enough to make compaction rare, small enough to stay cheap. */
const SLACK = 1024;

/** An empty list that keeps at most `limit()` entries; the limit may change at any time. */
export function createNumberedList<T>(limit: () => number = () => Number.POSITIVE_INFINITY): NumberedList<T> {
  let entries: T[] = [];
  /** How many entries at the front of the array are already dropped. */
  let dropped = 0;
  let last = 0;

  const first = () => last - (entries.length - dropped) + 1;
  const compact = () => {
    if (dropped < SLACK || dropped * 2 < entries.length) return;
    entries = entries.slice(dropped);
    dropped = 0;
  };

  return {
    push(entry) {
      entries.push(entry);
      last += 1;
      const excess = entries.length - dropped - limit();
      if (excess > 0) this.dropThrough(first() + excess - 1);
      return last;
    },
    after(n, max = Number.POSITIVE_INFINITY) {
      const start = dropped + Math.max(0, n - first() + 1);
      return entries.slice(start, start + Math.min(max, entries.length));
    },
    dropThrough(n) {
      const count = Math.min(n - first() + 1, entries.length - dropped);
      if (count <= 0) return;
      // Released at once: a dropped entry may hold a whole request body.
      entries.fill(undefined as T, dropped, dropped + count);
      dropped += count;
      compact();
    },
    get first() {
      return first();
    },
    get last() {
      return last;
    },
  };
}
