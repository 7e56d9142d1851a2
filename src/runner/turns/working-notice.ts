import type { Clock } from '../../core/time/clock.ts';
import type { StartedTurn, Store } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { excerptOf } from '../delivery/message-excerpt.ts';
import { stillWorking } from '../delivery/notices.ts';
import { textParts } from '../delivery/reply-parts.ts';
import type { RunnerOptions } from '../port/options.ts';

/** Tells the user once that their message is being worked on, when a turn takes long and has said nothing (`--working-notice`). */
export interface WorkingNotice {
  /** Begins to count for a turn. The returned function ends that; it rejects only for the store. */
  begin(started: StartedTurn, runId: string): () => Promise<void>;
}

/** Notices after `afterMs` of silence. */
export function createWorkingNotice(options: {
  account: string;
  afterMs: number;
  store: Pick<Store, 'outbox' | 'turns'>;
  delivery: Pick<Delivery, 'queue'>;
  shape: Pick<RunnerOptions, 'maxChars' | 'language'>;
  clock: Clock;
}): WorkingNotice {
  const { account, store, delivery, clock } = options;

  async function wait(started: StartedTurn, runId: string, over: AbortSignal): Promise<void> {
    await clock.sleep(options.afterMs, over);
    if (over.aborted) return;
    const { seq, user } = started;
    const { left, queued } = await store.outbox.budget({ account, user, nowMs: clock.now() });
    // The last message that the user may get belongs to the answer.
    if (left - queued < 2) return;
    const text = stillWorking(started.language ?? options.shape.language, excerptOf(started.messages));
    const parts = textParts(text, { ...options.shape, format: 'raw' }, { origin: 'notice', runId });
    // Whether the turn, or an earlier attempt, has said anything is the store's to know.
    await delivery.queue(user, (claim) =>
      store.turns.queueNotice({ account, seq, parts, nowMs: clock.now(), claim }),
    );
  }

  return {
    begin(started, runId) {
      const over = new AbortController();
      const waiting = wait(started, runId, over.signal);
      waiting.catch(() => {}); // whoever ends it hears of it
      return () => {
        over.abort();
        return waiting;
      };
    },
  };
}
