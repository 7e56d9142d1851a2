import type { Clock } from '../../core/time/clock.ts';

/** What a lane does after a run of its head: go on, run it again later or after another one, or start nothing more. */
export type LaneStep =
  | { kind: 'next' }
  | { kind: 'later'; notBeforeMs: number }
  | { kind: 'after'; seq: number }
  | { kind: 'halt' };

/** The queues of all users of one account: strictly in order per user, a bounded number of users at once. */
export interface Lanes {
  /** Queues a message in order. One that is queued stays; one that runs is run again, unless `notBeforeMs`. */
  add(entry: { seq: number; user: string; notBeforeMs: number | null }): void;
  /** Ends the wait of a user's lane: its head may start now. */
  wake(user: string): void;
  /** Starts nothing until {@link resume}; messages are queued meanwhile. Resolves when no turn runs. */
  pause(): Promise<void>;
  resume(): void;
  /** Starts nothing more. Resolves when no turn runs. */
  stop(): Promise<void>;
  /** Messages queued or running. */
  readonly size: number;
  /** Messages running now. */
  readonly running: number;
  /** Resolves when nothing is queued or running. */
  idle(): Promise<void>;
}

/** The longest wait of a message. A later time means that the clock was set back since, and counts as now. */
const LONGEST_WAIT_MS = 24 * 60 * 60_000;

interface Waiting {
  seq: number;
  /** When it may start, on the monotonic clock: setting the wall clock does not change a wait. */
  notBefore: number;
}

interface Lane {
  queue: Waiting[];
  running: boolean;
  /** The head was added again, or woken, while it ran: it is run once more. */
  repeat: boolean;
  /** Ends the wait for its head. */
  waiting: AbortController | null;
}

/** Makes lanes in memory. They have numbers only: the store has the messages. An empty lane is removed. */
export function createLanes(options: {
  concurrency: number;
  clock: Clock;
  /** Runs one message; must not reject. */
  run: (seq: number, user: string) => Promise<LaneStep>;
}): Lanes {
  const { concurrency, clock, run } = options;
  const lanes = new Map<string, Lane>();
  /** Users whose head may start, in the order in which it became ready. */
  let ready: string[] = [];
  const known = new Set<number>();
  let running = 0;
  let stopped = false;
  let paused = false;
  const waiters: (() => void)[] = [];
  /** They wait for the end of the turns that run. */
  const resting: (() => void)[] = [];

  function pump(): void {
    while (!stopped && !paused && running < concurrency) {
      const user = ready.shift();
      if (user === undefined) break;
      const lane = lanes.get(user);
      const head = lane?.queue[0];
      if (lane && head && !lane.running) void start(user, lane, head);
    }
    if (running === 0 && (stopped || known.size === 0)) {
      for (const resolve of waiters.splice(0)) resolve();
    }
    if (running === 0) for (const resolve of resting.splice(0)) resolve();
  }

  async function start(user: string, lane: Lane, head: Waiting): Promise<void> {
    lane.running = true;
    running++;
    const step = await run(head.seq, user);
    running--;
    lane.running = false;
    const { repeat } = lane;
    lane.repeat = false;
    if (step.kind === 'next' && !repeat) {
      lane.queue.shift();
      known.delete(head.seq);
    } else if (step.kind === 'later' && !repeat) {
      head.notBefore = monotonicOf(step.notBeforeMs);
    } else if (step.kind === 'after') {
      known.add(step.seq);
      const others = lane.queue.filter(({ seq }) => seq !== step.seq);
      lane.queue = [{ seq: step.seq, notBefore: clock.monotonic() }, ...others];
    }
    const [next] = lane.queue;
    if (!next) lanes.delete(user);
    else if (step.kind !== 'halt') schedule(user, lane, next);
    pump();
  }

  function monotonicOf(wallMs: number): number {
    const waitMs = wallMs - clock.now();
    return clock.monotonic() + (waitMs > LONGEST_WAIT_MS ? 0 : Math.max(0, waitMs));
  }

  function schedule(user: string, lane: Lane, head: Waiting): void {
    const waitMs = head.notBefore - clock.monotonic();
    if (waitMs <= 0) {
      ready.push(user);
      return;
    }
    const waiting = new AbortController();
    lane.waiting = waiting;
    void clock.sleep(waitMs, waiting.signal).then(() => {
      lane.waiting = null;
      if (stopped) return;
      // Another may have become the head meanwhile.
      schedule(user, lane, lane.queue[0] ?? head);
      pump();
    });
  }

  return {
    add({ seq, user, notBeforeMs }) {
      const lane = lanes.get(user);
      if (known.has(seq)) {
        if (notBeforeMs === null && lane?.running && lane.queue[0]?.seq === seq) lane.repeat = true;
        return;
      }
      known.add(seq);
      const entry = { seq, notBefore: monotonicOf(notBeforeMs ?? 0) };
      if (lane) insert(lane, entry);
      else {
        const opened = { queue: [entry], running: false, repeat: false, waiting: null };
        lanes.set(user, opened);
        schedule(user, opened, entry);
      }
      pump();
    },
    wake(user) {
      const lane = lanes.get(user);
      const head = lane?.queue[0];
      if (!lane || !head) return;
      lane.repeat = lane.running;
      head.notBefore = clock.monotonic();
      lane.waiting?.abort();
    },
    async pause() {
      paused = true;
      if (running > 0) await new Promise<void>((resolve) => resting.push(resolve));
    },
    resume() {
      paused = false;
      pump();
    },
    async stop() {
      stopped = true;
      ready = [];
      for (const lane of lanes.values()) lane.waiting?.abort();
      if (running > 0) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    get size() {
      return known.size;
    },
    get running() {
      return running;
    },
    async idle() {
      if (known.size > 0) await new Promise<void>((resolve) => waiters.push(resolve));
    },
  };
}

/** Inserts by age: a message that `retry` runs again may be older than the queued ones. It does not wait for them. */
function insert(lane: Lane, entry: Waiting): void {
  const from = lane.running ? 1 : 0;
  const at = lane.queue.findIndex(({ seq }, index) => index >= from && seq > entry.seq);
  if (at < 0) lane.queue.push(entry);
  else lane.queue.splice(at, 0, entry);
  if (at === 0) lane.waiting?.abort();
}
