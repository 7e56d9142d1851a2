import type { Log } from '../../core/log.ts';
import type { IntakeResult } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Lanes } from '../turns/lanes.ts';
import type { TurnQuestions } from '../turns/turn-questions.ts';
import type { Turns } from '../turns/turns.ts';

/** Dispatches what an intake has stored: to lanes, turns, questions and the delivery. */
export interface Dispatch {
  /** Queues the messages for the agent. What the lanes then start at once shares the commit of the intake. */
  beforeCommit(result: IntakeResult): void;
  /** Tells of all the rest, once it is committed. */
  committed(result: IntakeResult): void;
}

/** See {@link Dispatch}. */
export function createDispatch(options: {
  lanes: Pick<Lanes, 'add' | 'wake'>;
  turns: Pick<Turns, 'cancel'>;
  questions: Pick<TurnQuestions, 'answer'>;
  delivery: Pick<Delivery, 'wake'>;
  log: Log;
}): Dispatch {
  const { lanes, turns, questions, delivery, log } = options;
  return {
    beforeCommit({ messages }) {
      for (const { seq, user, state } of messages)
        if (state === 'received') lanes.add({ seq, user, notBeforeMs: null });
    },
    committed(result) {
      if (result.learnedOwner) log.info(`${result.learnedOwner} is the owner of this bot now`);
      for (const { seq, user } of result.superseded) {
        turns.cancel(seq);
        // The message may have waited for a retry, and later ones behind it.
        lanes.wake(user);
      }
      for (const { seq, user } of result.again) lanes.add({ seq, user, notBeforeMs: null });
      for (const user of result.released) delivery.wake(user);
      for (const { seq, id, user, state, reason } of result.messages) {
        if (state === 'received') continue;
        if (state === 'answer' && !questions.answer(user, seq)) lanes.add({ seq, user, notBeforeMs: null });
        else if (state === 'ignored') log.warn(`not given to the agent: ${reason}`, { message: id, user });
        else if (state === 'command') log.info('chat command handled', { message: id, user });
        else if (state === 'answered') log.info(`for a question: ${reason}`, { message: id, user });
        else log.debug(`not given to the agent: ${state}`, { message: id });
        // wxagent itself has replied to these.
        if (state === 'command' || state === 'answered' || reason === 'busy') delivery.wake(user);
      }
    },
  };
}
