import type { ChatLanguage } from '../../core/message/language.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { StartedTurn, Store } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { excerptOf, stillWorking } from '../delivery/notices.ts';
import { textParts } from '../delivery/reply-parts.ts';
import type { RunnerOptions } from '../port/options.ts';

/** Tells a user once that their message is in progress, if the turn is long and has sent nothing (`--working-notice`). */
export interface WorkingNotice {
  /** Starts the timer of a turn. */
  begin(started: StartedTurn & { language: ChatLanguage }, runId: string): { end(): Promise<void> };
}

/** See {@link WorkingNotice}; null where the setting is off. The `end` of a timer rejects only for the store. */
export function createWorkingNotice(options: {
  account: string;
  store: Pick<Store, 'outbox' | 'turns'>;
  delivery: Pick<Delivery, 'queue'>;
  settings: Pick<RunnerOptions, 'workingNoticeMs' | 'maxChars'>;
  clock: Clock;
}): WorkingNotice | null {
  const { account, store, delivery, settings, clock } = options;

  async function wait(
    turn: StartedTurn & { language: ChatLanguage },
    runId: string,
    ended: AbortSignal,
  ): Promise<void> {
    const { user, messages, language } = turn;
    await clock.sleep(settings.workingNoticeMs, ended);
    if (ended.aborted) return;
    const { left, queued } = await store.outbox.budget({ account, user, nowMs: clock.now() });
    // The last message that the user may get is for the reply.
    if (left - queued < 2) return;
    const text = stillWorking(language, excerptOf(messages));
    const parts = textParts(text, { ...settings, format: 'raw' }, { origin: 'notice', runId });
    // The store knows whether this turn, or an earlier attempt, has sent anything.
    await delivery.queue(user, (claim) =>
      store.turns.queueNotice({ account, turn, parts, nowMs: clock.now(), claim }),
    );
  }

  if (settings.workingNoticeMs === 0) return null;
  return {
    begin(started, runId) {
      const ended = new AbortController();
      const waiting = wait(started, runId, ended.signal);
      waiting.catch(() => {}); // `end` reports it.
      return {
        end() {
          ended.abort();
          return waiting;
        },
      };
    },
  };
}
