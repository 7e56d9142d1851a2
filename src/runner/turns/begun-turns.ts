import type { NotYet, StartedTurn } from '../../store/port/port.ts';

/**
 * Turns whose start is committed before their lane comes to them: with their message, or with the end of the turn
 * before. In between they may be cancelled, or left by a runner that stops.
 */
export interface BegunTurns {
  /** Keeps one for its lane. */
  add(started: StartedTurn): void;
  /** The turn of a message is to begin in a step that is about to be taken; null: it has begun already. */
  expect(seq: number): ExpectedTurn | null;
  has(seq: number): boolean;
  /** Hands one out, once. */
  take(seq: number): StartedTurn | null;
  /** It is not to be run any more. */
  drop(seq: number): void;
  /** Hands out all that are left. */
  takeAll(): StartedTurn[];
}

/** A turn that is to begin. */
export interface ExpectedTurn {
  seq: number;
  /**
   * Keeps what came of it. One that was dropped meanwhile is handed back: what dropped it may have been committed
   * before it, and the message is wanted again since (`/stop` and `/again`).
   */
  add(result: StartedTurn | NotYet | null): StartedTurn | null;
}

/** See {@link BegunTurns}. */
export function createBegunTurns(): BegunTurns {
  /** By message; null: expected. */
  const begun = new Map<number, StartedTurn | null>();

  function take(seq: number): StartedTurn | null {
    const started = begun.get(seq) ?? null;
    begun.delete(seq);
    return started;
  }

  return {
    add: (started) => void begun.set(started.seq, started),
    expect(seq) {
      if (begun.get(seq)) return null;
      begun.set(seq, null);
      return {
        seq,
        add(result) {
          const isWanted = begun.delete(seq);
          const started = result && !('notBeforeMs' in result) ? result : null;
          if (!started || !isWanted) return started;
          begun.set(seq, started);
          return null;
        },
      };
    },
    has: (seq) => begun.has(seq),
    take,
    drop: (seq) => void begun.delete(seq),
    takeAll: () => [...begun.keys()].flatMap((seq) => take(seq) ?? []),
  };
}
