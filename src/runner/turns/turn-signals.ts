/** The end of one turn, for what waits on its behalf. */
export interface TurnOver {
  /** Aborted when the turn is told to end, and when it has ended. */
  signal(): AbortSignal;
  /** The turn has ended. */
  end(): void;
}

/** Makes the signal when it is first asked for: most turns never do, and one made for each is felt. */
export function createTurnOver(told: AbortSignal): TurnOver {
  let controller: AbortController | null = null;
  let ended = false;
  // Without a reason of its own an error would be made.
  const abort = (): void => controller?.abort('over');
  return {
    signal() {
      if (controller === null) {
        controller = new AbortController();
        if (ended || told.aborted) abort();
        else told.addEventListener('abort', abort);
      }
      return controller.signal;
    },
    end() {
      ended = true;
      abort();
    },
  };
}
