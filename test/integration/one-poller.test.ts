import { expect, test } from 'vitest';
import { expectOnePoller, watchPolls } from '../helpers/one-poller.ts';
import { talkingBot, withSimulator } from '../unit/simulator/client.ts';

/** What the tests of workers see in the simulator's log. */
test('two pollers that move one cursor are told apart from one that begins again', () =>
  withSimulator({ holdMs: 0 }, async (simulator) => {
    const polls = watchPolls(simulator.control);
    const { poll, cursor } = await talkingBot(simulator);
    const next = async (from: string): Promise<string> => (await poll(from)).get_updates_buf;
    const one = await next(cursor);
    const two = await next(one);
    // Killed, and begun again from what was stored before; an answer that nobody reads moves nothing.
    const again = await next(cursor);
    await next(two);
    const further = await next(again);
    await next(further);
    expectOnePoller(polls.end());
    // Somebody has read that answer, and goes on with it.
    const late = watchPolls(simulator.control);
    await next(await next(two));
    expect(() => expectOnePoller(late.end())).toThrow();
  }));
