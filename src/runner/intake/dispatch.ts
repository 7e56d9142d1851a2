import type { Log } from '../../core/log.ts';
import type { IntakeResult } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Lanes } from '../turns/lanes.ts';
import type { Asks } from '../turns/questions.ts';
import type { Turns } from '../turns/turns.ts';

/** Makes what takes up the work that a committed intake has brought: lanes, turns that end, questions, notices to send. */
export function createArrivals(options: {
  lanes: Pick<Lanes, 'add' | 'wake'>;
  turns: Pick<Turns, 'cancel'>;
  asks: Pick<Asks, 'answer'>;
  delivery: Pick<Delivery, 'kick'>;
  log: Log;
}): (result: IntakeResult) => void {
  const { lanes, turns, asks, delivery, log } = options;
  return (result) => {
    if (result.learnedOwner) log.info(`${result.learnedOwner} is the owner of this bot now`);
    for (const { seq, user } of result.superseded) {
      turns.cancel(seq);
      // It may have waited for a retry, and others behind it.
      lanes.wake(user);
    }
    for (const { seq, user } of result.again) lanes.add({ seq, user, notBeforeMs: null });
    for (const user of result.released) delivery.kick(user);
    for (const { seq, id, user, state, reason } of result.messages) {
      if (state === 'received' || (state === 'answer' && !asks.answer(user, seq))) {
        lanes.add({ seq, user, notBeforeMs: null });
      } else if (state === 'ignored') {
        log.warn(`not given to the agent: ${reason}`, { message: id, user });
      } else if (state === 'command') log.info('obeyed a chat command', { message: id, user });
      else log.debug(`not given to the agent: ${state}`, { message: id });
      // What it was answered with by wxagent itself.
      if (state === 'command' || reason === 'busy') delivery.kick(user);
    }
  };
}
