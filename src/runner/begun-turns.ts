import type { NotYet, StartedTurn } from '../store/port.ts';

/**
 * Turns whose start is committed before their lane comes to them: with their message, or with the end of the turn
 * before. In between they may be cancelled, or left by a runner that stops.
 */
export interface BegunTurns {
  /** Keeps one for its lane. */
  add(started: StartedTurn): void;
  /** The turn of a message is to begin in a step that is about to be taken: `add` what came of it, unless it was dropped meanwhile. */
  expect(seq: number): { add(result: StartedTurn | NotYet | null): void };
  has(seq: number): boolean;
  /** Hands one out, once. */
  take(seq: number): StartedTurn | null;
  /** It is not to be run any more. */
  drop(seq: number): void;
  /** Hands out all that are left. */
  takeAll(): StartedTurn[];
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
      begun.set(seq, null);
      return {
        add(result) {
          if (!begun.delete(seq)) return;
          if (result && !('notBeforeMs' in result)) begun.set(seq, result);
        },
      };
    },
    has: (seq) => begun.has(seq),
    take,
    drop: (seq) => void begun.delete(seq),
    takeAll: () => [...begun.keys()].flatMap((seq) => take(seq) ?? []),
  };
}
